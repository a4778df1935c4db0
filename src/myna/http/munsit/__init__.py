"""Munsit's API, formerly Faseeh's: https://docs.munsit.com."""
