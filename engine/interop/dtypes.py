"""Types of numbers by name: numpy's, and bfloat16, which numpy lacks."""

from __future__ import annotations

import numpy as np

BFLOAT16 = "bfloat16"


def itemsize(dtype: str) -> int:
    """How many bytes a number takes in a file."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


def from_bytes(raw: bytes | memoryview, dtype: str) -> np.ndarray:
    """The little-endian numbers of some bytes, which they share; of bfloat16, the upper half of a float32, a copy."""
    if dtype == BFLOAT16:
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<"))
