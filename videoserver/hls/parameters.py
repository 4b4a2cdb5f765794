"""Parameters of the routes that play films: what a browser plays, and which segments are meant."""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Literal

from fastapi import Depends, Query

from videoserver.hls.choice import Abilities
from videoserver.hls.hls_service import SegmentQuery

PLAYLIST_TYPE, SEGMENT_TYPE = "application/vnd.apple.mpegurl", "video/mp4"


def get_abilities(
    files: Annotated[
        str, Query(description="what it plays as a file: types without video/, and codecs")
    ] = "mp4,h264,aac",
    segments: Annotated[
        str, Query(description="codecs that it plays in segments (Media Source Extensions)")
    ] = "h264,aac",
) -> Abilities:
    """What the browser that asks says it plays."""
    return Abilities(frozenset(files.split(",")), frozenset(segments.split(",")))


AbilitiesDep = Annotated[Abilities, Depends(get_abilities)]


def get_segment_query(
    method: Literal["remux", "encode"],
    version: Annotated[str, Query(max_length=40, description="of the file")],
    sound: Annotated[int, Query(ge=-1, le=1 << 16, description="index of the stream")] = -1,
    recode: Annotated[bool, Query(description="encode the sound beside copied pictures")] = False,
    lines: Annotated[int, Query(ge=0, le=4320, description="of an encoded picture")] = 0,
    viewer: Annotated[str, Query(pattern="^[A-Za-z0-9_-]{1,40}$")] = "anyone",
) -> SegmentQuery:
    """Which segments of a video are meant, and who asks for them."""
    return SegmentQuery(method == "remux", sound, recode, lines, viewer, version)


SegmentQueryDep = Annotated[SegmentQuery, Depends(get_segment_query)]


def segment_params(query: str) -> str:
    """The query of a playlist's address as that of its segments."""
    parts = (part for part in query.split("&") if not part.startswith("begin="))
    return urllib.parse.quote("&".join(parts), safe="=&%+-._~")
