"""Models of the true size with random weights, for CTranslate2: they cost what real ones cost, and say nothing.

    python -m benchmarks.full_size_random FOLDER whisper-base

makes the folder of a model (int8): whisper-base 76 MB, whisper-small 247 MB, whisper-turbo 818 MB, opus 63 MB (six and
six layers of 512, as Opus-MT and Argos have), m2m100 490 MB (twelve and twelve of 1024, a vocabulary of 128,112).
Making one takes up to 3.7 GB of memory.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def _build_whisper(out: Path, size: WhisperSize) -> None:
    from ctranslate2.specs import whisper_spec

    tokenizer = _whisper_tokenizer(size.languages)
    tokenizer.save(str(out / "tokenizer.json"))
    spec = whisper_spec.WhisperSpec(size.encoder_layers, size.heads, size.decoder_layers, size.heads)
    encoder, decoder, width = spec.encoder, spec.decoder, size.width
    encoder.conv1.weight, encoder.conv1.bias = _random(width, size.mels, 3), _zeros(width)
    encoder.conv2.weight, encoder.conv2.bias = _random(width, width, 3), _zeros(width)
    encoder.position_encodings.encodings = _random(1_500, width)
    decoder.position_encodings.encodings = _random(448, width)
    decoder.embeddings.weight = decoder.projection.weight = _random(tokenizer.get_vocab_size(), width)
    for side, cross in ((encoder, False), (decoder, True)):
        _norm(side.layer_norm, width)
        _fill(side.layer, width, 4 * width, cross=cross)
    spec.register_vocabulary([tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())])
    spec.config.suppress_ids = [tokenizer.token_to_id("<|endoftext|>")]  # it never ends early
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokenizer.token_to_id("<|en|>")]
    spec.config.alignment_heads = [[0, 0]]
    _save(spec, out)
    features = {"feature_size": size.mels, "sampling_rate": 16000, "hop_length": 160, "n_fft": 400}
    (out / "preprocessor_config.json").write_text(json.dumps({**features, "chunk_length": 30, "nb_max_frames": 3000}))


def _whisper_tokenizer(languages: int) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    from myna.engines.whisper.languages import CODES

    vocabulary = {symbol: number for number, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocabulary[""] = len(vocabulary)  # the sign of a multilingual model
    while len(vocabulary) < _TEXT_TOKENS:
        vocabulary[f"Ġw{len(vocabulary)}"] = len(vocabulary)
    special = [
        *("<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in CODES[:languages])),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
        *(f"<|{number * 0.02:.2f}|>" for number in range(1501)),
    ]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


def _build_translator(out: Path, size: TranslatorSize) -> None:
    from ctranslate2.specs import transformer_spec

    spec = transformer_spec.TransformerSpec.from_config((size.layers, size.layers), size.heads, pre_norm=True)
    shared = _random(size.vocabulary, size.width)
    spec.encoder.embeddings[0].weight = spec.decoder.embeddings.weight = spec.decoder.projection.weight = shared
    spec.decoder.projection.bias = _zeros(size.vocabulary)
    for side, cross in ((spec.encoder, False), (spec.decoder, True)):
        side.position_encodings.encodings = _random(512, size.width)
        _norm(side.layer_norm, size.width)
        _fill(side.layer, size.width, size.hidden, cross=cross)
    pieces = _pieces(out)
    tokens = ["<unk>", "<s>", "</s>", *(piece for piece in pieces if piece not in ("<unk>", "<s>", "</s>"))]
    tokens += [f"▁w{number}" for number in range(size.vocabulary - len(tokens))]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    _save(spec, out)


def _pieces(out: Path) -> Sequence[str]:
    """SentencePiece models of whole words, so that a sentence has about as many tokens as with a real one."""
    import sentencepiece

    words = [f"word{number}" for number in range(2_000)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(words[start : start + 100]) for start in range(0, 2_000, 100)]),
        model_prefix=str(out / "words"),
        model_type="word",
        vocab_size=2_003,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (out / "words.vocab").unlink()
    made = (out / "words.model").read_bytes()
    (out / "words.model").unlink()
    for name in ("source.spm", "target.spm"):
        (out / name).write_bytes(made)
    processor = sentencepiece.SentencePieceProcessor(model_proto=made)
    return [processor.id_to_piece(number) for number in range(processor.vocab_size())]


def _save(spec: Any, out: Path) -> None:
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(out))


def _fill(layers: Any, width: int, hidden: int, *, cross: bool) -> None:
    for layer in layers:
        _norm(layer.self_attention.layer_norm, width)
        _linear(layer.self_attention.linear[0], 3 * width, width)
        _linear(layer.self_attention.linear[1], width, width)
        if cross:
            _norm(layer.attention.layer_norm, width)
            for part, rows in zip(layer.attention.linear, (width, 2 * width, width), strict=True):
                _linear(part, rows, width)
        _norm(layer.ffn.layer_norm, width)
        _linear(layer.ffn.linear_0, hidden, width)
        _linear(layer.ffn.linear_1, width, hidden)


def _norm(spec: Any, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), _zeros(width)


def _linear(spec: Any, rows: int, columns: int) -> None:
    spec.weight, spec.bias = _random(rows, columns), _zeros(rows)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("model", choices=[*WHISPERS, *TRANSLATORS])
    chosen = arguments.parse_args()
    build(chosen.folder, chosen.model)
    print(f"{chosen.model}: {(chosen.folder / 'model.bin').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
