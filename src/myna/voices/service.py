"""Find the voice that a request means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from myna.engines.base import Gender
from myna.engines.naming import named
from myna.errors import EngineNotFound, VoiceNotFound
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.choice import Choice, of_other_engine, without_voice
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

    def choice(self, name: str) -> Choice | None:
        """The engine that is named, by its name or by that of one of its models; None when nothing is called so.

        Raises `EngineNotFound`, which says what to do, for one that is known and cannot speak here.
        """
        with named("engine"):
            return self._catalogue.choice(name)

    def chosen(self, name: str) -> Choice:
        """As `choice`. Raises `EngineNotFound` also when nothing is called so."""
        if (choice := self.choice(name)) is None:
            raise EngineNotFound(
                f"There is no engine or model `{name[:64]}`. `myna engines` and `myna models list` show what there is.",
                field="engine",
            )
        return choice

    async def resolve(self, api: str, name: str, account_id: str, choice: Choice | None = None) -> Voice:
        """The voice of a vendor's name, else the account's own of this id or name, else a stock voice of this name
        or id. Of the engine that is chosen, if one is: a vendor's name is then a voice of that engine.

        Raises what `get` raises, and `VoiceOfOtherEngine`.
        """
        if choice:
            return await self._resolve_of(choice, api, name, account_id)
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

    def default(self, language: str, choice: Choice | None = None) -> Voice:
        """The stock voice for who asks for a language only, of the engine that is chosen. Raises `VoiceNotFound`."""
        voice = self._catalogue.default(language, choice)
        if voice is None and choice:
            raise VoiceNotFound(
                f"`{choice.name}` has no voice for `{language[:40]}`. `myna voices list --engine {choice.engine}` "
                "shows those that it has; a voice that was cloned for it is named by its id."
            )
        if voice is None:
            raise VoiceNotFound(f"No engine of this node speaks `{language[:40]}`. `myna engines` shows what they do.")
        return voice

    @property
    def models(self) -> Mapping[str, str]:
        """Of engines with several models, the names of those by which stock voices speak here, and the engines."""
        return self._catalogue.models

    def defaults(self) -> Sequence[Voice]:
        """One stock voice for each language of this node."""
        return self._catalogue.defaults()

    def forget(self, voice_id: str) -> None:
        """Nothing of a deleted voice stays in the memory of this node."""
        if self._own:
            self._own.forget(voice_id)

    async def _resolve_of(self, choice: Choice, api: str, name: str, account_id: str) -> Voice:
        if slot := self._catalogue.slot(api, name, choice):
            return slot
        if alias := self._catalogue.alias(api, name):
            if not self._catalogue.default(alias.locale, choice):
                raise without_voice(alias, choice)
            raise of_other_engine(await self.get(alias.voice_id, account_id), name, choice)  # bound by the operator
        own = await self._own.named(account_id, name) if self._own else None
        voice = self._own.described(own) if self._own and own else self._catalogue.named(name, choice)
        voice = voice or self._catalogue.get(name) or self._catalogue.named(name)
        if voice is None:
            _refuse(name, choice)
        if not choice.includes(voice):
            raise of_other_engine(voice, name, choice)
        return (await self._speaking(own) or _refuse(name)) if own else voice

    async def _speaking(self, cloned: ClonedVoice | None) -> Voice | None:
        return await self._own.speaking(cloned) if self._own and cloned else None


def _refuse(voice_id: str, choice: Choice | None = None) -> NoReturn:
    of, there = (f" of `{choice.name}`", f" --engine {choice.engine}") if choice else ("", "")
    raise VoiceNotFound(f"There is no voice `{voice_id[:100]}`{of}. `myna voices list{there}` shows what there is.")
