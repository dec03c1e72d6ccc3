"""The append-only truth in SQLite, and the state folded from it."""
