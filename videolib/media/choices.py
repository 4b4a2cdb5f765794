"""Choices of how artifacts are made, as types that the options of commands share with the rooms.

This room imports nothing, so that options can be declared before anything is loaded. The choices of
a transcode are in targets.
"""

from __future__ import annotations

from typing import Literal

# Whether the nearest keyframe may stand for the frame shown at a time: if it is near enough,
# always, never.
Seek = Literal["auto", "keyframe", "exact"]

# A time in a video, see duration.position_within.
POSITION_PATTERN = r"^(middle|\d+(\.\d+)?%?)$"

HashAlgorithm = Literal["ahash", "dct", "stash"]
HashCombination = Literal["xor", "majority", "avg"]
PHASH_SCHEMA = 2  # version of the artifact's JSON; since 2 it has a signature

HeatmapMode = Literal["brightness", "motion", "both"]
SceneDetector = Literal["content", "adaptive"]

TagSource = Literal["nfo", "stash", "xmp", "hydrus"]  # whose files tags are read from

ListingFormat = Literal["auto", "csv", "jsonl", "m3u8", "paths0"]

WIDEST_TILE = 8192  # pixels of an exported tile
