"""The engine: claims jobs, runs them, and keeps every promise about them."""
