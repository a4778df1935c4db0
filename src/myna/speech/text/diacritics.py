"""Vowel marks of Arabic (tashkeel): add them where they are left out, or take them away.

The marks come from `rawi-ensemble`, a pair of LSTMs in one ONNX file (Apache-2.0) of the wheel `text2tashkeel`, whose
Python is never imported. It reads a sentence letter by letter, decomposed and without marks, and names the marks of
each letter.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from myna.errors import Unavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_PACKAGE = "text2tashkeel"
_MODEL = "rawi_ensemble.int8.onnx"
_VOCABULARY = "rawi_v2.vocab.json"

SHADDA = "\u0651"
_VOWELS = "\u064b\u064c\u064d\u064e\u064f\u0650\u0652"
_DAGGER = "\u0670"
_MARKS = frozenset(_VOWELS + SHADDA + _DAGGER)
_STRETCH = "\u0640"
"""Lengthens a word in print (tatweel)."""
DIACRITICS = re.compile(r"[\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
"""All marks but those that make another letter: hamza and madda."""
_LETTER = re.compile(r"[\u0621-\u063a\u0641-\u064a\u0671-\u06d3]")
_WORD = re.compile(r"[\u0610-\u061a\u0621-\u065f\u0670-\u06d3\u06d5-\u06ed]+")
_SENTENCE = re.compile(r"[^.!?؟\n]*[.!?؟\n]*\s*")
_LONGEST = 400
"""Characters that the model reads at once; longer sentences are cut at a space."""


def strip_diacritics(text: str) -> str:
    """The text without vowel marks, Koranic signs included. Letters, with their hamza and madda, stay."""
    return DIACRITICS.sub("", text)


def diacritise(text: str) -> str:
    """The text with vowel marks on the Arabic words that have none or few; nothing else changes.

    Marks that are there stay: a word of which half of the letters have one is left alone, in others the missing ones
    are added. Takes about 7 ms a sentence; safe in threads. Raises `Unavailable` when the model is missing.
    """
    if not any(_lacks_marks(word[0]) for word in _WORD.finditer(text)):
        return text
    return "".join(_diacritised(part) for part in _parts(text))


def positions_before(marked: str, text: str) -> list[int]:
    """For each character of a text that was given marks, its index in the text before; a mark's is its letter's."""
    positions, index = [], 0
    for letter in marked:
        if index < len(text) and letter == text[index]:
            positions.append(index)
            index += 1
        else:
            positions.append(max(0, index - 1))
    return positions


def _parts(text: str) -> Iterator[str]:
    """The sentences of a text, one after the other, none too long to be read at once."""
    for sentence in _SENTENCE.findall(text):
        while len(sentence) > _LONGEST:
            cut = sentence.rfind(" ", 1, _LONGEST) + 1 or _LONGEST
            yield sentence[:cut]
            sentence = sentence[cut:]
        yield sentence


def _diacritised(sentence: str) -> str:
    lacking = [word.span() for word in _WORD.finditer(sentence) if _lacks_marks(word[0])]
    if not lacking:
        return sentence
    marks = _marks_of_letters(sentence)
    parts, done = [], 0
    for start, end in lacking:
        parts.append(sentence[done:start])
        parts += [_completed(letter, marks.get(start + index, "")) for index, letter in _clusters(sentence[start:end])]
        done = end
    return "".join([*parts, sentence[done:]])


def _clusters(word: str) -> Iterator[tuple[int, str]]:
    """Each letter with its marks, and its index."""
    starts = [index for index, letter in enumerate(word) if index == 0 or not unicodedata.combining(letter)]
    for start, end in zip(starts, [*starts[1:], len(word)], strict=True):
        yield start, word[start:end]


def _completed(cluster: str, marks: str) -> str:
    """A letter with the marks that it lacks. A vowel comes before the shadda that was there: the order of NFC."""
    letter, present = cluster[:1], cluster[1:]
    if not any(mark in _MARKS for mark in present):
        return letter + present + marks
    if set(present) & set(_VOWELS + _DAGGER):
        return cluster
    vowel = "".join(mark for mark in marks if mark != SHADDA)
    place = cluster.index(SHADDA)
    return cluster[:place] + vowel + cluster[place:]


def _lacks_marks(word: str) -> bool:
    letters = len(_LETTER.findall(word))
    marked = sum(any(mark in _MARKS for mark in cluster[1:]) for _, cluster in _clusters(word))
    return letters > 0 and 2 * marked < letters


def _marks_of_letters(sentence: str) -> dict[int, str]:
    """By the index of a letter, the marks that the model puts on it: a vowel, a shadda, or both in the order of NFC."""
    vocabulary, classes = _vocabulary()
    places: list[int] = []
    inputs: list[int] = []
    for index, letter in enumerate(_with_full_stop(sentence)):
        for part in unicodedata.normalize("NFD", letter):
            if unicodedata.category(part) not in ("Mn", "So") and part != _STRETCH:
                places.append(index)
                inputs.append(vocabulary.get(part, vocabulary["<UNK>"]))
    [found] = _session().run(["gated_cls"], {"input": np.array([inputs], np.int64)})
    return {
        place: "".join(mark for mark in classes[number] if mark in _MARKS)
        for place, number in zip(places, found[0].tolist(), strict=True)
        if place < len(sentence) and _LETTER.match(sentence[place])
    }


def _with_full_stop(sentence: str) -> str:
    """The model was taught whole sentences: without the mark at the end it errs twice as often."""
    said = sentence.rstrip()
    return said if not said or unicodedata.category(said[-1]).startswith("P") else f"{said}."


@cache
def _vocabulary() -> tuple[dict[str, int], list[str]]:
    """The model's number of each character, and the marks of each of its classes."""
    data = json.loads(_file(_VOCABULARY).read_text(encoding="utf-8"))
    classes = sorted(data["diac_to_idx"], key=data["diac_to_idx"].__getitem__)
    return data["char_to_idx"], ["".join(dict.fromkeys(marks)) for marks in classes]


@cache
def _session() -> InferenceSession:
    path = _file(_MODEL)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _file(name: str) -> Path:
    """A file of the wheel. Raises `Unavailable`."""
    package = importlib.util.find_spec(_PACKAGE)
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / "models" / name if folders else None
    if path is None or not path.is_file():
        raise Unavailable(f"Vowel marks cannot be added here: the package `{_PACKAGE}` (0.1) is not installed.")
    return path
