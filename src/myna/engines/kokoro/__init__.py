"""The engine `kokoro`: natural speech in nine languages from Kokoro-82M, by onnxruntime."""

from myna.engines.kokoro.engine import KokoroEngine

__all__ = ["KokoroEngine"]
