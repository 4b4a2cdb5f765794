"""Media playlists of HLS (RFC 8216) for films whose length is known."""

from __future__ import annotations

import math
from collections.abc import Sequence


def media_playlist(lengths: Sequence[float], query: str, init_query: str) -> str:
    """The playlist of segments that last so many seconds; queries, encoded, follow the names of the
    segments and of the initialization segment."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    lines += [f"#EXT-X-TARGETDURATION:{math.ceil(max(lengths))}", "#EXT-X-PLAYLIST-TYPE:VOD"]
    lines += ["#EXT-X-INDEPENDENT-SEGMENTS", f'#EXT-X-MAP:URI="init.mp4?{init_query}"']
    for number, length in enumerate(lengths):
        lines += [f"#EXTINF:{length:.6f},", f"{number}.m4s?{query}"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def lengths_between(cuts: Sequence[float], end: float) -> list[float]:
    """The lengths of segments that begin at these times, the first at 0."""
    begins = [0.0, *cuts[1:]]
    return [max(b - a, 0.001) for a, b in zip(begins, [*begins[1:], end], strict=True)]


def equal_lengths(count: int, length: float, end: float) -> list[float]:
    """The lengths of `count` segments, all the same but for the last."""
    return [length] * (count - 1) + [max(end - length * (count - 1), 0.001)]
