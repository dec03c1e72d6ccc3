"""From bars to signals: one strategy a file, found by its file name."""
