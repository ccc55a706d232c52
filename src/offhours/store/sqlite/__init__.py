"""SQLite: one file, and what reads and writes it."""
