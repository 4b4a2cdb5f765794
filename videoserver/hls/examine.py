"""A film as playing it needs to know it: looked at once, in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import BrokenVideoError, Failure, attempt
from videolib.media.audio import declared_language
from videolib.media.duration import declared_end
from videolib.media.ffmpeg import decoding_flags
from videolib.media.frames import Frame, first_frame
from videolib.media.metadata import bit_depth
from videolib.media.reader import Media
from videolib.media.streams import codec_of, film_of, has_disposition, is_cover
from videolib.speech.embedded import container_tracks
from videoserver.hls.cuts import find_cuts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videolib.media.geometry import DisplayMatrix
    from videolib.storage.subtitle_tracks import SubtitleTrack
    from videolib.storage.videos import Video

GAP = 1.0  # seconds at the begin or the end of a film that browsers get over without a stream


class SoundTrack(NamedTuple):
    """A stream of sound: its index in the container as `stream`, what it is, and as `refusal` why
    it cannot be decoded, or an empty string."""

    stream: int
    codec: str
    language: str
    title: str
    channels: int
    is_default: bool
    is_secondary: bool  # an audio description or a commentary
    is_whole: bool  # it lasts as long as the film
    refusal: str

    def as_json(self) -> dict[str, Any]:
        """The track in an offer, see SoundTrackOut."""
        names = ("stream", "codec", "language", "title", "channels")
        return {name: getattr(self, name) for name in names} | {"playable": not self.refusal}


class FilmPicture(NamedTuple):
    """The pictures of a film.

    `stream`: ffprobe's description, with `interlaced` and `shown_by` as plan_transcode adds them.
    `codec`: as browsers are asked for it: `h264`, `h264-10` with ten bits, `h264-422`. `size`: as
    shown, in square pixels. `cuts`: see find_cuts, empty where packets cannot be copied, which
    `uncut` has the reason for. `places`: when the keyframes of a recording are shown that was
    joined of several, and the byte from which each is read; of others none. `flags`: ffmpeg's
    before the input.
    """

    stream: dict[str, Any]
    codec: str
    size: tuple[int, int]
    is_whole: bool  # they last as long as the film
    is_first: bool  # of the streams of pictures, which is the one that browsers play
    is_cropped: bool  # by the container, which browsers do not heed
    matrix: DisplayMatrix | None
    cuts: tuple[int, ...]
    cut_times: tuple[float, ...]
    uncut: str
    places: tuple[tuple[float, int], ...]
    flags: tuple[str, ...]


class FilmFacts(NamedTuple):
    """What is known of a film of `duration` seconds; `containers`: libav's names of its format.

    `picture` is None where it has sound only, or its pictures cannot be shown, which `refusal` has
    the reason for. `flags`: ffmpeg's limits before the input.
    """

    duration: float
    is_length_declared: bool  # as recordings of browsers have no length in them
    is_encrypted: bool  # in parts at least
    containers: frozenset[str]
    picture: FilmPicture | None
    refusal: str
    sounds: tuple[SoundTrack, ...]
    texts: tuple[SubtitleTrack, ...]
    flags: tuple[str, ...]


def examine(video: Video, ffmpeg: str) -> FilmFacts:
    """Look at a film; `ffmpeg` is the program that would encode it. Raises VideoError where nothing
    of it can be read."""
    with Media(video) as media:
        film = film_of(media.stream_facts)
        picture = attempt(film_picture, media, ffmpeg) if film else None
        refusal = picture.reason if isinstance(picture, Failure) else ""
        sounds = tuple(
            sound_track(media, facts)
            for facts in media.stream_facts
            if facts.get("codec_type") == "audio"
        )
        if not film and not sounds:
            raise BrokenVideoError("has neither pictures nor sound")
        if media.duration <= 0:
            raise BrokenVideoError("does not say how long it is: it is damaged")
        return FilmFacts(
            media.duration,
            media.container.duration is not None,
            any("encrypted" in facts for facts in media.stream_facts),
            frozenset(media.container.format.name.split(",")),
            None if isinstance(picture, Failure) else picture,
            refusal,
            sounds,
            tuple(container_tracks(media)),
            tuple(media.input_flags),
        )


def film_picture(media: Media, ffmpeg: str) -> FilmPicture:
    """The pictures of a film. Raises VideoError where none can be shown."""
    stream = dict(media.stream_facts[media.stream.index])
    frame = first_frame(media)
    if frame is None:
        raise BrokenVideoError("no picture in it could be decoded")
    stream |= {"interlaced": bool(frame.raw.interlaced_frame), "shown_by": frame.ffmpeg_filters()}
    cuts = attempt(find_cuts, media)
    times = () if isinstance(cuts, Failure) else tuple(map(media.seconds, cuts))
    return FilmPicture(
        stream,
        picture_codec(stream),
        shown_size(media, frame),
        lasts_as_long(media, media.stream),
        stream["index"] == first_pictures(media),
        media.cropping is not None,
        media.display_matrix,
        () if isinstance(cuts, Failure) else tuple(cuts),
        times,
        cuts.reason if isinstance(cuts, Failure) else "",
        joined_places(media),
        tuple(decoding_flags(media, ffmpeg)),
    )


def joined_places(media: Media) -> tuple[tuple[float, int], ...]:
    """The `places` of a FilmPicture."""
    places = media.clock.places(media.stream) if media.clock else []
    return tuple((media.seconds(pts), position) for pts, position in places)


def shown_size(media: Media, frame: Frame) -> tuple[int, int]:
    """Width and height of a film as it is shown; those of the stored picture without any."""
    width, height = frame.size
    return (width, height) if width and height else (media.stream.width, media.stream.height)


def picture_codec(stream: Mapping[str, Any]) -> str:
    """The codec of pictures with its bits per sample, where these are not 8, and its subsampling,
    where that is not 4:2:0."""
    pixels = str(stream.get("pix_fmt") or "")
    depth = bit_depth(stream)
    codec = codec_of(stream) + (f"-{depth}" if depth != 8 else "")
    chroma = next((name for name in ("422", "444", "440", "411", "410") if name in pixels), "")
    is_other = not chroma and not pixels.startswith(("yuv420p", "yuvj420p"))
    return codec + (f"-{chroma}" if chroma else "") + ("-other" if is_other else "")


def first_pictures(media: Media) -> int:
    """The index of the first stream of pictures that is no cover."""
    pictures = (s for s in media.stream_facts if s.get("codec_type") == "video")
    return int(next(s["index"] for s in pictures if not is_cover(s)))


def lasts_as_long(media: Media, stream: Any) -> bool:
    """Whether a stream begins and ends with the film, by what is declared: a browser would wait
    for it where its segments have none."""
    begin = float((stream.start_time or 0) * (stream.time_base or 0)) - media.file.start
    end = declared_end(media.file, stream)
    return begin < GAP and (end is None or end > media.duration - GAP)


def sound_track(media: Media, facts: Mapping[str, Any]) -> SoundTrack:
    """A stream of sound by ffprobe's description of it."""
    stream = media.container.streams[facts["index"]]
    tags = {str(key).lower(): str(value) for key, value in (facts.get("tags") or {}).items()}
    return SoundTrack(
        facts["index"],
        codec_of(facts),
        declared_language(stream),
        tags.get("title", "")[:200],
        facts.get("channels") or 0,
        has_disposition(facts, "default"),
        has_disposition(facts, "visual_impaired") or has_disposition(facts, "comment"),
        lasts_as_long(media, stream),
        media.refusal(stream),
    )
