"""What can be wrong with a request for a dub, found before anything is sent, stored or charged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from myna.accounts.schemas import Account, Caller, owner_of
from myna.dubbing.schemas import DubRequest
from myna.dubbing.wording import TextLines, text_lines
from myna.engines.naming import named
from myna.engines.registry import EngineRegistry
from myna.errors import ConsentRequired, InvalidRequest, Unsupported, VoiceNotFound
from myna.settings import Settings
from myna.transcription.service import TranscriptionService
from myna.translation.service import TranslationService
from myna.voices.cloning import CloningService
from myna.voices.languages import base_language
from myna.voices.service import VoiceService

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?")
_SPEAKER = re.compile(r"speaker-[1-9][0-9]{0,2}")
_SPEEDS = (0.5, 2.0)
_STRETCHES = (1.0, 2.0)
_MOST_SPEAKERS = 20
_MOST_WORDS = 1_000
_LONGEST_WORD = 200

DEFAULT_LANGUAGE = "en"
"""Of a source when nobody says, and no engine can tell."""


class RequestChecks:
    """Knows what this node can do, and what an account may use."""

    def __init__(
        self,
        *,
        settings: Settings,
        registry: EngineRegistry,
        voices: VoiceService,
        cloning: CloningService,
        transcription: TranscriptionService,
        translation: TranslationService,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._voices = voices
        self._cloning = cloning
        self._transcription = transcription
        self._translation = translation

    async def check(self, caller: Caller | Account, request: DubRequest) -> DubRequest:
        """The request with language tags in their usual form. Raises as `DubbingService.check`."""
        request = self._with_plain_tags(request)
        _check_numbers(request)
        _check_glossary(request.glossary)
        self._check_texts(request)
        self._check_hearing(request)
        self._check_translations(request)
        self._check_background(request)
        await self._check_voices(caller, request)
        return request

    async def check_voice(self, caller: Caller | Account, voice_id: str | None, language: str) -> None:
        """Raises `VoiceNotFound`, and `Unsupported` when the voice does not speak the language. A clone speaks all
        languages of its engine."""
        if voice_id is None:
            return
        voice = await self._voices.get(voice_id, owner_of(caller).id)
        able = self._registry.describe(voice.engine).languages if voice.kind == "cloned" else ()
        if _can_say((*voice.languages, *able), language):
            return
        raise Unsupported(
            f"The voice `{voice_id}` speaks {_listed(voice.languages)}, not `{language}`. Name one that does, as `myna "
            f"voices list --language {base_language(language)}` and `GET /myna/v1/voices?language="
            f"{base_language(language)}` show them. In a dub into several languages each needs its own.",
            field="voice_id",
        )

    def _with_plain_tags(self, request: DubRequest) -> DubRequest:
        most = self._settings.max_dub_languages
        targets = tuple(dict.fromkeys(_tag(tag, "target_languages") for tag in request.target_languages))
        if not 1 <= len(targets) <= most:
            raise InvalidRequest(f"A dub has 1 to {most} languages.", field="target_languages")
        source = _tag(request.source_language, "source_language") if request.source_language else None
        translations = {_tag(tag, "translations"): text for tag, text in request.translations.items()}
        if strangers := translations.keys() - set(targets):
            raise InvalidRequest(
                f"There is a translation for `{min(strangers)}`, into which nothing is dubbed.", field="translations"
            )
        plain = replace(request, target_languages=targets, source_language=source, translations=translations)
        return replace(plain, voices=_plain_voices(plain))

    def _check_texts(self, request: DubRequest) -> None:
        script = None
        if request.transcript is not None:
            if request.use_subtitles:
                raise InvalidRequest("Take a transcript or the source's own subtitles, not both.", field="transcript")
            script = text_lines(request.transcript, field="transcript")
        for language, text in request.translations.items():
            _check_count(script, text_lines(text, field="translations"), language)

    def _check_hearing(self, request: DubRequest) -> None:
        if request.transcript is not None or request.use_subtitles:
            if request.recogniser:
                self._transcription.check_name(request.recogniser)
            return
        self._transcription.check(request.source_language, request.recogniser)

    def _check_background(self, request: DubRequest) -> None:
        if request.separator:
            with named("separator"):
                self._registry.describe_separator(request.separator)
        elif request.background:
            self._registry.preferred("separation")

    def _check_translations(self, request: DubRequest) -> None:
        heard = request.transcript is None and not request.use_subtitles
        found_out = heard and self._transcription.finds_language(request.recogniser)
        source = request.source_language or (None if found_out else DEFAULT_LANGUAGE)
        if request.translator:
            self._translation.check_name(request.translator)
        for target in request.target_languages:
            if target not in request.translations:
                self._translation.check(source, target, glossary=bool(request.glossary), engine=request.translator)

    async def _check_voices(self, caller: Caller | Account, request: DubRequest) -> None:
        choice = self._voices.chosen(request.engine) if request.engine else None
        for voice_id in {request.voice_id, *request.voices.values()} if choice else ():
            if voice_id is not None:
                await self._voices.resolve("native", voice_id, owner_of(caller).id, choice)
        for target in request.target_languages:
            await self.check_voice(caller, request.voice_id, target)
            for key, voice_id in request.voices.items():
                language = _language_of(key, request.target_languages)
                if language in (None, target):
                    await self.check_voice(caller, voice_id, target)
            if request.clone_speakers:
                self._check_cloning(target, request.engine or None)
            elif choice:
                self._voices.default(target, choice)
            elif not await self._voices.list(owner_of(caller).id, language=base_language(target)):
                raise VoiceNotFound(f"No voice of this server speaks `{target}`. `myna voices list` shows all voices.")

    def _check_cloning(self, target: str, engine: str | None) -> None:
        able = self._cloning.engine(engine)
        if self._settings.consent == "recording":
            raise ConsentRequired(
                "This server makes voices only with a consent recording of each speaker, so a dub cannot clone them. "
                "Clone them first, and name their voices: `voices`."
            )
        if not _can_say(able.languages, target):
            raise Unsupported(f"The engine `{able.name}` clones voices, but does not speak `{target}`.")


def _tag(tag: str, field: str) -> str:
    plain = tag.strip().replace("_", "-")
    if not _TAG.fullmatch(plain):
        raise InvalidRequest(f"`{tag[:40]}` is not a language tag; `es` and `pt-BR` are.", field=field)
    language, *rest = plain.split("-")
    script_length = 4
    forms = [part.title() if len(part) == script_length else part.upper() for part in rest]
    return "-".join([language.lower(), *forms])


def _plain_voices(request: DubRequest) -> dict[str, str]:
    """`voices` with languages in their usual form, and speakers by their ids. Raises `InvalidRequest` for a key that
    fits nobody."""
    sent = request.transcript
    names = text_lines(sent, field="transcript").names if sent is not None and request.voices else ()
    known = {name.casefold(): f"speaker-{number}" for number, name in reversed([*enumerate(names, 1)])}
    return {_plain_key(key, request.target_languages, known): voice for key, voice in request.voices.items()}


def _plain_key(key: str, targets: Sequence[str], names: Mapping[str, str]) -> str:
    language, slash, speaker = key.rpartition("/")
    if slash:
        tag = _tag(language, "voices")
        if tag not in targets:
            raise InvalidRequest(f"There is a voice for `{tag}`, into which nothing is dubbed.", field="voices")
        return f"{tag}/{_speaker(speaker, names)}"
    if _TAG.fullmatch(key) and key.casefold() not in names and _tag(key, "voices") in targets:
        return _tag(key, "voices")
    return _speaker(key, names)


def _speaker(name: str, names: Mapping[str, str]) -> str:
    if found := names.get(name.strip().casefold()):
        return found
    if _SPEAKER.fullmatch(name):
        return name
    known = ", or by the names of your transcript" if names else ""
    raise InvalidRequest(
        f"There is a voice for `{name[:40]}`, which names no speaker and no language of this dub. Speakers are called "
        f"`speaker-1`, `speaker-2` …{known}.",
        field="voices",
    )


def _language_of(key: str, targets: Sequence[str]) -> str | None:
    """For which language a key of `voices` counts; None: for all."""
    language, slash, _ = key.partition("/")
    return language if slash or language in targets else None


def _listed(languages: Sequence[str]) -> str:
    return ", ".join(f"`{language}`" for language in languages)


def _check_numbers(request: DubRequest) -> None:
    if not _SPEEDS[0] <= request.speed <= _SPEEDS[1]:
        raise InvalidRequest(f"The speed is {_SPEEDS[0]:g} to {_SPEEDS[1]:g}.", field="speed")
    if not _STRETCHES[0] <= request.most_stretch <= _STRETCHES[1]:
        raise InvalidRequest(f"most_stretch is {_STRETCHES[0]:g} to {_STRETCHES[1]:g}.", field="most_stretch")
    if request.speakers is not None and not 1 <= request.speakers <= _MOST_SPEAKERS:
        raise InvalidRequest(f"There are 1 to {_MOST_SPEAKERS} speakers.", field="speakers")
    if not 0 <= request.seed < 2**63:
        raise InvalidRequest("The seed is a whole number from 0.", field="seed")


def _check_glossary(glossary: Mapping[str, str]) -> None:
    if len(glossary) > _MOST_WORDS:
        raise InvalidRequest(f"The glossary has more than {_MOST_WORDS:,} entries.", field="glossary")
    for word, meaning in glossary.items():
        if not word.strip() or max(len(word), len(meaning)) > _LONGEST_WORD:
            raise InvalidRequest(f"A glossary entry has 1 to {_LONGEST_WORD} characters.", field="glossary")


def _check_count(script: TextLines | None, translation: TextLines, language: str) -> None:
    """Plain lines go with the lines or cues of the transcript, one by one."""
    if script is None or translation.timed:
        return
    if len(script.lines) != len(translation.lines):
        raise InvalidRequest(
            f"The transcript has {len(script.lines)} lines, its translation into `{language}` "
            f"{len(translation.lines)}. Send as many, or subtitles with times.",
            field="translations",
        )


def _can_say(languages: tuple[str, ...], language: str) -> bool:
    return any(base_language(known) == base_language(language) for known in languages)
