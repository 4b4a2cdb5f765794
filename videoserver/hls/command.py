"""ffmpeg's arguments that encode a film from one of its segments on, as fragmented MP4 on a pipe.

Each keyframe begins a fragment, and keyframes are forced at multiples of SECONDS, so that fragment
n of a film is the same whichever run makes it. Why each argument is there: docs/playing.md.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.media.stream_options import color_options, picture_filters
from videolib.media.targets import is_hdr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videoserver.hls.examine import FilmFacts, FilmPicture

# That a segment of an encoded film lasts. With two, a sixth is saved on bits, and a first picture
# comes half a second later on two cores.
SECONDS = 1
# A third less work to a first picture than veryfast, for a sixth more bits; it looks at no frames
# ahead, which would be waited for.
PRESET = "superfast"
SHORTEST_TAIL = 1.0  # seconds of the last segment; what is less belongs to the one before
OFFSET = 10.0  # seconds added to all times, so that the encoder's own lead of sound is not below 0
WIDEST = 16 / 9  # the shape of a picture of the greatest height
STEADY_RATE = 25  # frames per second for films that show some pictures longer than a segment
MOVFLAGS = "frag_keyframe+empty_moov+default_base_moof+frag_discont+negative_cts_offsets"


class EncodingProfile(NamedTuple):
    """How a film is encoded: the index of its sound, None without, the most lines of a picture, and
    whether frames are repeated so that no segment is without one."""

    sound: int | None
    height: int
    steady: bool = False


def segment_count(duration: float) -> int:
    """How many segments an encoded film has."""
    return max(math.floor((duration - SHORTEST_TAIL) / SECONDS) + 1, 1)


def encoding_arguments(
    film: FilmFacts, profile: EncodingProfile, number: int, url: str, threads: int
) -> list[str]:
    """The arguments after the program's name; the file at `url` from segment `number` on."""
    left = max(film.duration - number * SECONDS, 0.1)
    argv = ["-v", "error", "-nostdin", "-nostats", "-threads", str(threads)]
    argv += [*film.flags, *(film.picture.flags if film.picture else ())]
    argv += input_arguments(film, number * SECONDS, url)
    if film.picture:
        argv += ["-map", f"0:{film.picture.stream['index']}"]
        argv += picture_arguments(film.picture, profile)
    else:
        argv += ["-f", "lavfi", "-i", f"color=black:size=640x360:rate=5:duration={left:.3f}"]
        argv += ["-map", "1:v", "-vf", "format=yuv420p"]
    forced = f"expr:gte(t,n_forced*{SECONDS})*lt(n_forced,{segment_count(film.duration) - number})"
    argv += ["-c:v", "libx264", "-preset", PRESET, "-crf", "23", *rate_limit(profile.height)]
    argv += ["-profile:v", "high", "-bf", "0", "-fps_mode", "vfr", "-g", "9999"]
    argv += ["-sc_threshold", "0", "-force_key_frames", forced, "-video_track_timescale", "90000"]
    argv += ["-threads", str(threads)]
    if profile.sound is not None:
        filters = f"aresample=async=1:first_pts=0,apad=whole_dur={left:.3f}"
        argv += ["-map", f"0:{profile.sound}", "-c:a", "aac", "-ac", "2", "-ar", "48000"]
        argv += ["-b:a", "160k", "-af", filters]
    argv += ["-t", f"{left:.3f}", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"]
    argv += ["-output_ts_offset", str(OFFSET), "-use_editlist", "0", "-movflags", MOVFLAGS]
    return [*argv, "-f", "mp4", "pipe:1"]


def input_arguments(film: FilmFacts, begin: float, url: str) -> list[str]:
    """The file at `url` from a time on. libav seeks by timestamps, which recordings that were
    joined have several times: of them it reads from the byte of a keyframe on, and leaves out what
    is shown before."""
    places = film.picture.places if film.picture else ()
    if not places or not begin:
        return [*(["-ss", str(begin)] if begin else []), "-i", url]
    number = bisect.bisect_right(places, (begin, math.inf))
    time, position = places[number - 1] if number else (0.0, 0)
    return ["-skip_initial_bytes", str(position), "-i", url, "-ss", f"{max(begin - time, 0):.3f}"]


def picture_arguments(picture: FilmPicture, profile: EncodingProfile) -> list[str]:
    """The filters of pictures, and the tags of their colours."""
    tone_mapped = is_hdr(picture.stream)
    filters = picture_filters(picture.stream, tone_mapped, fitted(picture.size, profile.height))
    filters += [f"fps={STEADY_RATE}"] if profile.steady else []
    filters += [] if picture.is_whole else ["tpad=stop=-1:stop_mode=clone"]
    tags = color_options(with_matrix(picture.stream), tone_mapped)
    options = [part for name, value in tags.items() for part in (f"-{name}", value)]
    return ["-vf", ",".join([*filters, "format=yuv420p"]), *options]


def with_matrix(stream: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stream that declares its colour matrix, by the rule of `pictures.convert_frame` where it
    does not: after scaling players would guess another."""
    is_hd = (stream.get("width") or 0) >= 1280 or (stream.get("height") or 0) > 576
    return {"color_space": "bt709" if is_hd else "smpte170m"} | dict(stream)


def fitted(size: tuple[int, int], height: int) -> tuple[int, int]:
    """Width and height, both even, of a picture of this shape that is at most `height` lines high
    and WIDEST as wide; one that stands upright is turned for that. Nothing is enlarged."""
    short, long = sorted(size)
    scale = min(1.0, height / short, height * WIDEST / long)
    width, lines = (max(round(side * scale / 2) * 2, 2) for side in size)
    return width, lines


def rate_limit(height: int) -> list[str]:
    """The most bits per second for a picture of this height."""
    rate = 10 if height > 720 else 6
    return ["-maxrate", f"{rate}M", "-bufsize", f"{2 * rate}M"]
