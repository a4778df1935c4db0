"""Whether an engine has what it needs to run here, and if not, the command that brings it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from myna.engines.environments import RECIPES
from myna.errors import EngineUnavailable
from myna.kit.installing import install_extra, install_package, is_lent
from myna.settings import Settings


def usable(engine: str, libraries: Mapping[str, str], find_model: Callable[[], object]) -> tuple[bool, str]:
    """The answer of `available()` of an engine with libraries, each a module and its package, and with a model, for
    want of which `find_model` raises `EngineUnavailable`.
    """
    if reason := missing_library(engine, libraries):
        return False, reason
    try:
        find_model()
    except EngineUnavailable as error:
        return False, error.message
    return True, ""


def missing_library(engine: str, libraries: Mapping[str, str]) -> str:
    """The first of them that is not installed, and the command that brings it; empty when all are."""
    package = next((package for module, package in libraries.items() if find_spec(module) is None), None)
    return f"`{package}` is not installed: `{_install(engine, package)}` brings it" if package else ""


def _install(engine: str, package: str) -> str:
    """Who made an environment by hand has its pip; what `myna engines install` made, that makes anew."""
    by_hand = is_lent() and not Path(sys.prefix).resolve().is_relative_to(Settings().environments_dir.resolve())
    if by_hand:
        return install_package(package)
    return f"myna engines install {engine}" if engine in RECIPES else install_extra(engine)
