"""Starts an engine's process with the Python of another environment: `python launcher.py ARGUMENTS`, which are those of
`myna.engines.child`.

It lends that Python the package `myna`, and none of the libraries that lie beside it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def lend_myna() -> None:
    """Make `import myna` find the package that this file is part of."""
    folder = Path(__file__).resolve().parents[1]
    place = importlib.util.spec_from_file_location(
        "myna", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert place is not None
    assert place.loader is not None
    package = importlib.util.module_from_spec(place)
    sys.modules["myna"] = package
    place.loader.exec_module(package)


def main(arguments: list[str]) -> int:
    lend_myna()
    from myna.engines.child import main as child

    return child(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
