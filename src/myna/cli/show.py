"""How commands show what they found: a table for people, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Row = Mapping[str, Any]


def show_rows(rows: Iterable[Row], as_json: bool, empty: str = "Nothing yet.") -> None:
    """A table with the keys of the first row as its heads, or a JSON array."""
    rows = list(rows)
    if as_json:
        _print_json([_for_scripts(row) for row in rows])
    elif not rows:
        print(empty)
    else:
        heads = list(rows[0])
        _print_table(heads, [[_cell(row[head]) for head in heads] for row in rows])


def show_row(row: Row, as_json: bool) -> None:
    """One thing: a line for each field, or a JSON object."""
    if as_json:
        _print_json(_for_scripts(row))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        print(f"{name:<{width}}  {_cell(value)}")


MOST_CREDITS = 1_000_000_000
"""That may be given at once, so that sums stay far from what the database can count."""


def credits(milli: int) -> float:
    """Credits of milli-credits, for showing."""
    return milli / 1_000


def number(value: float) -> str:
    """At most three decimals, and never an exponent."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """On a terminal long cells are folded, never cut: ids are there to be copied. A pipe gets one line for each row."""
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        for row in (heads, *rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Column, Table

    columns = [Column(head, overflow="fold", no_wrap=head == "id") for head in heads]
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, emoji=False, highlight=False).print(table)


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _for_scripts(row: Row) -> dict[str, Any]:
    return {name.replace(" ", "_"): value for name, value in row.items()}


def _cell(value: Any) -> str:
    """On one line, and without characters that would steer the terminal: clients' texts stand here."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return number(value)
    return "".join(character if character.isprintable() else " " for character in str(value))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
