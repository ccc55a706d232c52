"""What makes the documentation: drawings from the code, and how its docstrings are read."""
