"""Models of the true size with random weights, for CTranslate2: they cost what real ones cost, and say nothing.

    python -m benchmarks.full_size_random FOLDER whisper-base

makes the folder of a model (int8): whisper-base 76 MB, whisper-small 247 MB, whisper-turbo 818 MB, opus 63 MB (six and
six layers of 512, as Opus-MT and Argos have), m2m100 490 MB (twelve and twelve of 1024, a vocabulary of 128,112).
Making one takes up to 3.7 GB of memory.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.made_models import (
    fill_layer,
    fill_norm,
    letters_of_bytes,
    save,
    save_whisper,
    sentence_pieces,
    whisper_tokenizer,
    with_marks,
    zeros,
)


@dataclass(frozen=True)
class WhisperSize:
    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    mels: int
    languages: int


@dataclass(frozen=True)
class TranslatorSize:
    layers: int
    width: int
    heads: int
    hidden: int
    vocabulary: int


WHISPERS = {
    "whisper-base": WhisperSize(6, 6, 512, 8, 80, 99),
    "whisper-small": WhisperSize(12, 12, 768, 12, 80, 99),
    "whisper-turbo": WhisperSize(32, 4, 1280, 20, 128, 100),
}
TRANSLATORS = {
    "opus": TranslatorSize(6, 512, 8, 2048, 32_000),
    "m2m100": TranslatorSize(12, 1024, 16, 4096, 128_112),
}
_TEXT_TOKENS = 50_257
"""Of Whisper's vocabulary."""
_RANDOM = np.random.default_rng(0)


def build(out: Path, name: str) -> Path:
    """The folder of a model."""
    out.mkdir(parents=True, exist_ok=True)
    if name in WHISPERS:
        _build_whisper(out, WHISPERS[name])
    else:
        _build_translator(out, TRANSLATORS[name])
    return out


def _random(*shape: int) -> NDArray[np.float32]:
    return 0.02 * _RANDOM.standard_normal(shape, dtype=np.float32)


def _build_whisper(out: Path, size: WhisperSize) -> None:
    from ctranslate2.specs import whisper_spec

    tokenizer = _tokenizer(size.languages)
    spec = whisper_spec.WhisperSpec(size.encoder_layers, size.heads, size.decoder_layers, size.heads)
    encoder, decoder, width = spec.encoder, spec.decoder, size.width
    encoder.conv1.weight, encoder.conv1.bias = _random(width, size.mels, 3), zeros(width)
    encoder.conv2.weight, encoder.conv2.bias = _random(width, width, 3), zeros(width)
    encoder.position_encodings.encodings = _random(1_500, width)
    decoder.position_encodings.encodings = _random(448, width)
    decoder.embeddings.weight = decoder.projection.weight = _random(tokenizer.get_vocab_size(), width)
    for side, cross in ((encoder, False), (decoder, True)):
        fill_norm(side.layer_norm, width)
        for layer in side.layer:
            fill_layer(layer, width, 4 * width, cross=cross, weights=_random)
    spec.config.suppress_ids = [tokenizer.token_to_id("<|endoftext|>")]  # it never ends early
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokenizer.token_to_id("<|en|>")]
    save_whisper(spec, tokenizer, size.mels, out)


def _tokenizer(languages: int) -> Any:
    from myna.engines.whisper.languages import CODES

    vocabulary = letters_of_bytes()
    vocabulary[""] = len(vocabulary)  # the sign of a multilingual model
    while len(vocabulary) < _TEXT_TOKENS:
        vocabulary[f"Ġw{len(vocabulary)}"] = len(vocabulary)
    return whisper_tokenizer(vocabulary, CODES[:languages])


def _build_translator(out: Path, size: TranslatorSize) -> None:
    from ctranslate2.specs import transformer_spec

    spec = transformer_spec.TransformerSpec.from_config((size.layers, size.layers), size.heads, pre_norm=True)
    shared = _random(size.vocabulary, size.width)
    spec.encoder.embeddings[0].weight = spec.decoder.embeddings.weight = spec.decoder.projection.weight = shared
    spec.decoder.projection.bias = zeros(size.vocabulary)
    for side, cross in ((spec.encoder, False), (spec.decoder, True)):
        side.position_encodings.encodings = _random(512, size.width)
        fill_norm(side.layer_norm, size.width)
        for layer in side.layer:
            fill_layer(layer, size.width, size.hidden, cross=cross, weights=_random)
    tokens = with_marks(_pieces(out))
    tokens += [f"▁w{number}" for number in range(size.vocabulary - len(tokens))]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    save(spec, out)


def _pieces(out: Path) -> list[str]:
    """Of SentencePiece models of whole words, so that a sentence has about as many tokens as with a real one."""
    words = [f"word{number}" for number in range(2_000)]
    sentences = [" ".join(words[start : start + 100]) for start in range(0, 2_000, 100)]
    return sentence_pieces(out, ("source.spm", "target.spm"), sentences, model_type="word", vocab_size=2_003)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("model", choices=[*WHISPERS, *TRANSLATORS])
    chosen = arguments.parse_args()
    build(chosen.folder, chosen.model)
    print(f"{chosen.model}: {(chosen.folder / 'model.bin').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
