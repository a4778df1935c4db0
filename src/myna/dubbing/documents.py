"""Dubs as they are kept: dataclasses to JSON and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from myna.dubbing.schemas import DubbedLine, DubFile, SourceLine, Speaker, StageRecord, TimedWord

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a running job has made of one language so far. It takes the place of what was there when the job ends."""

    job_id: str = ""
    lines: tuple[DubbedLine, ...] = ()
    files: Mapping[str, DubFile] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Of each take, by its name."""
    waveform: tuple[float, ...] = ()
    """50 levels of the result, 0 to 1."""
    fitted: bool = False
    """Its lines are in their places, with the texts that they keep."""

    def as_json(self) -> Document:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Draft:
        if not document:
            return cls()
        parts = {
            "lines": dubbed_lines(document["lines"]),
            "files": files(document["files"]),
            "waveform": tuple(document["waveform"]),
        }
        return cls(**{**document, **parts})


def as_documents(items: Iterable[Any]) -> list[Document]:
    """A list of dataclasses as a list of JSON objects."""
    return [asdict(item) for item in items]


def source_lines(documents: Iterable[Mapping[str, Any]]) -> tuple[SourceLine, ...]:
    return tuple(
        SourceLine(**{**document, "words": tuple(TimedWord(**word) for word in document["words"])})
        for document in documents
    )


def dubbed_lines(documents: Iterable[Mapping[str, Any]]) -> tuple[DubbedLine, ...]:
    return tuple(DubbedLine(**document) for document in documents)


def speakers(documents: Iterable[Mapping[str, Any]]) -> tuple[Speaker, ...]:
    return tuple(Speaker(**document) for document in documents)


def stages(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, StageRecord]:
    return {
        name: StageRecord(**{**document, "engines": tuple(document.get("engines", ()))})
        for name, document in documents.items()
    }


def files(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, DubFile]:
    return {name: DubFile(**document) for name, document in documents.items()}
