"""Engines: what turns text into sound. Built-in ones come through the same door as third-party ones."""
