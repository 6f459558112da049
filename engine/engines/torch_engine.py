"""The Torch engine: the same equations on tensors, on the processor or CUDA, with gradients by autograd.

Nothing here differentiates: autograd is asked for the gradient of every recorded node, so that this engine is the
witness of every ``pull`` in :mod:`engine.ops`. torch is imported when the engine is first asked to compute.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import warnings
from typing import Any

import numpy as np

from engine import memory
from engine.engines._torch_run import Run
from engine.errors import EngineError
from engine.inputs import Batch
from engine.recording import Recording, engines
from engine.spec import ModelSpec

DEVICE = re.compile(r"cpu|cuda(:\d+)?")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def load() -> Any:
    """Import torch; EngineError says why it cannot be.

    Small networks run many times slower on several threads, so torch gets one where nobody has said otherwise: not
    where it is in use already, and not where the environment names a number.
    """
    chosen = "torch" in sys.modules or any(name in os.environ for name in THREADS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch = importlib.import_module("torch")
    except (ImportError, OSError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EngineError(
            f"PyTorch is installed but cannot be loaded ({why}); pip install --force-reinstall torch"
        ) from None
    if not chosen:
        torch.set_num_threads(1)
    return torch


class TorchEngine:
    """Computes with PyTorch, on the processor or on CUDA."""

    name, title = "torch", "PyTorch"

    def missing(self) -> str:
        """Whether torch is there, found out without importing it: why not, and the command that brings it."""
        if importlib.util.find_spec("torch") is not None:
            return ""
        return "PyTorch is not installed; make run brings it, or pip install torch"

    def devices(self) -> tuple[str, ...]:
        """The processor and every CUDA device; imports torch, which takes a second or two."""
        if self.missing():
            return ()
        try:
            torch = load()
        except EngineError:
            return ()
        with warnings.catch_warnings():
            # A driver that torch does not like is warned about; the device is then simply not there.
            warnings.simplefilter("ignore")
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return ("cpu", *(f"cuda:{index}" for index in range(count)))

    def _device(self, torch: Any, device: str) -> str:
        """The device's full name; EngineError where it is not there."""
        if not isinstance(device, str) or not DEVICE.fullmatch(device):
            raise ValueError(f"device={device!r} is not possible; it must be 'cpu', 'cuda', or 'cuda:1' and so on")
        here = self.devices()
        found = f"cuda:{torch.cuda.current_device()}" if device == "cuda" and len(here) > 1 else device
        if found not in here:
            why = "torch finds no CUDA device on this machine" if len(here) == 1 else "there is no such device"
            raise EngineError(f"device={device!r} is not available: {why}; there is {', '.join(here)}")
        return found

    def run(self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, device: str) -> Recording:
        """Compute forward and, where there is a target, backward.

        Raises
        ------
        EngineError
            torch or the device is missing, or ran out of memory.
        """
        if self.missing():
            raise EngineError(self.missing())
        torch = load()
        place = self._device(torch, device)
        try:
            with torch.inference_mode(False), torch.set_grad_enabled(batch.target is not None):
                run = Run(torch, spec, parameters, batch, place)
                run.forward()
                return run.record()
        except (torch.OutOfMemoryError, MemoryError):
            failure = ""
        except RuntimeError as error:
            text = str(error)
            # The processor's allocator has no error class of its own.
            failure = "" if "allocate memory" in text or "ALLOC_FAILED" in text else text.splitlines()[0]
            if failure and place == "cpu":
                raise
        # Only here have the frames that held the tensors gone.
        if place != "cpu":
            torch.cuda.empty_cache()
        if failure:
            raise EngineError(f"{place} failed: {failure}; device='cpu' would work")
        free = memory.available() if place == "cpu" else torch.cuda.mem_get_info(place)[0]
        raise EngineError(memory.shortage(spec, batch, place, free))


engines.add("torch", TorchEngine())
