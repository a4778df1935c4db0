"""How commands show what they found: a table for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Row = Mapping[str, Any]


def show_rows(rows: Iterable[Row], as_json: bool, empty: str = "Nothing yet.") -> None:
    """A table with the keys of the first row as its heads, or a JSON array."""
    rows = list(rows)
    if as_json:
        print(json.dumps(rows, default=_plain, ensure_ascii=False, indent=2))
        return
    if not rows:
        print(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console = Console()
    console.print(table, soft_wrap=not console.is_terminal)


def show_row(row: Row, as_json: bool) -> None:
    """One thing: a line for each field, or a JSON object."""
    if as_json:
        print(json.dumps(row, default=_plain, ensure_ascii=False, indent=2))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        print(f"{name:<{width}}  {_cell(value)}")


def credits(milli: int) -> float:
    """Credits of milli-credits, for showing."""
    return milli / 1_000


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
