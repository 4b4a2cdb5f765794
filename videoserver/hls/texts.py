"""The text subtitles inside a film as WebVTT, which browsers show. Runs in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videolib.core.errors import NotFoundError
from videolib.media.reader import Media
from videolib.speech.embedded import container_tracks, read_tracks
from videolib.speech.files import vtt_file

if TYPE_CHECKING:
    from videolib.storage.videos import Video


def track_as_vtt(video: Video, stream: int) -> bytes:
    """The subtitles in a stream. Raises NotFoundError where that is no track of text."""
    with Media(video) as media:
        tracks = [track for track in container_tracks(media) if track.stream == stream]
        if not tracks:
            raise NotFoundError(f"stream {stream}: no such subtitles")
        (cues,) = read_tracks(media, tracks)
        return vtt_file(cues)
