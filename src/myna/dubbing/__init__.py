"""A video in one language comes back in another, in sync."""
