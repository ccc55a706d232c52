"""Offhours inside of other frameworks. Each module needs its framework, and is loaded on use."""
