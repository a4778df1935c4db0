"""What `scripts/demo` runs: start a node, make a voiceover through the public API, and say where it is.

Uses nothing of Myna but its command and its HTTP interface.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

FOLDER = Path("demo")
TEXT = "Hello! This is Myna. I speak on your own machine, and nothing that I say leaves it."


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--exit", action="store_true", help="leave when done, instead of keeping the node open")
    leave = arguments.parse_args().exit
    FOLDER.mkdir(exist_ok=True)
    os.environ.setdefault("MYNA_DATA_DIR", str((FOLDER / "data").absolute()))
    os.environ.setdefault("MYNA_LOG_LEVEL", "warning")
    key = new_key()
    node, url = start_node(port="0" if leave else "8311")
    try:
        make_voiceover(url, key)
        if not leave:
            print(f"\nThe node is open at {url}. Your key: {key}")
            print("Press Ctrl+C to stop it.", flush=True)
            node.wait()
    except KeyboardInterrupt:
        pass
    finally:
        node.send_signal(signal.SIGTERM)
        node.wait(timeout=30)


def start_node(port: str) -> tuple[subprocess.Popen[str], str]:
    """Start `myna serve` and wait for the line that tells its address."""
    began = time.monotonic()
    command = [sys.executable, "-m", "myna", "serve", "--port", port]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    for line in node.stdout:
        if line.startswith("Myna listens on "):
            url = line.split()[-1]
            break
    else:
        sys.exit("The node did not start; its words are above.")
    while not ready(url):
        if node.poll() is not None:
            sys.exit("The node stopped; its words are above.")
        time.sleep(0.05)
    print(f"node ready              {time.monotonic() - began:5.1f} s   {url}")
    return node, url


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def new_key() -> str:
    command = [sys.executable, "-m", "myna", "keys", "create", "demo", "--credits", "100"]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    return made.stdout.strip()


def make_voiceover(url: str, key: str) -> None:
    """As any Stablecog client does it, with only the host changed."""
    began = time.monotonic()
    answer = httpx.post(
        f"{url}/v1/audio/voiceover/create",
        headers={"Authorization": f"Bearer {key}"},
        json={"prompt": TEXT},
        timeout=180,
    )
    answer.raise_for_status()
    output = answer.json()["outputs"][0]
    sound = httpx.get(output["url"])
    sound.raise_for_status()
    path = FOLDER / "voiceover.mp3"
    path.write_bytes(sound.content)
    seconds = time.monotonic() - began
    print(f"voiceover               {seconds:5.1f} s   {path} ({output['audio_duration']:.1f} s of speech)")


if __name__ == "__main__":
    main()
