"""How the hub is addressed, and what its answers say about a file. Nothing here touches the network."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from myna.errors import StartupError
from myna.models.schemas import Model, ModelFile
from myna.models.store import sha256
from myna.settings import Settings

_PATH_ON_HUB = re.compile(r"hf://(?P<repository>[^/]+/[^/]+)/(?P<path>.+)@(?P<revision>[^@]+)")
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where one file comes from."""

    url: str
    page: str
    """The page of the repository, for people."""
    from_hub: bool
    tokens: str = ""
    """The page where tokens are made."""
    sha256: str | None = None
    """As the catalogue knows it."""
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """The public hub, or a mirror that speaks as it does."""

    url: str
    token: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Hub:
        """From the settings; the token may also be in `HF_TOKEN`, where the hub's own tools look for it. Raises
        `StartupError` for a token that cannot be sent.
        """
        token = (settings.hub_token.get_secret_value() or os.environ.get("HF_TOKEN", "")).strip()
        if not re.fullmatch(r"[!-~]*", token):
            raise StartupError("MYNA_HUB_TOKEN, or HF_TOKEN, is no token of the hub: it has letters that none has.")
        return cls(settings.hub_url.rstrip("/"), token)

    def source(self, model: Model, file: ModelFile) -> Source:
        """Where a file of a model comes from: its repository at the pinned revision, or an address of its own."""
        if re.match(r"https?://", file.url):
            return Source(file.url, model.source, from_hub=False, sha256=file.sha256, size_bytes=file.size_bytes)
        repository, revision, path = model.source, model.revision or "main", file.url
        if elsewhere := _PATH_ON_HUB.fullmatch(file.url):
            repository, revision, path = elsewhere["repository"], elsewhere["revision"], elsewhere["path"]
        page, tokens = f"{self.url}/{repository}", f"{self.url}/settings/tokens"
        url = f"{page}/resolve/{quote(revision, safe='')}/{quote(path)}"
        return Source(url, page, True, tokens, file.sha256, file.size_bytes)

    def page(self, model: Model) -> str:
        """Of a model's repository, for people."""
        return f"{self.url}/{model.source}"

    def token_for(self, source: Source, url: str) -> str:
        """The token goes to the hub alone, never to where the hub sends us, nor to other addresses."""
        return self.token if source.from_hub and _origin(url) == _origin(self.url) else ""

    def told(self, source: Source, answers: Iterable[tuple[str, Mapping[str, str]]]) -> Told:
        """What the answers on the way to a file (address and headers of each, in order) say about it.

        The hub itself names the checksum of a file; whoever serves its bytes is not asked.
        """
        own = [headers for url, headers in answers if source.from_hub and _origin(url) == _origin(self.url)]
        etag = _last(own, "x-linked-etag") or _last(own, "etag")
        etag = etag.removeprefix("W/").strip('"')
        return Told(
            sha256=etag if _SHA256.fullmatch(etag) else "",
            git_sha1=etag if _SHA1.fullmatch(etag) else "",
            size_bytes=int(size) if (size := _last(own, "x-linked-size")).isdigit() else None,
            commit=_last(own, "x-repo-commit"),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What the hub says about a file."""

    sha256: str = ""
    git_sha1: str = ""
    """Of small files the hub names the id in git: the SHA-1 of `blob`, the length and the bytes."""
    size_bytes: int | None = None
    commit: str = ""

    @property
    def checksum(self) -> str:
        """By which the bytes can be checked; empty when nobody named one."""
        return self.sha256 or self.git_sha1

    def mismatch(self, path: Path, source: Source) -> str:
        """What is wrong with a file that came, in words; empty when it is right."""
        expected, size = source.sha256 or self.sha256, source.size_bytes or self.size_bytes
        if size is not None and path.stat().st_size != size:
            return f"{path.stat().st_size} bytes instead of {size}"
        if expected and (found := sha256(path)) != expected:
            return f"SHA-256 {found[:12]}… instead of {expected[:12]}…"
        if not expected and self.git_sha1 and (found := git_sha1(path)) != self.git_sha1:
            return f"id {found[:12]}… in git instead of {self.git_sha1[:12]}…"
        return ""


def git_sha1(path: Path) -> str:
    """The id that git gives to a file."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _last(answers: list[Mapping[str, str]], header: str) -> str:
    return next((value for headers in reversed(answers) if (value := headers.get(header, ""))), "")
