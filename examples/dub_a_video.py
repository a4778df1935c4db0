"""A video in another language, through Myna's own API; then, if you like, one line of it said differently.

    python examples/dub_a_video.py talk.mp4 es --key myna_…
    python examples/dub_a_video.py talk.mp4 es --line 2 "Hasta luego." --key myna_…

`talk.mp4` is any film or recording in which somebody speaks. What is said is recognised and translated where this
server can do so; else send it: `--transcript talk.en.srt`, `--translation talk.es.srt` (plain lines will do as well).
Saves the dubbed file and its subtitles in the given folder (default: this one) and prints all lines.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ENDED = ("succeeded", "failed", "canceled")


def main() -> None:
    options = read_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    headers = {"Authorization": f"Bearer {options.key}"}
    with httpx.Client(base_url=f"{options.url}/myna/v1", headers=headers, timeout=120) as myna:
        dub = finished(myna, begin(myna, options))
        if options.line:
            number, text = options.line
            change = {"language": options.language, "text": text}
            checked(myna.patch(f"/dubs/{dub['id']}/lines/{number}", json=change))
            quote = checked(myna.get(f"/dubs/{dub['id']}/quote")).json()
            print(f"Line {number} anew, for {quote['price']} credits")
            dub = finished(myna, checked(myna.post(f"/dubs/{dub['id']}/redub")).json())
        for line in checked(myna.get(f"/dubs/{dub['id']}/lines", params={"language": options.language})).json()["data"]:
            print(f"{line['number']:3} {line['start']:7.2f} {line['fit']:<9}  {line['source_text']} → {line['text']}")
        save(dub, options.folder)


def begin(myna: httpx.Client, options: argparse.Namespace) -> dict[str, Any]:
    form: dict[str, Any] = {"target_languages": options.language}
    if options.transcript:
        form["transcript"] = options.transcript.read_text()
    if options.translation:
        form["translations"] = json.dumps({options.language: options.translation.read_text()})
    with options.video.open("rb") as file:
        return dict(checked(myna.post("/dubs", files={"file": (options.video.name, file)}, data=form)).json())


def finished(myna: httpx.Client, dub: dict[str, Any]) -> dict[str, Any]:
    """Wait, and say what is being done."""
    stage = ""
    while dub["status"] not in ENDED:
        time.sleep(0.3)
        dub = checked(myna.get(f"/dubs/{dub['id']}")).json()
        if dub["stage"] not in ("", stage):
            stage = dub["stage"]
            print(f"{dub['progress']:4.0%} {stage}", file=sys.stderr)
    if dub["status"] != "succeeded":
        sys.exit(f"{dub['status']}: {dub['error']['message'] if dub['error'] else 'by somebody else'}")
    return dub


def save(dub: dict[str, Any], folder: Path) -> None:
    files = dub["targets"][0]["files"]
    for name in ("result", "target_srt"):
        path = folder / files[name]["file_name"]
        with httpx.stream("GET", files[name]["url"]) as answer, path.open("wb") as file:  # the link needs no key
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                file.write(piece)
        print(path)


def checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        sys.exit(f"{answer.status_code}: {answer.json().get('detail', answer.text)}")
    return answer


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("language", nargs="?", default="es")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."))
    parser.add_argument("--transcript", type=Path)
    parser.add_argument("--translation", type=Path)
    parser.add_argument("--line", nargs=2, metavar=("NUMBER", "TEXT"))
    parser.add_argument("--url", default=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    parser.add_argument("--key", default=os.environ.get("MYNA_KEY"), required="MYNA_KEY" not in os.environ)
    return parser.parse_args()


if __name__ == "__main__":
    main()
