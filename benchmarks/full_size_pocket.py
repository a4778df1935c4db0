"""Make an English model of pocket-tts of the true size (100 million numbers) with random weights: honest speed,
meaningless sound.

    PYTHON benchmarks/full_size_pocket.py FOLDER

PYTHON is that of an environment with torch and pocket-tts, such as `.venv-torch/bin/python`. The configuration is the
library's own. The model never sees the end of a text: it goes on until the library ends it, after a third of a second
for each token and two seconds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from pocket_tts import TTSModel, export_model_state
from pocket_tts.utils.config import CONFIGS_DIR
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CONFIGURATION = Path(CONFIGS_DIR, "english.yaml")
NEVER = -100.0
"""Far below the threshold of the end."""
PEAK = 0.5
"""Of what it says; full scale is 1."""
REFERENCE_SECONDS = 10


def main(folder: Path) -> None:
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    for key in ("weights_path", "weights_path_without_voice_cloning"):
        config.pop(key)
    table = config["flow_lm"]["lookup_table"]
    table["tokenizer_path"] = str(folder / "tokenizer.json")
    _tokenizer(table["n_bins"]).save(table["tokenizer_path"])
    torch.manual_seed(0)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(yaml.safe_dump(config))
        file.flush()
        model: Any = TTSModel.load_model(config=file.name)
    language = model.flow_lm
    with torch.no_grad():
        torch.nn.init.normal_(language.speaker_proj_weight, std=0.02)
        language.out_eos.weight.zero_()
        language.out_eos.bias.fill_(NEVER)
        voice = model.get_state_for_audio_prompt(_reference(model.sample_rate))
        _make_audible(model, voice)
    export_model_state(voice, folder / "voices" / "alba.safetensors")
    weights = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    count = sum(tensor.numel() for tensor in weights.values()) / 1e6
    print({path.name: f"{path.stat().st_size / 1e6:.1f} MB" for path in sorted(folder.rglob("*.*"))}, f"{count:.1f} M")


def _tokenizer(size: int) -> Any:
    """As many pieces of words as the real one has, learned from the documentation beside this file."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    pages = sorted(Path(__file__).parents[1].glob("docs/**/*.md"))
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<unk>"], show_progress=False)
    tokenizer.train([str(page) for page in pages], trainer)
    tokenizer.add_tokens([f"<{number}>" for number in range(size - tokenizer.get_vocab_size())])
    return tokenizer


def _reference(rate: int) -> torch.Tensor:
    """A warbling tone, mono: [1, samples]."""
    time = np.arange(REFERENCE_SECONDS * rate) / rate
    sound = 0.3 * np.sin(2 * np.pi * 160 * time + 3 * np.sin(8 * np.pi * time))
    return torch.from_numpy(sound.astype(np.float32))[None]


def _make_audible(model: Any, voice: Any) -> None:
    """Bring the last layer of the codec to where the sound has its peak."""
    loud = float(model.generate_audio(voice, "The weather is fine.").abs().max())
    last = [layer for layer in model.mimi.decoder.modules() if isinstance(layer, torch.nn.Conv1d)][-1]
    for parameter in last.parameters():
        parameter.mul_(PEAK / loud)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
