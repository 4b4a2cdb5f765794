"""PySceneDetect, loaded by importing this: in the process that workers are forked from.

Where moviepy is installed PySceneDetect would load it, as one of its ways to read videos. None of
them is used here, and moviepy takes a quarter of a second and starts ffmpeg and ffplay.
"""

from __future__ import annotations

import contextlib
import importlib
import sys


def import_without(unwanted: str, wanted: str) -> None:
    """Import the module `wanted` as on a machine where the package `unwanted` is not installed.

    Does nothing where the import fails: who needs `wanted` will say so.
    """
    modules = vars(sys)["modules"]  # sys.modules, but for its type, which has no None
    is_loaded = unwanted in modules
    if not is_loaded:
        modules[unwanted] = None  # lets an import of it fail
    try:
        with contextlib.suppress(ImportError):
            importlib.import_module(wanted)
    finally:
        if not is_loaded:
            del modules[unwanted]


import_without("moviepy", "scenedetect.detectors")
