"""Memory given back to the system between stages: one process runs all of them, and the next needs room."""

from __future__ import annotations

import ctypes
import gc
import sys

import pyarrow as pa


def give_back() -> None:
    """Returns what was freed to the system; without it the C library keeps the pages for itself."""
    gc.collect()
    if not gc.get_freeze_count():
        gc.freeze()  # modules and the like, which stay: looking through them takes a third of a second each time
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
        if trim is not None:
            trim(0)
