"""Speech with the official OpenAI client (`pip install openai`), written to a file while it is still being spoken.

    python examples/openai_speech.py "Good morning." morning.wav --key myna_…

The ending of the file is the format: mp3, opus, aac, flac, wav or pcm. Prints when the first sound came and when the
last.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from openai import APIError, OpenAI


def main() -> None:
    options = read_options()
    client = OpenAI(api_key=options.key, base_url=f"{options.url}/v1")
    began = time.monotonic()
    first = 0.0
    speaking = client.audio.speech.with_streaming_response.create(
        model="tts-1", voice=options.voice, input=options.text, response_format=options.path.suffix.removeprefix(".")
    )
    try:
        with speaking as answer, options.path.open("wb") as file:
            for block in answer.iter_bytes():
                first = first or time.monotonic() - began
                file.write(block)
    except APIError as error:
        sys.exit(f"{type(error).__name__}: {error.message}")
    size = options.path.stat().st_size
    print(
        f"{options.path}: {size} bytes, the first after {first:.2f} s, the last after {time.monotonic() - began:.2f} s"
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text", nargs="?", default="Hello from your own machine.")
    parser.add_argument("path", nargs="?", type=Path, default=Path("speech.mp3"))
    parser.add_argument("--voice", default="alloy")
    parser.add_argument("--url", default=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    parser.add_argument("--key", default=os.environ.get("MYNA_KEY"), required="MYNA_KEY" not in os.environ)
    return parser.parse_args()


if __name__ == "__main__":
    main()
