"""Telling other servers what happened."""
