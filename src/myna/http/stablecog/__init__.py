"""The Stablecog voiceover API."""
