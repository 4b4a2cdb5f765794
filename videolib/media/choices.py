"""What can be chosen in the making of artifacts, in words.

The rooms that look into videos and the options of commands share these types; this room imports
nothing, so that options can be declared before anything is loaded.
"""

from __future__ import annotations

from typing import Literal

# Whether a keyframe may stand for the frame that is shown at a time: where one is near, always,
# never.
Seek = Literal["auto", "keyframe", "exact"]

# A time in a video, see media.duration.position_seconds.
POSITION_PATTERN = r"^(middle|\d+(\.\d+)?%?)$"

HashAlgorithm = Literal["ahash", "dct", "stash"]
HashCombination = Literal["xor", "majority", "avg"]
PHASH_SCHEMA = 2  # of the artifact; since 2 it has a signature

HeatmapMode = Literal["brightness", "motion", "both"]
SceneDetector = Literal["content", "adaptive"]
