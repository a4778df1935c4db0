"""Makes environments for engines whose libraries cannot live beside the server's: torch, and pins that exclude others.

Each is a folder with a Python of its own. Myna is not installed there but lent to it (`launcher.py`).
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from myna.errors import EngineUnavailable, InvalidRequest

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch has its builds for processors. On Linux PyPI has those with several gigabytes for graphics cards."""
MARK = "complete"
"""A file in an environment that is whole. It holds what was installed, a requirement on each line."""

Run = Callable[[Sequence[str]], int]
"""Runs a program, with its output for whoever looks on; returns what it ended with."""

_ALWAYS = ("numpy", "platformdirs>=4.3", "pydantic-settings>=2.16")
"""What Myna itself needs there, of whatever version the engine's own libraries allow."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the environment of an engine holds."""

    torch: tuple[str, ...]
    """Comes first, from an index of its own."""
    libraries: tuple[str, ...]
    gigabytes: float
    """Of room, as near as is known."""
    graphics_card: bool = False


RECIPES = {
    "chatterbox": Recipe(
        ("torch==2.6.0", "torchaudio==2.6.0"), ("chatterbox-tts==0.1.7", "setuptools<81"), 8.0, graphics_card=True
    ),
    "demucs": Recipe(("torch>=2.1",), ("demucs==4.1.0",), 1.2),
    "pocket": Recipe(("torch>=2.5",), ("pocket-tts==4.0.1", "python-stretch>=0.3.1"), 1.2),
    "qwen-tts": Recipe(("torch>=2.6", "torchaudio>=2.6"), ("qwen-tts==0.1.1",), 8.0, graphics_card=True),
}


def recipe_of(engine: str) -> Recipe:
    """Raises `InvalidRequest` for an engine that needs no environment of its own."""
    if engine not in RECIPES:
        known = ", ".join(RECIPES)
        raise InvalidRequest(f"There is no environment to be made for `{engine}`, only for {known}.")
    return RECIPES[engine]


def steps(engine: str, folder: Path, torch_index: str | None = None) -> list[list[str]]:
    """The commands that make an environment. `torch_index`: where torch comes from; empty: from where pip looks anyway;
    None: the builds for processors, unless the engine wants a graphics card.
    """
    recipe = recipe_of(engine)
    if torch_index is None:
        torch_index = "" if recipe.graphics_card or sys.platform != "linux" else CPU_INDEX
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    return [
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, *recipe.torch, *(("--index-url", torch_index) if torch_index else ())],
        [*pip, *recipe.torch, *recipe.libraries, *_ALWAYS],
    ]


def install(engine: str, folder: Path, torch_index: str | None = None, run: Run = subprocess.call) -> Path:
    """Make the environment of an engine anew, and return its Python. Raises `InvalidRequest`, `EngineUnavailable`."""
    commands = steps(engine, folder, torch_index)
    remove(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command in commands:
        if code := run(command):
            elsewhere = "; `--torch-index` takes torch from elsewhere" if "--index-url" in command else ""
            raise EngineUnavailable(
                f"The environment of `{engine}` was not made. This ended with {code}{elsewhere}: {shlex.join(command)}"
            )
    recipe = recipe_of(engine)
    (folder / MARK).write_text("\n".join((*recipe.torch, *recipe.libraries)) + "\n")
    return folder / "bin" / "python"


def remove(folder: Path) -> bool:
    """Take an environment away; whether there was one. What is half taken away is not used any more."""
    there = folder.exists()
    (folder / MARK).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return there
