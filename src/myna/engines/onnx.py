"""What the engines that run with onnxruntime have in common: threads, device, and a run that can be stopped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myna.errors import EngineUnavailable
from myna.settings import Settings

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}


class Stoppable:
    """An `InferenceSession` whose run another thread may end."""

    def __init__(self, session: Any, path: Path) -> None:
        self._session = session
        self._model_path = str(path)  # where kokoro-onnx looks for it
        self._running: Any = None

    def run(self, outputs: Sequence[str] | None, inputs: dict[str, Any]) -> Any:
        """As `InferenceSession.run`. Raises what onnxruntime raises when `stop` was called meanwhile."""
        from onnxruntime import RunOptions

        self._running = options = RunOptions()
        try:
            return self._session.run(outputs, inputs, options)
        finally:
            self._running = None

    def stop(self) -> None:
        """End the run in progress, if there is one, at the next node of the graph."""
        if (running := self._running) is not None:
            running.terminate = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def open_session(path: Path, engine: str) -> Stoppable:
    """Load a network for an engine. Raises `EngineUnavailable` when its device is not here, and as onnxruntime."""
    import onnxruntime

    settings = Settings()
    options = onnxruntime.SessionOptions()
    # One request alone gets all cores. Several processes then have more threads than there are cores, which costs
    # little as long as none spins for long while it waits for the others; not at all is slower again.
    options.intra_op_num_threads = settings.engine_threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # no two texts are alike; the plans for each would cost 140 MB
    options.add_session_config_entry("session.intra_op.spin_duration_us", "10")
    session = onnxruntime.InferenceSession(str(path), options, providers=[provider(settings, engine)])
    return Stoppable(session, path)


def provider(settings: Settings, engine: str) -> str:
    """What the network runs on. Raises `EngineUnavailable` when this machine's onnxruntime cannot."""
    import onnxruntime

    device = settings.engine_devices.get(engine, "cpu")
    wanted = _PROVIDERS.get(device, device)
    if wanted not in onnxruntime.get_available_providers():
        raise EngineUnavailable(
            f"The engine `{engine}` shall run on `{device}`, which this onnxruntime does not know. Install "
            "`onnxruntime-gpu` in its environment, or take it out of MYNA_ENGINE_DEVICES."
        )
    return wanted
