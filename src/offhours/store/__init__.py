"""The store: one truth, in plain named SQL."""
