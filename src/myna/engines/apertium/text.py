"""Lines as apertium reads and writes them: some characters are escaped, and what stands in brackets is not looked at.

https://wiki.apertium.org/wiki/Apertium_stream_format
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from myna.engines.glossary import Terms

LINE_END = "[][\n]"
"""Ends a line: without it some pairs keep the end of the line to themselves until more comes."""
_LONGEST_PIECE = 1_000
_LONGEST_WORD = 100
"""Characters. The time for one word grows with the square of its length; what is longer is no word of any language."""
_SPECIAL = re.compile(r"[\\\[\]{}^$/@<>]")
_PARTS = re.compile(r"\\(?P<escaped>.)|\[(?P<kept>(?:[^\\\]]|\\.)*)\]|(?P<mark><[^<>]*>|@)", re.DOTALL)
"""Of an answer: an escaped character, what was not looked at, and what a dictionary left over (a tag, an `@`)."""
_TAG = re.compile(r"\\?<[a-z][\w.]*\\?>")
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")
_QUOTES = str.maketrans({"’": "'", "‘": "'"})
_SENTENCE_ENDS = ".!?…:;"


def pieces(line: str) -> list[str]:
    """A line without control characters, cut at the ends of sentences, else at spaces, where it is very long."""
    text = unicodedata.normalize("NFC", line).translate(_QUOTES)
    text = "".join(" " if unicodedata.category(character) in _NO_TEXT else character for character in text)
    text = " ".join(text.split())
    cut = []
    while len(text) > _LONGEST_PIECE:
        end = _end(text)
        cut.append(text[:end].strip())
        text = text[end:].strip()
    return [*cut, text] if text else cut


def encoded(piece: str, glossary: Mapping[str, str]) -> str:
    """A piece as a stream; words of the glossary are put in already translated, where nothing changes them.

    It gets a full stop when it has none, for the sake of the analysis; `decoded` takes it away.
    """
    terms = Terms({term.translate(_QUOTES): said for term, said in glossary.items()})
    fixed = [*filter(None, [terms.pattern]), rf"\S{{{_LONGEST_WORD},}}"]
    parts = re.split(f"({'|'.join(fixed)})", piece, flags=re.IGNORECASE)
    return "".join(_fixed(part, terms) if index % 2 else _escaped(part) for index, part in enumerate(parts)) + _stop(
        piece
    )


def onward(stream: str, piece: str) -> str:
    """The answer of one mode to a piece, as the question of the next."""
    stream = _PARTS.sub(lambda found: "" if found["mark"] else found[0], stream.removesuffix(LINE_END))
    return stream if "<" in piece else _TAG.sub("", stream)  # some pairs escape the tags that they leave over


def decoded(stream: str, piece: str) -> str:
    """What came back for a piece, by `onward`, as text."""
    text = _PARTS.sub(_as_text, stream)
    if _stop(piece):
        text = text.rstrip().removesuffix(".")
    return " ".join(text.split())


def _end(text: str) -> int:
    """Where to cut: after the last sentence that fits, else after the last word, else in the middle of a word."""
    head = text[:_LONGEST_PIECE]
    sentence = max((match.end() for match in re.finditer(r"[.!?…][\"')\]]*\s", head)), default=0)
    return sentence or head.rfind(" ") + 1 or _LONGEST_PIECE


def _fixed(part: str, terms: Terms) -> str:
    return f"[{_escaped(terms.said_for(part))}]"


def _as_text(found: re.Match[str]) -> str:
    if found["kept"] is not None:
        return re.sub(r"\\(.)", r"\1", found["kept"], flags=re.DOTALL)
    return found["escaped"] or ""


def _stop(text: str) -> str:
    return "" if text.endswith(tuple(_SENTENCE_ENDS)) else "."


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
