"""Writes what of the documentation follows from the code: settings.md, cli.md, the tables in engines.md and models.md.

`scripts/docs` runs it; a test fails when a page is stale.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from myna import cli, settings
from myna.engines.base import Capabilities
from myna.engines.denoising import DenoisingCapabilities
from myna.engines.kinds import AnyCapabilities, kind_of
from myna.engines.recognition import RecognitionCapabilities
from myna.engines.registry import GROUP
from myna.engines.separation import SeparationCapabilities
from myna.engines.translation import TranslationCapabilities
from myna.models.catalogue import in_words
from myna.models.catalogue import load as load_models
from myna.models.schemas import Model
from myna.settings import Settings

DOCS = Path(__file__).parent
NOTE = "<!-- Written by scripts/docs. Change the code instead. -->"
TABLE = re.compile(r"(<!-- (speech|recognition|translation|separation|denoising) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
MODELS = re.compile(r"(<!-- models -->\n).*?(<!-- /models -->)", re.DOTALL)
OF_THIS_MACHINE = {"data_dir": "the user's data folder", "engine_processes": "one for each core, at most 4"}
"""Defaults that differ from machine to machine."""
WIDTH = 100


def main() -> None:
    for page, render in PAGES.items():
        (DOCS / page).write_text(render())


def settings_page() -> str:
    lines = [
        "# Settings",
        NOTE,
        "",
        "Each setting is an environment variable, or a line in `myna.toml` in the folder where Myna starts, under its",
        'name without `MYNA_` and in small letters: `port = 8311`, `engines = ["flite", "espeak"]`. The environment',
        "wins. `myna doctor` says which are set, and finds those that are misspelt.",
    ]
    for section, names in _sections():
        lines += ["", f"## {section}", "", "| Variable | Default | Values | Meaning |", "|---|---|---|---|"]
        lines += [_setting(name, meaning) for name, meaning in names.items()]
    return "\n".join(lines) + "\n"


def _sections() -> Iterator[tuple[str, dict[str, str]]]:
    """The comments between the fields are the sections; the string under a field is its meaning."""
    source = inspect.getsource(settings)
    tree = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    comments = {
        number: line.strip("# ") for number, line in enumerate(source.splitlines(), 1) if re.match(r"    # [A-Z]", line)
    }
    fields: dict[str, dict[str, str]] = {}
    for field, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            section = comments[max(number for number in comments if number < field.lineno)]
            fields.setdefault(section, {})[field.target.id] = _string(below)
    yield from fields.items()


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    raise ValueError("every setting says what it means, in a string under it")


def _setting(name: str, meaning: str) -> str:
    field = Settings.model_fields[name]
    cells = (f"`MYNA_{name.upper()}`", _default(name, field), _values(field), meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(name: str, field: FieldInfo) -> str:
    if name in OF_THIS_MACHINE:
        return OF_THIS_MACHINE[name]
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, float):
        value = f"{value:g}"
    if isinstance(value, list):
        value = ",".join(value)
    return "empty" if value in ("", {}, None) else f"`{value}`"


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    limits = {
        kind: getattr(limit, kind)
        for limit in field.metadata
        for kind in words
        if getattr(limit, kind, None) is not None
    }
    if {"ge", "le"} <= set(limits):
        return f"{limits['ge']:g} to {limits['le']:g}"
    return ", ".join(f"{words[kind]} {value}" for kind, value in limits.items())


def cli_page() -> str:
    command = typer.main.get_command(cli.app)
    lines = ["# The command line", NOTE, "", "In a checkout: `.venv/bin/myna`.", "", *_help(command, "myna", None, 2)]
    return "\n".join(lines).rstrip() + "\n"


def _help(command: Any, name: str, parent: Any, level: int) -> Iterator[str]:
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield from (
        f"{'#' * min(level, 3)} {context.command_path}",
        "```text",
        command.get_help(context).strip(),
        "```",
        "",
    )
    for child, below in getattr(command, "commands", {}).items():
        yield from _help(below, child, context, level + 1)


def engines_page() -> str:
    page = (DOCS / "engines.md").read_text()
    return TABLE.sub(lambda found: f"{found[1]}{chr(10).join(_engines_table(found[2]))}\n{found[3]}", page)


def _engines_table(kind: str) -> Iterator[str]:
    heads = {
        "speech": "| Engine | What it is | Languages | Hz | Options | Vowel marks | Licence |",
        "recognition": "| Engine | What it is | Languages | Options | Licence |",
        "translation": "| Engine | What it is | Options | Licence |",
        "separation": "| Engine | What it is | Stems | Hz | Licence |",
        "denoising": "| Engine | What it is | Hz | Licence |",
    }
    yield heads[kind]
    yield "|" + "---|" * (heads[kind].count("|") - 1)
    built_in = (entry.load() for entry in entry_points(group=GROUP) if entry.value.startswith("myna."))
    for engine in sorted(built_in, key=lambda engine: str(engine.name)):
        if kind_of(engine) == kind:
            yield _engine(engine.describe())


def _engine(able: AnyCapabilities) -> str:
    """What depends on the machine, such as pairs of languages that are installed, is left out."""
    cells = [f"`{able.name}` {able.version}".strip(), able.description]
    if isinstance(able, Capabilities | RecognitionCapabilities):
        few = ", ".join(f"`{tag}`" for tag in able.languages) if len(able.languages) < 5 else str(len(able.languages))
        cells.append(few)
    match able:
        case Capabilities():
            options = (f"`{option}`" for option in sorted(able.options))
            cells += [str(able.sample_rate), ", ".join(options), able.diacritics]
        case RecognitionCapabilities():
            can = {"alignment": able.alignment, "finds the language": able.detects_language}
            cells.append(_listed(can))
        case TranslationCapabilities():
            can = {"fits a length": able.fits_length, "glossary": able.glossary}
            cells.append(_listed(can))
        case SeparationCapabilities():
            cells += [", ".join(f"`{stem}`" for stem in able.stems), str(able.sample_rate)]
        case DenoisingCapabilities():
            cells.append(str(able.sample_rate))
    return f"| {' | '.join((*cells, able.licence))} |"


def models_page() -> str:
    page = (DOCS / "models.md").read_text()
    rows = "\n".join(_model(model) for model in load_models().values())
    heads = "| Model | Gives | Size | Licence of the weights | Needs | Checksums |\n|---|---|---|---|---|---|"
    return MODELS.sub(lambda found: f"{found[1]}{heads}\n{rows}\n{found[2]}", page)


def _model(model: Model) -> str:
    licence = model.licence_weights + ("" if model.commercial else "; **not for commerce**")
    needs = ", ".join(f"`{need}`" for need in model.needs) + (", terms to agree to" if model.gated else "")
    checksums = "pinned" if model.pinned else "recorded at first pull"
    return (
        f"| `{model.name}` | {model.description} | {in_words(model.size_bytes)} | {licence} | {needs} | {checksums} |"
    )


def _listed(can: dict[str, bool]) -> str:
    return ", ".join(option for option, has in can.items() if has)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "engines.md": engines_page,
    "models.md": models_page,
}

if __name__ == "__main__":
    main()
