"""Engines in environments of their own: a Python with its own libraries, which cannot live beside the server's.

Myna is lent to that Python (`launcher.py`), so it need not be installed there and is always of the same version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from myna.engines.kinds import Kind
from myna.engines.probing import Absent, Probed, from_json

SECONDS = 30.0
"""How long an engine may take to say what it can do. It loads no model for that."""

_LAUNCHER = Path(__file__).with_name("launcher.py")
_PRIVATE = ("MYNA_SECRET", "MYNA_DATABASE_URL", "MYNA_STORAGE_URL", "MYNA_HUB_TOKEN", "HF_TOKEN", "AWS_")
"""What an engine need not know, by the beginning of the name."""
_QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}
"""Keeps the libraries of engines from calling anybody: models come by `myna models` alone."""
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""What says where this Python's libraries are, and would lead another one astray."""


@dataclass(frozen=True, slots=True)
class Program:
    """How an engine is started."""

    target: str
    """Its name, or `module:Class`."""
    python: Path | None = None
    """Of its environment; None: the one that runs this."""

    def command(self, *arguments: str) -> list[str]:
        """`myna.engines.child` with these arguments."""
        if self.python is None:
            return [sys.executable, "-P", "-m", "myna.engines.child", *arguments]
        return [str(self.python), "-P", str(_LAUNCHER), *arguments]

    def environment(self) -> dict[str, str]:
        """The variables of this process, without what is no business of an engine."""
        hidden = _PRIVATE if self.python is None else (*_PRIVATE, *_OURS)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return {"OPENBLAS_NUM_THREADS": "1"} | kept | _QUIET  # processes share the cores


def ask(name: str, program: Program, kind: Kind = "speech", seconds: float = SECONDS) -> Probed | Absent:
    """What an engine in another environment says about itself. Whatever goes wrong there is a reason, of this kind."""
    try:
        ended = subprocess.run(
            program.command("--describe", program.target),
            env=program.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        return Absent(f"its Python cannot be started: {error}", kind)
    except subprocess.TimeoutExpired:
        return Absent(f"its Python {program.python} did not answer within {seconds:g} seconds", kind)
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or ["no word why"]
        return Absent(f"its Python {program.python} ended with {ended.returncode}: {said[-1]}", kind)
    try:
        found = from_json(json.loads(ended.stdout))
    except (ValueError, AttributeError) as error:
        return Absent(f"its Python {program.python} cannot be understood: {' '.join(str(error).split())}", kind)
    if isinstance(found, Absent):
        return Absent(found.reason, found.kind if kind == "speech" else kind)
    if found.capabilities.name != name:
        return Absent(f"it calls itself `{found.capabilities.name}`", kind)
    return found


def ask_all(programs: Mapping[str, tuple[Program, Kind]]) -> dict[str, Probed | Absent]:
    """The answers of engines in other environments, asked at the same time."""
    if not programs:
        return {}
    with ThreadPoolExecutor(max_workers=min(8, len(programs))) as threads:
        answers = threads.map(lambda name: ask(name, *programs[name]), programs)
        return dict(zip(programs, answers, strict=True))
