"""A voiceover through Stablecog's API: the code that its users have, with another host.

    MYNA_KEY=… python examples/stablecog_voiceover.py "Good morning." morning.mp3

Saves the sound and prints what it cost.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import httpx

HOST = os.environ.get("MYNA_URL", "http://127.0.0.1:8311")  # was: https://api.stablecog.com
RACHEL = "4a19f17c-eedc-4cf8-a45d-1f9d69547125"


def main() -> None:
    text = sys.argv[1] if len(sys.argv) > 1 else "Hello from your own machine."
    path = Path(sys.argv[2] if len(sys.argv) > 2 else "voiceover.mp3")
    answer = httpx.post(
        f"{HOST}/v1/audio/voiceover/create",
        headers={"Authorization": f"Bearer {os.environ['MYNA_KEY']}"},
        json={"prompt": text, "speaker_id": RACHEL, "temperature": 0.7},
        timeout=400,  # the answer comes when the sound is there
    )
    if answer.status_code != 200:
        sys.exit(f"{answer.status_code}: {answer.text.strip()}")
    voiceover = answer.json()
    (output,) = voiceover["outputs"]
    path.write_bytes(httpx.get(output["url"]).raise_for_status().content)
    print(f"{path}: {output['audio_duration']:.1f} s, {voiceover['remaining_credits']} credits left")


if __name__ == "__main__":
    main()
