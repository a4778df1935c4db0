"""A voiceover with the official Magic Hour client (`pip install magic-hour`), pointed at Myna.

    MYNA_KEY=… python examples/magichour_voice.py "Good morning." morning

Saves the sound under the name of its project in the given folder (default: this one) and prints the path.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from magic_hour import Client


def main() -> None:
    text = sys.argv[1] if len(sys.argv) > 1 else "Hello from your own machine."
    folder = sys.argv[2] if len(sys.argv) > 2 else "."
    Path(folder).mkdir(parents=True, exist_ok=True)
    client = Client(token=os.environ["MYNA_KEY"], base_url=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    project = client.v1.ai_voice_generator.generate(
        style={"prompt": text, "voice_name": "Morgan Freeman"}, name="Example", download_directory=folder
    )
    if project.error:
        sys.exit(f"{project.error.code}: {project.error.message}")
    print(*project.downloaded_paths)


if __name__ == "__main__":
    main()
