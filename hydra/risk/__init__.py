"""The gate between what a strategy wants and what leaves: one objection a file."""
