"""The models of pocket-tts that are here: one for each language, and the voices that lie with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from myna.engines.base import Gender, StockVoice
from myna.errors import EngineUnavailable
from myna.models.store import ModelStore

ENGINE = "pocket"
LANGUAGES = {
    "dutch": "nl-NL",
    "english": "en-US",
    "french": "fr-FR",
    "german": "de-DE",
    "italian": "it-IT",
    "portuguese": "pt-BR",
    "spanish": "es-ES",
}
"""By the word with which the library's configurations begin, and so the names of models: `pocket-french-24l`."""
_USUAL = "english"
_STOCK = "-stock"
"""Ends the name of a model whose weights cannot clone."""
_WITHOUT_CLONING = "without"
"""Stands in the name of a file of such weights, as in `model-without-cloning.safetensors`."""
_FEMALE = (
    "alba", "anna", "azelma", "caro_davy", "cosette", "eponine", "estelle", "eve", "fantine", "jane", "lola", "mary",
    "vera",
)  # fmt: skip
_MALE = (
    "bill_boerst", "charles", "daan", "george", "giovanni", "javert", "jean", "juergen", "marius", "michael", "paul",
    "peter_yearsley", "rafael", "stuart_bell",
)  # fmt: skip
"""The voices that Kyutai offers."""


@dataclass(frozen=True, slots=True)
class PocketModel:
    """The files of one language."""

    name: str
    weights: Path
    tokenizer: Path
    own_configuration: Path | None
    """A YAML file that lies with the weights; None: the library has one under this name."""
    language: str
    """BCP 47 tag."""
    clones: bool
    voices: tuple[Path, ...]
    """One file for each stock voice."""

    @property
    def configuration(self) -> str:
        """The name of the library's own configuration, such as `french_24l`."""
        return _configuration(self.name)

    def voice(self, name: str) -> Path:
        """The file of a stock voice. Raises `EngineUnavailable`."""
        found = next((path for path in self.voices if path.stem == name), None)
        if found is None:
            raise EngineUnavailable(f"The model `{self.name}` has no voice `{name}` any more.")
        return found


def find_models() -> tuple[PocketModel, ...]:
    """Those that are here and whole, by name. Raises `EngineUnavailable` when some are here and none is whole."""
    models: list[PocketModel] = []
    problems: list[EngineUnavailable] = []
    for installed in ModelStore.here().installed(ENGINE):
        try:
            models.append(_model(installed.name, installed.folder))
        except EngineUnavailable as error:
            problems.append(error)
    if problems and not models:
        raise problems[0]
    return tuple(models)


def some_models() -> tuple[PocketModel, ...]:
    """As `find_models`. Raises `EngineUnavailable` also when there is none."""
    if not (found := find_models()):
        raise EngineUnavailable("no model is here: `myna models pull pocket-english` brings one")
    return found


def stock_voices(models: tuple[PocketModel, ...]) -> tuple[StockVoice, ...]:
    """All voices of all models; a voice speaks the language of its model. Those of `pocket-english` and of
    `pocket-english-stock` are the same ones.
    """
    found: dict[str, StockVoice] = {}
    for model in models:
        for path in model.voices:
            voice = _stock_voice(model, path.stem)
            found.setdefault(voice.id, voice)
    return tuple(found.values())


def _model(name: str, folder: Path) -> PocketModel:
    weights = _only(folder, name, "weights", "*.safetensors")
    configuration = sorted(folder.glob("*.yaml"))
    language = _configuration(name).partition("_")[0]
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise EngineUnavailable(
            f"of the model `{name}` the language is not known: call it pocket-… with one of {known}"
        )
    return PocketModel(
        name=name,
        weights=weights,
        tokenizer=_only(folder, name, "tokenizer", "tokenizer.json", "*.model"),
        own_configuration=configuration[0] if configuration else None,
        language=LANGUAGES[language],
        clones=_WITHOUT_CLONING not in weights.name,
        voices=tuple(sorted((*folder.glob("voices/*.safetensors"), *folder.glob("embeddings/*.safetensors")))),
    )


def _only(folder: Path, name: str, what: str, *patterns: str) -> Path:
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise EngineUnavailable(f"the model `{name}` has no {what} ({' or '.join(patterns)})")
    return found[0]


def _configuration(name: str) -> str:
    words = name.removesuffix(_STOCK).removeprefix(ENGINE).lstrip("-") or _USUAL
    return words.replace("-", "_")


def _stock_voice(model: PocketModel, voice: str) -> StockVoice:
    variant = _configuration(model.name).replace("_", "-")
    called = voice.replace("_", " ").title()
    return StockVoice(
        id=f"{variant}.{voice.replace('_', '-')}",
        name=f"{called} ({variant.replace('-', ' ').title()})",
        language=model.language,
        gender=_gender(voice),
        description="A voice of Kyutai's pocket-tts.",
        settings={"model": model.name, "voice": voice},
    )


def _gender(voice: str) -> Gender:
    if voice in _FEMALE:
        return "female"
    return "male" if voice in _MALE else "neutral"
