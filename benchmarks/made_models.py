"""What models for CTranslate2 are made of when nobody trained them: for benchmarks, and for the tiny ones of tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Callable[..., NDArray[np.float32]]
"""Makes weights of a shape: `weights(rows, columns)`."""


def zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def fill_layer(layer: Any, width: int, hidden: int, *, cross: bool, weights: Weights = zeros) -> None:
    """One layer of a transformer. Without weights every branch adds zero. `cross`: it looks at the encoder too."""
    fill_norm(layer.self_attention.layer_norm, width)
    _fill_linear(layer.self_attention.linear[0], weights(3 * width, width))
    _fill_linear(layer.self_attention.linear[1], weights(width, width))
    if cross:
        fill_norm(layer.attention.layer_norm, width)
        for part, rows in zip(layer.attention.linear, (width, 2 * width, width), strict=True):
            _fill_linear(part, weights(rows, width))
    fill_norm(layer.ffn.layer_norm, width)
    _fill_linear(layer.ffn.linear_0, weights(hidden, width))
    _fill_linear(layer.ffn.linear_1, weights(width, hidden))


def fill_norm(spec: Any, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), zeros(width)


def _fill_linear(spec: Any, weight: NDArray[np.float32]) -> None:
    spec.weight, spec.bias = weight, zeros(len(weight))


def save(spec: Any, folder: Path) -> None:
    """In int8."""
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))


def letters_of_bytes() -> dict[str, int]:
    """Where the vocabulary of a Whisper begins."""
    from tokenizers import pre_tokenizers

    return {symbol: number for number, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}


def whisper_tokenizer(vocabulary: Mapping[str, int], languages: Iterable[str]) -> Any:
    """With Whisper's own tokens after the vocabulary."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    special = [
        *("<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in languages)),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
        *(f"<|{number * 0.02:.2f}|>" for number in range(1501)),
    ]
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocabulary), merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


def save_whisper(spec: Any, tokenizer: Any, mels: int, folder: Path) -> None:
    """With its vocabulary, and with what is read beside it."""
    spec.register_vocabulary([tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())])
    spec.config.alignment_heads = [[0, 0]]
    save(spec, folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    features = {"feature_size": mels, "sampling_rate": 16000, "hop_length": 160, "n_fft": 400}
    facts = {**features, "chunk_length": 30, "nb_max_frames": 3000}
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))


def sentence_pieces(folder: Path, names: Iterable[str], sentences: Sequence[str], **options: Any) -> list[str]:
    """SentencePiece models of these names, all the same one; its pieces."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(folder / "pieces"),
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    (folder / "pieces.vocab").unlink()
    made = (folder / "pieces.model").read_bytes()
    (folder / "pieces.model").unlink()
    for name in names:
        (folder / name).write_bytes(made)
    processor = sentencepiece.SentencePieceProcessor(model_proto=made)
    return [processor.id_to_piece(number) for number in range(processor.vocab_size())]


def with_marks(pieces: Sequence[str]) -> list[str]:
    """The tokens of a translator: CTranslate2 wants those of an unknown word, the start and the end first."""
    marks = ["<unk>", "<s>", "</s>"]
    return [*marks, *(piece for piece in pieces if piece not in marks)]
