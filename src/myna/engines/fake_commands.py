"""Commands in a text that make the engines for tests misbehave, such as `fake:crash` or `fake:fail=no_luck`."""

from __future__ import annotations

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from myna.errors import EngineFailed


@dataclass(frozen=True, slots=True)
class Command:
    """What is to go wrong, and where."""

    position: int
    """Index in the text without its commands."""
    name: str
    value: str

    def number(self) -> float:
        try:
            return float(self.value or 1)
        except ValueError:
            raise EngineFailed(f"`{self.name}` needs a number, not `{self.value}`.") from None


def parse(text: str, prefix: str = "fake") -> tuple[str, list[Command]]:
    """The text without its commands (`fake` when nothing is left), and the commands with their places in it."""
    spoken, commands, end = "", [], 0
    for match in re.finditer(rf"\s*\b{prefix}:([a-z]+(?:-[a-z]+)?)(?:=([\w.-]*\w))?\s*", text):
        spoken += text[end : match.start()]
        commands.append(Command(len(spoken), match[1], match[2] or ""))
        if spoken and match.end() < len(text):
            spoken += " "
        end = match.end()
    spoken += text[end:]
    return spoken or "fake", commands


def misbehave(command: Command) -> None:
    """Crash, hang or fail, when that is the command."""
    match command.name:
        case "crash":
            os._exit(70)
        case "crash-once" if _first_time(command.value):
            os._exit(70)
        case "hang":
            while True:
                time.sleep(3600)
        case "fail":
            raise EngineFailed(command.value.replace("_", " ") or "The fake engine was told to fail.")


def _first_time(token: str) -> bool:
    """A marker in the temporary folder remembers the token."""
    marker = Path(tempfile.gettempdir()) / f"myna-fake-{re.sub(r'[^A-Za-z0-9_-]', '-', token)}"
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
