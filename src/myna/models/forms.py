"""What the files in a folder are: which engine can load them, and which of them nobody should load."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from myna.models.folders import files_within

_PICKLE_ENDINGS = frozenset({".th", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})
_PICKLE_START = re.compile(rb"\x80[\x02-\x05]")
"""The opcode PROTO, with which every pickle since protocol 2 begins; so does a checkpoint of PyTorch before 1.6."""
_LOOKED_AT = 64


def find_pickles(folder: Path) -> list[str]:
    """Files that run whatever their maker wrote when they are loaded, whatever they are called. Paths within."""
    return [place for place, path in files_within(folder) if _is_pickle(path)]


def fits(folder: Path, engine: str) -> bool:
    """Whether the files look made for an engine. Of one whose files are not known here: True."""
    return engine not in _FORMS or _FORMS[engine](folder)


def guess_engine(folder: Path) -> str | None:
    """The engine that these files look made for; None when they look like nothing known."""
    return next((engine for engine, is_made_for in _FORMS.items() if is_made_for(folder)), None)


def guess_licence(folder: Path) -> str:
    """What the model card, `README.md` with a head in YAML, says of the licence; empty when it says nothing."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^licen[cs]e:\s*([^\s#]+)", head[1], re.MULTILINE) if head else None
    return found[1].strip("\"'") if found else ""


def forbids_commerce(licence: str) -> bool:
    """Whether the name of a licence says so: `cc-by-nc-4.0`, `CPML`, `research only`."""
    return re.search(r"(?i)\bnc\b|non-?commercial|research|personal|cpml", licence.replace("_", "-")) is not None


def _is_pickle(path: Path) -> bool:
    if path.suffix.lower() in _PICKLE_ENDINGS:
        return True
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if start.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as packed:
                return any(name.endswith(".pkl") for name in packed.namelist())
        except zipfile.BadZipFile:
            return False
    return _PICKLE_START.match(start) is not None and path.suffix.lower() != ".onnx"


def _has(folder: Path, *patterns: str) -> bool:
    return all(any(folder.glob(pattern)) for pattern in patterns)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_piper(folder: Path) -> bool:
    return any("phoneme_id_map" in _json(path) for path in folder.glob("*.onnx.json"))


def _is_kokoro(folder: Path) -> bool:
    """An ONNX file, and voices: in an npz that is called `.bin` (or `.npz`), or in a folder."""
    packed = [path for pattern in ("*.bin", "*.npz") for path in folder.glob(pattern) if zipfile.is_zipfile(path)]
    return _has(folder, "*.onnx") and (bool(packed) or _has(folder, "voices/*.bin"))


def _is_whisper(folder: Path) -> bool:
    return _has(folder, "model.bin", "tokenizer.json", "vocabulary.*")


def _is_translation(folder: Path) -> bool:
    return _has(folder, "**/model.bin") and (_has(folder, "*.model") or _has(folder, "*.spm"))


def _is_chatterbox(folder: Path) -> bool:
    return _has(folder, "t3_*.safetensors")


def _is_qwen(folder: Path) -> bool:
    return str(_json(folder / "config.json").get("model_type", "")).startswith("qwen3_tts")


def _is_demucs(folder: Path) -> bool:
    return any("demucs" in _safetensors_metadata(path).get("klass", "") for path in folder.glob("*.safetensors"))


def _is_pocket(folder: Path) -> bool:
    return _has(folder, "model*.safetensors", "tokenizer*") or _has(folder, "*.safetensors", "*.yaml")


def _is_denoiser(folder: Path) -> bool:
    """The networks that clean speech for sherpa-onnx name themselves in their metadata, at the end of the file."""
    return any(_mentions(path, (b"gtcrn", b"dpdfnet")) for path in folder.glob("*.onnx"))


def _safetensors_metadata(path: Path) -> dict[str, str]:
    """The head of the file: its length as 64 bits, then JSON."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            head = json.loads(file.read(min(length, 100_000_000)))
    except (OSError, ValueError):
        return {}
    found = head.get("__metadata__", {}) if isinstance(head, dict) else {}
    return found if isinstance(found, dict) else {}


def _mentions(path: Path, words: tuple[bytes, ...]) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65_536))
        end = file.read()
    return any(word in end for word in words)


_FORMS: dict[str, Callable[[Path], bool]] = {
    "piper": _is_piper,
    "kokoro": _is_kokoro,
    "whisper": _is_whisper,
    "ctranslate": _is_translation,
    "chatterbox": _is_chatterbox,
    "qwen-tts": _is_qwen,
    "demucs": _is_demucs,
    "pocket": _is_pocket,
    "sherpa": _is_denoiser,
}
"""In the order in which they are tried: the plainer signs first."""
