"""What the routes below `/videos/{name}/hls` answer: how a film is played, and its segments."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from videolib.core.confinement import inheriting
from videolib.core.errors import (
    BusyError,
    CancelledError,
    ConflictError,
    NotFoundError,
    UsageError,
    VideoError,
    reason_of,
)
from videolib.core.files import file_identity, stat_of
from videolib.core.processes import cores, need_tool
from videolib.core.runs import Job
from videolib.core.text import printable
from videolib.core.workers import Workers
from videoserver.files import video_url
from videoserver.hls.choice import Abilities, Choice, choose, sound_to_hear
from videoserver.hls.command import SECONDS, EncodingProfile, segment_count
from videoserver.hls.encoder import INIT, EncodedFilm, EncoderLimit, EncodingSession
from videoserver.hls.examine import FilmFacts, examine
from videoserver.hls.playlist import equal_lengths, lengths_between, media_playlist
from videoserver.hls.remux import CopiedPart, PartSound, copied_init, copied_segment
from videoserver.hls.segment_cache import SegmentCache
from videoserver.hls.texts import track_as_vtt

if TYPE_CHECKING:
    from videolib.storage.videos import Video
    from videoserver.settings import ServerSettings

Value = TypeVar("Value")

FILMS = 64  # whose facts are kept
SESSIONS = 32  # viewers of encoded films that are known
WAITING = 16  # requests that may wait for segments at a time
READERS = 2  # processes that look at films and copy their packets
LOOK, COPY, READ_TEXT = 30.0, 20.0, 120.0  # seconds that each may take
PATHS = {  # behind the URL of a video, by method
    "direct": "/stream",
    "remux": "/hls/index.m3u8",
    "encode": "/hls/index.m3u8",
    "none": "",
}
IMPORTS = ("videoserver.hls.examine", "videoserver.hls.remux", "videoserver.hls.texts")


class SegmentQuery(NamedTuple):
    """What the query of a segment's address says: whether packets are copied, the index of the
    sound (-1: none), whether that is encoded nevertheless, the most lines of an encoded picture,
    who watches, and which version of the file, see `version_of`."""

    copied: bool
    sound: int
    recodes: bool
    lines: int
    viewer: str
    version: str

    @property
    def track(self) -> int | None:
        """The index of the sound; None: none."""
        return None if self.sound < 0 else self.sound

    @property
    def part_sound(self) -> PartSound | None:
        """The sound beside copied pictures; None: none."""
        return None if self.track is None else PartSound(self.track, self.recodes)


class KeptValues:
    """The values that were asked for last, at most `limit`, by their keys."""

    def __init__(self, limit: int) -> None:
        self.limit, self.lock = limit, threading.Lock()
        self.values = OrderedDict[Any, Any]()

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """The value of a key, made where there is none."""
        with self.lock:
            if key in self.values:
                self.values.move_to_end(key)
                return self.values[key]  # type: ignore[no-any-return]  # as `make` made it
        value = make()
        with self.lock:
            self.values[key] = value
            while len(self.values) > self.limit:
                self.values.popitem(last=False)
        return value


class HlsService:
    """Plays films to browsers. `job` is that of the request, cancelled when its client goes.

    Every method raises VideoError for what is wrong with a film, BusyError where too much is asked
    at a time, and CancelledError.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.lines = settings.lines or (1080 if cores() >= 4 else 720)
        self.limit = EncoderLimit(settings.encoders or max(2, cores() // 2))
        self.cache = SegmentCache(settings.segment_cache)
        self.films, self.inits = KeptValues(FILMS), KeptValues(FILMS)
        self.texts = KeptValues(FILMS)
        self.sessions = OrderedDict[tuple[object, ...], EncodingSession]()
        self.lock = threading.Lock()
        self.waiting = threading.BoundedSemaphore(WAITING)
        self.workers = Workers(READERS, IMPORTS)
        self.folders = settings.roots.paths
        self.is_prepared = False  # whether a worker was started before it is needed

    def prepare(self) -> None:
        """Start a worker, in the background, unless that was done: a film may be played soon."""
        with self.lock:
            if self.is_prepared:
                return
            self.is_prepared = True
        threading.Thread(target=inheriting(self._start_worker), daemon=True).start()

    def _start_worker(self) -> None:
        self.workers.admit(self.folders)
        with contextlib.suppress(CancelledError, VideoError):  # who plays a film is told
            self.workers.call(Job(), LOOK, bool)

    def close(self) -> None:
        """End the encoders and the workers."""
        with self.lock:
            sessions = list(self.sessions.values())
        for session in sessions:
            session.stop()
        self.workers.close()
        deadline = time.monotonic() + 1.0
        while any(session.is_encoding for session in sessions) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.cache.close()

    @contextlib.contextmanager
    def _waiter(self, video: Video) -> Iterator[None]:
        """One more request that waits for a film, whose name is put before what is wrong with it.

        Raises BusyError where there are too many.
        """
        if not self.waiting.acquire(blocking=False):
            raise BusyError("too many segments are waited for: try again in a moment")
        try:
            yield
        except VideoError as error:
            raise VideoError(f"{printable(video.name)}: {error}") from None
        finally:
            self.waiting.release()

    # --- What is decided ----------------------------------------------------------------------

    def offer(
        self,
        video: Video,
        abilities: Abilities,
        sound: int | None,
        excluded: Collection[str],
        job: Job,
    ) -> dict[str, Any]:
        """How a film is played, see HlsOfferOut."""
        with self._waiter(video):
            film = self._film(video, job)
        choice = choose(film, video.extension, abilities, sound, excluded)
        url = video_url(video.rel)
        return {
            "method": choice.method,
            "reason": choice.reason or None,
            "url": PATHS[choice.method] and url + PATHS[choice.method],
            "query": self._query(video, choice),
            "duration": round(film.duration, 3),
            "encrypted": film.is_encrypted,
            "lines": self.lines,
            "sound": choice.sound,
            "sounds": [track.as_json() for track in film.sounds],
            "subtitles": [
                {
                    "stream": track.stream,
                    "language": track.language,
                    "purpose": str(track.purpose),
                    "default": track.default,
                    "url": f"{url}/hls/subtitles/{track.stream}.vtt",
                }
                for track in film.texts
            ],
        }

    def _query(self, video: Video, choice: Choice) -> dict[str, str]:
        """The query that belongs to the address of a choice."""
        if choice.method not in ("remux", "encode"):
            return {}
        sound = {} if choice.sound is None else {"sound": str(choice.sound)}
        recode = {"recode": "1"} if choice.recodes else {}
        return {"method": choice.method, "version": version_of(video)} | sound | recode

    def _film(self, video: Video, job: Job) -> FilmFacts:
        """What is known of a film, looked at where it is not known yet."""
        key = (video.path, file_identity(stat_of(video.path)))
        return self.films.get(key, lambda: self._in_worker(video, job, LOOK, examine, ffmpeg()))

    def _in_worker(
        self, video: Video, job: Job, seconds: float, function: Callable[..., Value], *args: Any
    ) -> Value:
        """What a function gives for a video and these arguments, in a worker."""
        # All films at once: a process that may not reach another one would have to be replaced.
        self.workers.admit(self.folders)
        try:
            return self.workers.call(job, seconds, function, video, *args)
        except (VideoError, UsageError, CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - libav raises nearly anything on a damaged file
            raise VideoError(reason_of(error)) from None

    # --- Segments -----------------------------------------------------------------------------

    def playlist(
        self, video: Video, query: SegmentQuery, params: str, begin: float, job: Job
    ) -> str:
        """The playlist of a film; `params` is the query of its segments, encoded, `begin` where one
        begins to watch, in seconds: from there on it is encoded at once."""
        with self._waiter(video):
            film = self._current_film(video, query, job)
        if query.copied:
            cuts = need_cuts(film)
            return media_playlist(lengths_between(cuts, film.duration), params, params)
        count = segment_count(film.duration)
        number = min(int(begin / SECONDS), count - 1)
        self._session(video, film, query).begin(number, job)
        lengths = equal_lengths(count, SECONDS, film.duration)
        return media_playlist(lengths, params, f"{params}&number={number}")

    def init(self, video: Video, query: SegmentQuery, number: int, job: Job) -> bytes:
        """The initialization segment; `number` is that of the segment that will be asked for next,
        which an encoder begins with."""
        with self._waiter(video):
            film = self._current_film(video, query, job)
            if query.copied:
                return self._copied_init(video, film, query, job)
            session = self._session(video, film, query)
            return session.segment(min(number, segment_count(film.duration) - 1), job, INIT)

    def segment(self, video: Video, query: SegmentQuery, number: int, job: Job) -> bytes:
        """A segment. Raises NotFoundError where the film has none of that number."""
        with self._waiter(video):
            film = self._current_film(video, query, job)
            count = len(need_cuts(film)) if query.copied else segment_count(film.duration)
            if number >= count:
                raise NotFoundError(f"segment {number}: the last is {count - 1}")
            if not query.copied:
                return self._session(video, film, query).segment(number, job)
            assert film.picture
            cuts, init = film.picture.cuts, self._copied_init(video, film, query, job)
            end = cuts[number + 1] if number + 1 < count else None
            part = CopiedPart(number, cuts[number], end)
            return self._in_worker(video, job, COPY, copied_segment, part, query.part_sound, init)

    def subtitles(self, video: Video, stream: int, job: Job) -> bytes:
        """The subtitles of a stream as WebVTT. Raises NotFoundError."""
        key = (video.path, file_identity(stat_of(video.path)), stream)

        def read() -> bytes:
            return self._in_worker(video, job, READ_TEXT, track_as_vtt, stream)

        with self._waiter(video):
            return self.texts.get(key, read)

    def _current_film(self, video: Video, query: SegmentQuery, job: Job) -> FilmFacts:
        """A film whose file is the one of a query, with the sound of it. Raises ConflictError,
        NotFoundError."""
        if query.version != version_of(video):
            raise ConflictError("the film has changed since it was opened: open it again")
        film = self._film(video, job)
        track = sound_to_hear(film, query.track)
        if query.track is not None and (not track or track.stream != query.track):
            raise NotFoundError(f"sound {query.sound}: no such stream")
        return film

    def _copied_init(self, video: Video, film: FilmFacts, query: SegmentQuery, job: Job) -> bytes:
        need_cuts(film)
        matrix = film.picture.matrix if film.picture else None
        key = (video.path, query.version, query.part_sound)

        def make() -> bytes:
            return self._in_worker(video, job, COPY, copied_init, query.part_sound, matrix)

        return self.inits.get(key, make)

    def _session(self, video: Video, film: FilmFacts, query: SegmentQuery) -> EncodingSession:
        """The session of a viewer, whose encoders of other films end."""
        profile = EncodingProfile(query.track, min(query.lines or self.lines, self.lines))
        identity = file_identity(stat_of(video.path))
        key = (query.viewer, video.path, identity, profile)
        with self.lock:
            for other, session in self.sessions.items():
                if other[0] == query.viewer and other != key:
                    session.stop()
            if key not in self.sessions:
                encoded = EncodedFilm(video, identity, film, profile)
                self.sessions[key] = EncodingSession(encoded, self.cache, self.limit)
            self.sessions.move_to_end(key)
            while len(self.sessions) > SESSIONS:
                self.sessions.popitem(last=False)[1].stop()
            return self.sessions[key]


def need_cuts(film: FilmFacts) -> tuple[float, ...]:
    """When the segments of a copied film begin. Raises ConflictError where it cannot be copied."""
    if not film.picture or not film.picture.cut_times:
        raise ConflictError("its packets cannot be copied: it has to be encoded")
    return film.picture.cut_times


def ffmpeg() -> str:
    """The program that encodes. Raises MissingDependencyError."""
    return need_tool("ffmpeg")


def version_of(video: Video) -> str:
    """Which version of its file a video is now: its mtime and size. Raises FileNotFoundError."""
    status = stat_of(video.path)
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
