"""What a model is: the files, where they come from, what they give, under which licence, what they need besides."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
"""Names are folders: no separator, no dot in front, no capitals."""

Kind = Literal["speech", "recognition", "translation", "separation", "denoising"]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(_Form):
    """A file of a model, and where it can be had."""

    path: str = Field(min_length=1)
    """Within the model's folder, with `/`."""
    url: str = Field(min_length=1)
    """Its path in the hub's repository `Model.source`, or a whole `https://` address."""
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """None: no public record of it was found. It is taken from the hub at the first pull and kept in the manifest."""
    size_bytes: int | None = Field(None, ge=1)
    unpack: tuple[str, ...] = ()
    """Of a zip archive: the files to keep, as patterns without the folder that holds them all (`model/*`). They take
    the archive's place."""

    @field_validator("path")
    @classmethod
    def _stays_within(cls, path: str) -> str:
        if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in path.split("/")):
            raise ValueError("is not a path within the model's folder")
        return path

    @property
    def checksum(self) -> str:
        """In words, for lists."""
        return "pinned" if self.sha256 else "recorded at first pull"


class Model(_Form):
    """A model that `myna models pull` can bring."""

    name: str = Field(pattern=f"^{NAME}$")
    engine: str = Field(min_length=1)
    """The engine that loads it, as `myna engines` shows it."""
    kind: Kind
    description: str = Field(min_length=1)
    """What it gives, in one line."""
    languages: tuple[str, ...] = ()
    """BCP 47 tags, also `en>es` for one direction of a translation. Empty: any, or no matter."""
    size_bytes: int = Field(ge=1)
    """Of all its files together, as near as is known."""
    licence_code: str = Field(min_length=1)
    licence_weights: str = Field(min_length=1)
    commercial: bool
    """Whether the licence of the weights allows commercial use."""
    source: str = Field(min_length=1)
    """The hub's repository, `owner/name`, or the page that the files come from."""
    revision: str = ""
    """Commit of that repository, or the name of a release."""
    files: tuple[ModelFile, ...] = Field(min_length=1)
    needs: tuple[str, ...] = Field(min_length=1)
    """The extra of the package `myna`, or the engine whose environment it needs; then `gpu`, where it is too slow
    without one."""
    gated: bool = False
    """The hub gives it only to those who agreed to its terms and sent their token."""
    notice: str = ""
    """What whoever uses it should know of its licence."""

    @property
    def pinned(self) -> bool:
        """Whether the checksum of every file is known beforehand."""
        return all(file.sha256 for file in self.files)
