"""The HTTP interface: one folder for each API."""
