"""Find the voice that a request means."""

from __future__ import annotations

from collections.abc import Sequence

from myna.engines.base import Gender
from myna.errors import VoiceNotFound
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.languages import speaks
from myna.voices.schemas import Alias, Voice


class VoiceService:
    """The voices that an account may use."""

    def __init__(self, catalogue: VoiceCatalogue) -> None:
        self._catalogue = catalogue

    async def get(self, voice_id: str, account_id: str) -> Voice:
        """Raises `VoiceNotFound`."""
        voice = self._catalogue.get(voice_id)
        if voice is None:
            raise VoiceNotFound(f"There is no voice `{voice_id[:100]}`. `myna voices list` shows what there is.")
        return voice

    async def resolve(self, api: str, name: str, account_id: str) -> Voice:
        """The voice of a vendor's name, else of one of our own ids or names. Raises `VoiceNotFound`."""
        alias = self._catalogue.alias(api, name)
        if alias is None and (voice := self._catalogue.named(name)):
            return voice
        return await self.get(alias.voice_id if alias else name, account_id)

    async def list(
        self,
        account_id: str,
        *,
        language: str | None = None,
        engine: str | None = None,
        gender: Gender | str | None = None,
    ) -> list[Voice]:
        """The voices of the preferred engine first. `language` is a BCP 47 tag; `en` includes `en-GB`."""
        return [
            voice
            for voice in self._catalogue.voices
            if (language is None or speaks(voice, language))
            and (engine is None or voice.engine == engine)
            and (gender is None or voice.gender == gender)
        ]

    def aliases(self, api: str) -> Sequence[Alias]:
        """The names that a vendor's clients may use: `stablecog`, `magichour` or `openai`."""
        return self._catalogue.aliases(api)

    def default(self, language: str) -> Voice:
        """The voice for who asks for a language only. Raises `VoiceNotFound`."""
        voice = self._catalogue.default(language)
        if voice is None:
            raise VoiceNotFound(f"No engine of this node speaks `{language[:40]}`. `myna engines` shows what they do.")
        return voice

    def defaults(self) -> Sequence[Voice]:
        """One voice for each language of this node."""
        return self._catalogue.defaults()
