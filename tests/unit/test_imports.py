"""Which parts may import which libraries: the doors to danger and to heavy weight are few."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "myna"

ONLY_IN = {
    "fastapi": ["http/**", "app.py"],
    "starlette": ["http/**", "app.py"],
    "uvicorn": ["cli/serve.py"],
    "sqlalchemy": ["db/**", "**/repository.py"],
    "dbos": ["worker/**", "**/workflow.py", "**/steps.py", "webhooks/delivery.py"],
    "httpx": [
        "webhooks/delivery.py",
        "media/**",
        "models/download.py",
        "models/answers.py",
        "engines/chat.py",
        "engines/upstream.py",
        "engines/remote/**",
    ],
    "huggingface_hub": [],
    "av": ["media/**"],
    "subprocess": [
        "media/sandbox.py",
        "engines/host.py",
        "engines/elsewhere.py",
        "engines/environments.py",
        "engines/apertium/pipeline.py",
    ],
    "multiprocessing": [],
    "obstore": ["storage/**"],
    "typer": ["cli/**"],
    "espeakng_loader": ["engines/espeak/**"],
    "onnxruntime": ["engines/**", "audio/**", "speech/text/diacritics.py"],
    "kokoro_onnx": ["engines/kokoro/**"],
    "misaki": ["engines/kokoro/chinese_japanese.py"],
    "piper": ["engines/piper.py"],
    "demucs": ["engines/demucs.py"],
    "sherpa_onnx": ["engines/sherpa.py"],
    "torch": ["engines/**"],
    "ctranslate2": ["engines/whisper/**", "engines/ctranslate/**"],
    "faster_whisper": ["engines/whisper/**"],
    "sentencepiece": ["engines/ctranslate/**"],
}


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Top-level names of all modules that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return frozenset({name.split(".")[0] for name in names} | names)


FILES = sorted(SOURCE.rglob("*.py"))


def fits(path: PurePosixPath, pattern: str) -> bool:
    if pattern.endswith("/**"):
        return path.is_relative_to(pattern.removesuffix("/**"))
    return path.match(pattern)


@pytest.mark.parametrize("library", ONLY_IN)
def test_library_is_imported_only_where_it_may_be(library: str) -> None:
    elsewhere = [
        str(place)
        for file in FILES
        if library in imports_of(file)
        and not any(fits(place := PurePosixPath(file.relative_to(SOURCE)), pattern) for pattern in ONLY_IN[library])
    ]
    assert elsewhere == []


def test_models_are_fetched_by_one_command_only() -> None:
    fetching = {"myna.models.pull", "myna.models.download"}
    users = {file.relative_to(SOURCE).as_posix() for file in FILES if fetching & imports_of(file)}
    assert users == {"cli/models.py", "models/pull.py"}


def test_nobody_imports_the_repository_of_another_domain() -> None:
    strangers = []
    for file in FILES:
        here = "myna." + ".".join(file.relative_to(SOURCE).parts[:-1])
        strangers += [
            f"{file.relative_to(SOURCE)} imports {name}"
            for name in imports_of(file)
            if name.startswith("myna.") and name.endswith(".repository") and name != f"{here}.repository"
        ]
    assert strangers == []


def test_facades_do_not_know_each_other() -> None:
    facades = ("stablecog", "modelslab", "magichour", "munsit", "openai", "native")
    strangers = []
    for facade in facades:
        for file in (SOURCE / "http" / facade).rglob("*.py"):
            known = {
                name.split(".")[2] for name in imports_of(file) if name.startswith("myna.http.") and name.count(".") > 1
            }
            strangers += [f"{file.name} of {facade} imports {other}" for other in known & set(facades) - {facade}]
    assert strangers == []


LONGEST_FILE = 600
LONGEST_FUNCTION = 70


def test_files_and_functions_stay_short() -> None:
    long = []
    for file in FILES:
        if "migrations/versions" in file.as_posix():
            continue
        text = file.read_text()
        if text.count("\n") > LONGEST_FILE:
            long.append(str(file.relative_to(SOURCE)))
        long += [
            f"{file.relative_to(SOURCE)}:{node.lineno} {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
        ]
    assert long == []
