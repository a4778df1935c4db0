"""The program: `myna`, and `python -m myna`."""

from myna import cli
from myna.kit.processes import ended_at_once


def main() -> None:
    """Run a command and end."""
    with ended_at_once():
        cli.main()


if __name__ == "__main__":
    main()
