"""A voiceover with the official Magic Hour client (`pip install magic-hour`), pointed at Myna.

    python examples/magichour_voice.py "Good morning." morning --key myna_…

Saves the sound under the name of its project in the given folder (default: this one) and prints the path.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from magic_hour import Client


def main() -> None:
    options = read_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    client = Client(token=options.key, base_url=options.url)
    project = client.v1.ai_voice_generator.generate(
        style={"prompt": options.text, "voice_name": "Morgan Freeman"},
        name="Example",
        download_directory=str(options.folder),
    )
    if project.error:
        sys.exit(f"{project.error.code}: {project.error.message}")
    print(*project.downloaded_paths)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text", nargs="?", default="Hello from your own machine.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."))
    parser.add_argument("--url", default=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    parser.add_argument("--key", default=os.environ.get("MYNA_KEY"), required="MYNA_KEY" not in os.environ)
    return parser.parse_args()


if __name__ == "__main__":
    main()
