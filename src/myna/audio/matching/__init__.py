"""Moves one voice towards another with the WORLD vocoder: pure functions on samples and frames, no models."""
