"""PostgreSQL: one schema of a database, and what speaks to it."""
