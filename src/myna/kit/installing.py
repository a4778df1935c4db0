"""The command that installs what is missing, for the way in which Myna itself came to this Python."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
"""The checkout that this file is part of, if it is part of one."""
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^/\s`'\"]+/)+")


def is_lent() -> bool:
    """Whether Myna is only lent to this Python, that of an engine's own environment."""
    try:
        return not version("myna")
    except PackageNotFoundError:
        return True


def install_extra(extra: str) -> str:
    """The command that brings an extra of Myna. The environment of a checkout has no pip, and no index has to have
    Myna for it.
    """
    prepare = TREE / "scripts" / "prepare"
    if prepare.is_file() and Path(sys.prefix).resolve() == TREE / ".venv":
        return f"{shlex.quote(str(prepare))} --no-dev --inexact --extra {extra}"
    return install_package(f"myna[{extra}]")


def install_package(requirement: str) -> str:
    """The command that brings a package to this Python, which need not be the first one that a shell finds."""
    python = shlex.quote(sys.executable)
    pip = f"{python} -m pip install" if find_spec("pip") else f"uv pip install --python {python}"
    return f"{pip} {shlex.quote(requirement)}"


def without_folders(text: str) -> str:
    """A reason or a command as clients of an API are told it: of each file only its name, and the way to it from the
    checkout. Where things lie on this machine is for `myna doctor`.
    """
    return _FOLDERS.sub("", text.replace(f"{TREE}/", ""))
