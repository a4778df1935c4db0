"""Myna's own API: what no vendor's API covers."""
