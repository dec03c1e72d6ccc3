"""Panels that read the journal, one a file; each is a pure table with a view on top."""
