"""Where bars come from: one source a file."""
