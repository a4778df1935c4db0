"""Accepted pieces of work."""
