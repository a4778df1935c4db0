"""A voiceover through Stablecog's API: the code that its users have, with another host.

    python examples/stablecog_voiceover.py "Good morning." morning.mp3 --key myna_…

Saves the sound and prints what is left of the credits.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import httpx

RACHEL = "4a19f17c-eedc-4cf8-a45d-1f9d69547125"


def main() -> None:
    options = read_options()
    answer = httpx.post(
        f"{options.url}/v1/audio/voiceover/create",  # was: https://api.stablecog.com
        headers={"Authorization": f"Bearer {options.key}"},
        json={"prompt": options.text, "speaker_id": RACHEL, "temperature": 0.7},
        timeout=400,  # the answer comes when the sound is there
    )
    if answer.status_code != 200:
        sys.exit(f"{answer.status_code}: {answer.text.strip()}")
    voiceover = answer.json()
    (output,) = voiceover["outputs"]
    options.path.write_bytes(httpx.get(output["url"]).raise_for_status().content)
    print(f"{options.path}: {output['audio_duration']:.1f} s, {voiceover['remaining_credits']} credits left")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text", nargs="?", default="Hello from your own machine.")
    parser.add_argument("path", nargs="?", type=Path, default=Path("voiceover.mp3"))
    parser.add_argument("--url", default=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    parser.add_argument("--key", default=os.environ.get("MYNA_KEY"), required="MYNA_KEY" not in os.environ)
    return parser.parse_args()


if __name__ == "__main__":
    main()
