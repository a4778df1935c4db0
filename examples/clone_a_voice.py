"""A voice from a recording, through Munsit's API: hear a preview, keep the voice, speak with it.

    python examples/clone_a_voice.py me.wav "I never said this sentence." --key myna_…

`me.wav` is any sound file with 10 to 30 seconds of one person speaking. Clone only your own voice, or one whose speaker
has agreed. Saves preview.wav and spoken.wav in the given folder (default: this one) and prints the id of the voice.
"""

from __future__ import annotations

import argparse
import os
import sys
import wave
from pathlib import Path

import httpx

MODEL = "faseeh-v1-preview"
PREVIEW_TEXT = "This is how I will sound from now on."


def main() -> None:
    options = read_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    munsit = httpx.Client(
        base_url=f"{options.url}/api/v1",  # was: https://api.munsit.com/api/v1
        headers={"x-api-key": options.key},
        timeout=120,
    )
    reference = options.recording.read_bytes()
    preview = hear_preview(munsit, reference)
    save_wav(options.folder / "preview.wav", preview)
    voice = keep_voice(munsit, reference, (options.folder / "preview.wav").read_bytes(), options.name)
    print(f"{voice['name']}: {voice['voice_id']}")
    speech = {"voice_id": voice["voice_id"], "text": options.text, "stability": 0.7, "streaming": False}
    answer = checked(munsit.post(f"/text-to-speech/{MODEL}", json=speech))
    (options.folder / "spoken.wav").write_bytes(answer.content)


def hear_preview(munsit: httpx.Client, reference: bytes) -> bytes:
    """16-bit samples at 24 kHz, without a header."""
    fields = {"text": PREVIEW_TEXT, "similarity": "0.9", "model_id": MODEL}
    files = {"file": ("reference.wav", reference, "audio/wav")}
    return checked(munsit.post("/voices/preview", data=fields, files=files)).content


def keep_voice(munsit: httpx.Client, reference: bytes, preview: bytes, name: str) -> dict[str, str]:
    """Both recordings go back to the server, which remembers nothing between the two calls."""
    fields = {"text": PREVIEW_TEXT, "stability": "0.7", "name": name, "model": MODEL}
    files = {
        "voice_file": ("preview.wav", preview, "audio/wav"),
        "reference_audio_file": ("reference.wav", reference, "audio/wav"),
    }
    voice: dict[str, str] = checked(munsit.post("/voices/clone", data=fields, files=files)).json()
    return voice


def save_wav(path: Path, samples: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(samples)


def checked(answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 200:
        sys.exit(f"{answer.status_code}: {answer.json().get('errorMessage', answer.text)}")
    return answer


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("text", nargs="?", default="Hello from your own machine.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."))
    parser.add_argument("--name", default="My voice")
    parser.add_argument("--url", default=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    parser.add_argument("--key", default=os.environ.get("MYNA_KEY"), required="MYNA_KEY" not in os.environ)
    return parser.parse_args()


if __name__ == "__main__":
    main()
