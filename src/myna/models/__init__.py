"""Weights of neural engines on this machine: which there are, where they lie, how they come here."""
