"""Find the voice that a request means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from myna.engines.base import Gender
from myna.errors import VoiceNotFound
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.languages import speaks
from myna.voices.own import OwnVoices
from myna.voices.schemas import Alias, ClonedVoice, Voice


class VoiceService:
    """The voices that an account may use: its own, and those that the engines bring along."""

    def __init__(self, catalogue: VoiceCatalogue, own: OwnVoices | None = None) -> None:
        """Without `own` there are stock voices only."""
        self._catalogue = catalogue
        self._own = own

    async def get(self, voice_id: str, account_id: str) -> Voice:
        """A voice that can speak, by its id.

        Raises `VoiceNotFound`, also for a deleted voice and for that of another account, and `EngineUnavailable` when
        the engine that a cloned voice was made for is not here.
        """
        voice = self._catalogue.get(voice_id)
        if voice is None and self._own:
            voice = await self._speaking(await self._own.find(account_id, voice_id))
        return voice or _refuse(voice_id)

    async def resolve(self, api: str, name: str, account_id: str) -> Voice:
        """The voice of a vendor's name, else the account's own of this id or name, else a stock voice of this name
        or id. Raises what `get` raises."""
        if alias := self._catalogue.alias(api, name):
            return await self.get(alias.voice_id, account_id)
        own = await self._speaking(await self._own.named(account_id, name)) if self._own else None
        return own or self._catalogue.named(name) or self._catalogue.get(name) or _refuse(name)

    async def list(
        self,
        account_id: str,
        *,
        language: str | None = None,
        engine: str | None = None,
        gender: Gender | str | None = None,
    ) -> list[Voice]:
        """The account's own voices, then those of the preferred engine, and so on.

        `language` is a BCP 47 tag; `en` includes `en-GB`. Cloned voices come without their settings: to speak with
        one, `get` it.
        """
        own = [self._own.described(cloned) for cloned in await self._own.list(account_id)] if self._own else []
        return [
            voice
            for voice in (*own, *self._catalogue.voices)
            if (language is None or speaks(voice, language))
            and (engine is None or voice.engine == engine)
            and (gender is None or voice.gender == gender)
        ]

    def aliases(self, api: str) -> Sequence[Alias]:
        """The names that a vendor's clients may use: `stablecog`, `magichour`, `openai` or `munsit`."""
        return self._catalogue.aliases(api)

    def default(self, language: str) -> Voice:
        """The stock voice for who asks for a language only. Raises `VoiceNotFound`."""
        voice = self._catalogue.default(language)
        if voice is None:
            raise VoiceNotFound(f"No engine of this node speaks `{language[:40]}`. `myna engines` shows what they do.")
        return voice

    def defaults(self) -> Sequence[Voice]:
        """One stock voice for each language of this node."""
        return self._catalogue.defaults()

    def forget(self, voice_id: str) -> None:
        """Nothing of a deleted voice stays in the memory of this node."""
        if self._own:
            self._own.forget(voice_id)

    async def _speaking(self, cloned: ClonedVoice | None) -> Voice | None:
        return await self._own.speaking(cloned) if self._own and cloned else None


def _refuse(voice_id: str) -> NoReturn:
    raise VoiceNotFound(f"There is no voice `{voice_id[:100]}`. `myna voices list` shows what there is.")
