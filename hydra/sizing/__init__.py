"""From signals to target weights: one way of sizing a file, found by its file name."""
