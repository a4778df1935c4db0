"""Run the benchmarks that are named, or all, and write docs/performance.md."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report import render

NAMES = ("speech", "streaming", "memory", "paging", "ledger", "cloning", "dubbing", "verification")
ON_REQUEST = ("kokoro", "pocket", "recognition", "translation", "word_times")
"""Those that need a model, or more than a few minutes."""
RESULTS = Path("benchmarks/results.json")
PAGE = Path("docs/performance.md")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    which = "which to run; when none is named, all that need no model"
    arguments.add_argument("names", nargs="*", choices=[*NAMES, *ON_REQUEST, []], help=which)
    arguments.add_argument("--speaker", action="append", help="of `cloning`: measure only this one anew")
    chosen = arguments.parse_args()
    names = chosen.names or NAMES
    for name in names:
        print(f"{name} …", flush=True)
        here = machine()
        module = importlib.import_module(f"benchmarks.{name}")
        anew = name == "cloning" and chosen.speaker
        figures = module.measure_again(known()[name]["figures"], chosen.speaker) if anew else module.measure()
        results = known()
        results[name] = {"machine": here, "measured": datetime.now(UTC).date().isoformat(), "figures": figures}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        PAGE.write_text(render(results))
    print(PAGE.read_text())


def known() -> dict[str, Any]:
    """What was measured so far, also by others while this one ran."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def machine() -> str:
    """What it will run on, in words, and whether something else runs there."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    busy = os.getloadavg()[0]
    others = f", busy with other work (load {busy:.0f})" if busy > 1 else ""
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}{others}"


if __name__ == "__main__":
    main()
