"""The usual face model, loaded by importing this: in the process that workers are forked from.

They then share the model, which takes 0.35 s to load and 40 MB, in place of each loading its own.
"""

from __future__ import annotations

import contextlib

from videolib.core.errors import MissingDependencyError
from videolib.faces.models import load_face_model

with contextlib.suppress(MissingDependencyError):  # a worker that needs it will say so
    load_face_model("auto", "", None)
