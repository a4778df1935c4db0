"""One loaded model: texts in, texts out, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myna.engines.ctranslate.languages import stands_before_source
from myna.engines.ctranslate.packages import Package, read_vocabulary, vocabulary_of
from myna.errors import EngineFailed
from myna.models.store import unusable
from myna.settings import Settings

_MOST_TOKENS = 200
"""Of one text: models are trained on sentences, and forget the end of what is longer."""
_BATCH_TOKENS = 2_048
_LONGER, _AT_LEAST = 3, 16
"""A translation has at most so many times the tokens of its source, and some more."""
_LONGEST = 500
"""Tokens of a translation: Marian's models know 512 places, and fail at the next one."""
_LONGEST_ROUND, _LEAST_ROUNDS = 20, 4
"""Tokens of what is said over and over by a model that finds no end, and how often it is said at least."""
_OWN_PIECES = 0.3
"""Share of the pieces of a SentencePiece model that are in the vocabulary at least; of its own, nearly all are."""
_SAMPLE = 2_000
_WORSE = 0.35
"""By how much the average log-probability of a shorter translation may be below that of the best."""
_SHORTEST = 0.6
"""Of the length of the best translation: what is shorter leaves something out."""
_END = "</s>"


class LoadedModel:
    """A model in memory."""

    def __init__(self, package: Package, settings: Settings, device: str) -> None:
        """Raises `EngineUnavailable` when it cannot be loaded."""
        import ctranslate2
        import sentencepiece

        self._package = package
        self._beam = settings.translation_beam
        try:
            self._source = sentencepiece.SentencePieceProcessor(model_file=str(package.source_pieces))
            self._target = sentencepiece.SentencePieceProcessor(model_file=str(package.target_pieces))
            self._model: Any = ctranslate2.Translator(
                str(package.folder),
                device=device,
                compute_type=settings.ctranslate_compute_type,
                inter_threads=1,
                intra_threads=settings.threads_per_process,
            )
            _check_pieces(self._source, package.source_pieces, vocabulary_of(package.folder, "source"))
            _check_pieces(self._target, package.target_pieces, vocabulary_of(package.folder, "target"))
        except Exception as error:  # foreign code: whatever it raises is a reason
            raise unusable(package.name, f"cannot be loaded: {error}") from error

    def fits(self, text: str) -> bool:
        """Whether a text is short enough to be translated in one piece."""
        return len(self._pieces(text)) <= _MOST_TOKENS

    def translate(self, texts: Sequence[str], source: str, target: str, *, shorter: bool = False) -> list[str]:
        """Each text in the other language, tags as the package has them; `shorter`: in as few characters as may be.

        A text of which the model makes nothing comes back empty. Raises `EngineFailed`.
        """
        if not texts:
            return []
        asked = [self._asked(text, source, target) for text in texts]
        begun = self._begun(target)
        most = max(self._beam, 8) if shorter else self._beam
        try:
            results = self._model.translate_batch(
                asked,
                target_prefix=[begun] * len(asked) if begun else None,
                beam_size=most,
                num_hypotheses=most if shorter else 1,
                return_scores=True,
                max_batch_size=_BATCH_TOKENS,
                batch_type="tokens",
                max_input_length=0,
                max_decoding_length=max(map(_most_tokens, asked)),
                disable_unk=True,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineFailed(f"The model `{self._package.name}` failed: {error}") from error
        made = [
            self._texts(result, len(begun), _most_tokens(pieces)) for pieces, result in zip(asked, results, strict=True)
        ]
        return [shortest_adequate(found) if shorter else found[0][0] for found in made]

    def close(self) -> None:
        self._model.unload_model()

    def _pieces(self, text: str) -> list[str]:
        return list(self._source.encode(text, out_type=str))

    def _asked(self, text: str, source: str, target: str) -> list[str]:
        package = self._package
        before = [package.tokens[source]] if package.names_source else []
        if (token := package.tokens.get(target)) and stands_before_source(token):
            before.append(token)
        return [*before, *self._pieces(text), *([_END] if package.ends_source else [])]

    def _begun(self, target: str) -> list[str]:
        token = self._package.tokens.get(target)
        return [token] if token and not stands_before_source(token) else []

    def _texts(self, result: Any, begun: int, most: int) -> list[tuple[str, float]]:
        """Each hypothesis and its average log-probability."""
        written = ([token for token in tokens[begun:] if token != _END] for tokens in result.hypotheses)
        hypotheses = (without_circles(tokens, most) for tokens in written)
        return [
            (" ".join(self._target.decode(tokens).split()), float(score))
            for tokens, score in zip(hypotheses, result.scores, strict=True)
        ]


def _most_tokens(asked: Sequence[str]) -> int:
    """Of a translation."""
    return min(_LONGEST, _LONGER * len(asked) + _AT_LEAST)


def without_circles(tokens: Sequence[str], most: int) -> Sequence[str]:
    """At most so many tokens; of what a model says over and over because it finds no end, the first round."""
    if len(tokens) < most:
        return tokens
    kept = tokens[:most]
    for length in range(1, min(_LONGEST_ROUND, len(kept)) + 1):
        again = 0
        while again < len(kept) - length and kept[-1 - again] == kept[-1 - again - length]:
            again += 1
        if again >= (_LEAST_ROUNDS - 1) * length:
            return kept[: len(kept) - again]
    return kept


def _check_pieces(pieces: Any, path: Path, vocabulary: Path | None) -> None:
    """Raises `ValueError` for the SentencePiece model of some other model: it would make nonsense of every text."""
    if vocabulary is None:
        return
    known, size = set(read_vocabulary(vocabulary)), pieces.vocab_size()
    numbers = range(0, size, max(1, size // _SAMPLE))
    looked_at = [pieces.id_to_piece(n) for n in numbers if not (pieces.is_control(n) or pieces.is_unknown(n))]
    if sum(piece in known for piece in looked_at) < _OWN_PIECES * len(looked_at):
        raise ValueError(f"`{path.name}` does not go with `{vocabulary.name}`")


def shortest_adequate(found: Sequence[tuple[str, float]]) -> str:
    """Of translations and their average log-probabilities, the best first: the shortest that is nearly as likely.

    One that is much shorter than the best has left something out.
    """
    best, score = found[0]
    adequate = [
        text for text, likely in found if score - likely <= _WORSE and len(text) >= max(1.0, _SHORTEST * len(best))
    ]
    return min(adequate, key=len, default=best)
