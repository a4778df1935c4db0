"""`python -m myna`."""

from myna.cli import main

main()
