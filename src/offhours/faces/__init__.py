"""Documented classes of other interfaces, thin on the one core."""
