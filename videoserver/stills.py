"""Stills for the page: thumbnails in the size of cards and moments of films, made when they are
first asked for, and kept in memory."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import BusyError, Failure, VideoError, attempt
from videolib.core.files import file_identity, read_file, stat_of
from videolib.core.text import printable
from videolib.core.workers import Workers
from videolib.media.frames import FrameRequest
from videolib.media.stills import StillForm, frame_still, scale_picture

if TYPE_CHECKING:
    from collections.abc import Hashable

    from videolib.storage.videos import Video
    from videoserver.files import VideoFiles
    from videoserver.jobs import JobBoard

WIDTHS = (192, 384, 768, 1280)  # pixels: of few sizes each is made once for all screens
CACHE_LIMIT = 64 << 20  # bytes of stills: about 8,000 cards
MADE_AT_ONCE = 2  # worker processes
WAITING = 24  # requests that may wait for one; a browser has six at a time
TIMEOUT = 20.0  # seconds for one still
IMPORTS = ("PIL.Image", "PIL.JpegImagePlugin", "PIL.WebPImagePlugin", "av", "numpy")


class Still(NamedTuple):
    """A picture as it is sent."""

    content: bytes
    media_type: str


def still_form(width: int, accepted: str) -> StillForm:
    """The form of a still at least `width` pixels wide, if one is, for a client that accepts these
    media types."""
    fitting = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
    return StillForm(fitting, "WEBP" if "image/webp" in accepted else "JPEG")


class StillCache:
    """Stills by what they show, those used last, of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self.lock = threading.Lock()
        self.stills: OrderedDict[Hashable, Still] = OrderedDict()

    def get(self, key: Hashable) -> Still | None:
        """A still that is kept, which counts as used."""
        with self.lock:
            if key in self.stills:
                self.stills.move_to_end(key)
            return self.stills.get(key)

    def put(self, key: Hashable, still: Still) -> None:
        """Keep a still in the place of those used longest ago."""
        with self.lock:
            if key in self.stills:
                return
            self.stills[key] = still
            self.size += len(still.content)
            while self.size > self.limit:
                _, oldest = self.stills.popitem(last=False)
                self.size -= len(oldest.content)


class StillMaker:
    """Makes stills in worker processes of its own, which may read the roots and nothing else."""

    def __init__(self, files: VideoFiles, board: JobBoard) -> None:
        self.files, self.board = files, board
        self.cache = StillCache(CACHE_LIMIT)
        self.places = threading.BoundedSemaphore(WAITING)
        self.workers = Workers(MADE_AT_ONCE, IMPORTS)
        self.workers.admit(files.roots.paths)

    def thumbnail(self, video: Video, form: StillForm) -> Still:
        """The thumbnail of a video. Raises NotFoundError, BusyError, VideoError for no JPEG."""
        path = self.files.path(video, "thumbs")
        key = (str(path), file_identity(stat_of(str(path))), form)

        def make() -> bytes:
            return self.call(video, scale_picture, read_file(path), form)

        return self.kept_or_made(key, form, make)

    def moment(self, video: Video, request: FrameRequest, form: StillForm) -> Still:
        """A frame of a video. Raises BusyError, VideoError where it cannot be decoded."""
        key = (video.path, file_identity(stat_of(video.path)), request, form)

        def make() -> bytes:
            return self.call(video, frame_still, video, request, form)

        return self.kept_or_made(key, form, make)

    def kept_or_made(self, key: Hashable, form: StillForm, make: Callable[[], bytes]) -> Still:
        """The still that is kept by that key, else a new one."""
        if still := self.cache.get(key):
            return still
        with self.place():
            still = self.cache.get(key) or Still(make(), f"image/{form.format.lower()}")
        self.cache.put(key, still)
        return still

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among those that wait for a worker. Raises BusyError where there is none."""
        if not self.places.acquire(blocking=False):
            raise BusyError("too many pictures are being made: try again")
        try:
            yield
        finally:
            self.places.release()

    def call(self, video: Video, function: Callable[..., bytes], *args: object) -> bytes:
        """What a function gives in a worker. Raises VideoError where that fails."""
        made = attempt(self.workers.call, self.board.quiet_job(), TIMEOUT, function, *args)
        if isinstance(made, Failure):
            raise VideoError(f"{printable(video.rel)}: {made.reason}")
        return made

    def close(self) -> None:
        """End the workers."""
        self.workers.close()
