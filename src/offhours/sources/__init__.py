"""Where settings come from: files, the environment, and which of them wins."""
