"""What `scripts/demo` runs: start a node; make a voiceover, a cloned voice and a dubbed video through the public APIs.

Uses nothing of Myna but its command and its HTTP interface.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import httpx
from film import make_film

FOLDER = Path("demo")
TEXT = "Hello! This is Myna. I speak on your own machine, and nothing that I say leaves it."
READING = (
    "The birds are singing in the morning sun, and the river runs quietly to the sea. Nobody knows how long it takes "
    "until the old clock on the wall strikes again, but everybody listens when it does."
)
"""What is recorded, to clone a voice from."""
GREETING = "Hello! I am a voice that was made from a recording."
RATE = 24_000
"""Hz of Munsit's previews."""
SCENE = (
    ("onyx", "The house is very old.", "La casa es muy vieja."),
    ("nova", "She reads a book every week.", "Lee un libro cada semana."),
    ("onyx", "They eat bread and cheese.", "Comen pan y queso."),
)
"""The voices of a film, what they say, and how we would say it in Spanish."""


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
        clone_a_voice(url, key)
        dub_a_video(url, key)
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


def clone_a_voice(url: str, key: str) -> None:
    """As any Munsit client does it, with only the host changed: a preview, the voice, speech with it."""
    recording = FOLDER / "recording.wav"
    began = time.monotonic()
    recording.write_bytes(record(url, key, "shimmer", READING))
    report("recording to clone", began, recording)

    client = httpx.Client(base_url=f"{url}/munsit/api/v1", headers={"x-api-key": key}, timeout=180)
    with client, recording.open("rb") as file:
        preview, spoken = FOLDER / "preview.wav", FOLDER / "cloned.wav"
        began = time.monotonic()
        answer = client.post(
            "/voices/preview",
            files={"file": ("recording.wav", file, "audio/wav")},
            data={"text": GREETING, "similarity": "1", "model_id": "faseeh-v1-preview"},
        )
        answer.raise_for_status()
        write_wav(preview, answer.content)
        report("preview of the clone", began, preview)

        began = time.monotonic()
        voice = keep_voice(client, preview, recording)
        answer = client.post(
            "/text-to-speech/faseeh-v1-preview",
            json={"voice_id": voice["voice_id"], "text": TEXT, "stability": 0.5, "streaming": False},
        )
        answer.raise_for_status()
        spoken.write_bytes(answer.content)
        report("cloned voice", began, spoken, f"voice {voice['voice_id']}")


def record(url: str, key: str, voice: str, text: str) -> bytes:
    """Somebody reads aloud: another voice of this node, so that the demo needs no microphone."""
    answer = httpx.post(
        f"{url}/openai/v1/audio/speech",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "tts-1", "voice": voice, "input": text, "response_format": "wav"},
        timeout=180,
    )
    answer.raise_for_status()
    return answer.content


def dub_a_video(url: str, key: str) -> None:
    """A small film, English with music under it, becomes Spanish through Myna's own API."""
    film = make_film(FOLDER / "film.mp4", [record(url, key, voice, text) for voice, text, _ in SCENE])
    began = time.monotonic()
    with httpx.Client(base_url=f"{url}/myna/v1", headers={"Authorization": f"Bearer {key}"}, timeout=180) as myna:
        dub = begin_dub(myna, film.path)
        while dub["status"] in ("queued", "running"):
            time.sleep(0.2)
            dub = checked(myna.get(f"/dubs/{dub['id']}"))
        if dub["status"] != "succeeded":
            sys.exit(f"The dub {dub['status']}: {dub['error']['message']}")
        lines = checked(myna.get(f"/dubs/{dub['id']}/lines", params={"language": "es"}))["data"]
    dubbed = FOLDER / "film.es.mp4"
    dubbed.write_bytes(httpx.get(dub["targets"][0]["files"]["result"]["url"]).raise_for_status().content)
    seconds = time.monotonic() - began
    print(f"dubbed video            {seconds:5.1f} s   {dubbed} ({film.seconds:.1f} s, {len(lines)} lines)")
    for line in lines:
        print(f"    {line['start']:5.2f} s  {line['source_text']} → {line['text']}")


def begin_dub(myna: httpx.Client, film: Path) -> dict[str, Any]:
    """What is said is sent along, as a script is at hand here. Where nothing translates it, our own lines are taken."""
    script = "\n".join(text for _, text, _ in SCENE)
    form = {"target_languages": "es", "source_language": "en", "transcript": script}
    with film.open("rb") as file:
        answer = myna.post("/dubs", files={"file": (film.name, file, "video/mp4")}, data=form)
    if answer.status_code == httpx.codes.BAD_REQUEST and answer.json()["code"] == "unsupported":
        form["translations"] = json.dumps({"es": "\n".join(spanish for _, _, spanish in SCENE)})
        with film.open("rb") as file:
            answer = myna.post("/dubs", files={"file": (film.name, file, "video/mp4")}, data=form)
    return checked(answer)


def checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        sys.exit(f"{answer.status_code}: {answer.text}")
    document: dict[str, Any] = answer.json()
    return document


def keep_voice(client: httpx.Client, preview: Path, recording: Path) -> dict[str, Any]:
    with preview.open("rb") as heard, recording.open("rb") as original:
        answer = client.post(
            "/voices/clone",
            files={
                "voice_file": ("preview.wav", heard, "audio/wav"),
                "reference_audio_file": ("recording.wav", original, "audio/wav"),
            },
            data={"text": GREETING, "stability": "0.5", "name": "Demo", "model": "faseeh-v1-preview"},
        )
    answer.raise_for_status()
    voice: dict[str, Any] = answer.json()
    return voice


def write_wav(path: Path, samples: bytes) -> None:
    """Munsit streams samples without a header."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)


def report(what: str, began: float, path: Path, more: str = "") -> None:
    with wave.open(str(path)) as file:
        seconds = min(file.getnframes(), path.stat().st_size // 2) / file.getframerate()
    details = f"{seconds:.1f} s of speech{f', {more}' if more else ''}"
    print(f"{what:<22}  {time.monotonic() - began:5.1f} s   {path} ({details})")


if __name__ == "__main__":
    main()
