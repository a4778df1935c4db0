"""Speech by other servers that speak OpenAI's API: vLLM-Omni, Kokoro-FastAPI, another Myna, a hosted service.

`engine.py` is the engine, `calling.py` asks servers, `board.py` knows which of them are well, `sound.py` makes samples
of what comes, `voices.py` knows their voices.
"""

from myna.engines.remote.engine import RemoteEngine

__all__ = ["RemoteEngine"]
