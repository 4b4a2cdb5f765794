"""A browser's side of playing: what a server offers for a film, its playlist and its segments."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import av
import httpx
import numpy as np

from support.media import Picture
from videoserver.hls.boxes import decode_times, run_durations, timescales

CHROMIUM = {"files": "mp4,webm,h264,vp9,av1,aac,mp3,opus", "segments": "h264,vp9,av1,aac,opus,flac"}


class Segment(NamedTuple):
    """One segment: the times (s) at which its pictures and its sound begin, the pictures, and how
    long they last together."""

    begins: dict[int, float]
    pictures: list[Picture]
    length: float


class Playing:
    """A film as a browser plays it; `offer` is what the server answered first."""

    def __init__(self, client: httpx.Client, name: str, **params: Any) -> None:
        self.client, self.base = client, f"/videos/{quote(name)}/hls"
        response = client.get(self.base, params=CHROMIUM | params)
        assert response.status_code == 200, response.text
        self.offer = response.json()
        self.query: dict[str, Any] = dict(self.offer["query"])

    @property
    def method(self) -> str:
        return str(self.offer["method"])

    def get(self, part: str, **params: Any) -> httpx.Response:
        """The answer for a part of it, such as `0.m4s`."""
        return self.client.get(f"{self.base}/{part}?{urlencode(self.query | params)}")

    def lengths(self) -> list[float]:
        """The lengths of its segments, by the playlist."""
        playlist = self.get("index.m3u8")
        assert playlist.status_code == 200, playlist.text
        assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
        lengths = [float(text) for text in re.findall(r"#EXTINF:([\d.]+),", playlist.text)]
        assert max(lengths) <= int(re.findall(r"TARGETDURATION:(\d+)", playlist.text)[0])
        return lengths

    def init(self) -> bytes:
        return self._content("init.mp4")

    def _content(self, part: str) -> bytes:
        response = self.get(part)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "video/mp4"
        return response.content

    def segment(self, number: int) -> Segment:
        init, content = self.init(), self._content(f"{number}.m4s")
        scales = timescales(init)
        begins = {track: time / scales[track] for track, (_, time) in decode_times(content).items()}
        with av.open(io.BytesIO(init + content), "r") as container:
            decoded = [f.to_ndarray(format="bgr24") for f in container.decode(video=0)]
        frames = [np.asarray(pixels, np.uint8) for pixels in decoded]
        return Segment(begins, frames, run_durations(content)[1] / scales[1])

    def segments(self) -> list[Segment]:
        """All segments; fails where they do not follow each other without gaps."""
        parts = [self.segment(number) for number in range(len(self.lengths()))]
        for before, after in itertools.pairwise(parts):
            assert abs(before.begins[1] + before.length - after.begins[1]) < 0.001
        return parts
