"""The stages of a dub, in the order in which they run."""
