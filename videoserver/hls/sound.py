"""The sound of one segment encoded anew, beside pictures that are copied. Runs in a worker.

Frames of AAC have 1024 samples each and lie on one grid for the whole film, so that a segment can
be made alone: it has the frames that begin in its part. As each frame overlaps with its neighbours,
some before it are encoded with it and left out: one hears no border.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from videolib.core.errors import MissingDependencyError
from videoserver.hls.boxes import CodedSample, TrackRun

if TYPE_CHECKING:
    from videolib.media.reader import Media

RATE, FRAME = 48_000, 1024  # samples per second and in a frame of AAC
BIT_RATE = 160_000
LAYOUT, FORMAT = "stereo", "fltp"
LEAD_IN = 8  # frames that are encoded before the first that is kept
SETTLING = 0.2  # seconds that are decoded before: decoders of AC-3 and MP3 begin with silence
SEEK_BACK = 2.0  # seconds by which sound may stand before its pictures in a file


def open_encoder() -> Any:
    """An encoder of AAC. Raises MissingDependencyError where the package av has none."""
    import av

    if "aac" not in av.codecs_available:
        raise MissingDependencyError("the package av has no encoder of AAC: install it again")
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, LAYOUT, FORMAT
    encoder.bit_rate = BIT_RATE
    encoder.options = {"aac_coder": "fast"}  # the default takes three times as long
    return encoder


def encoded_run(media: Media, stream: Any, begin: float, end: float, track: int) -> TrackRun | None:
    """The frames of AAC that begin in a part of a film, in seconds; None where there are none."""
    first, stop = math.ceil(begin * RATE / FRAME), math.ceil(end * RATE / FRAME)
    start = max(first - LEAD_IN, 0)
    frames = encoded_frames(media, stream, start * FRAME, (stop + 2) * FRAME)
    # The encoder is one frame late: the first that it gives is of what comes before the samples.
    kept = [content for number, content in enumerate(frames, start - 1) if first <= number < stop]
    if not kept:
        return None
    return TrackRun(track, first * FRAME, [CodedSample(content, FRAME) for content in kept])


def encoded_frames(media: Media, stream: Any, first: int, stop: int) -> Iterator[bytes]:
    """The frames of AAC of the samples from `first` until before `stop`, both multiples of FRAME;
    one more stands before them."""
    import av

    encoder = open_encoder()
    samples = pcm(media, stream, first, stop)
    for at in range(0, stop - first, FRAME):
        frame = av.AudioFrame.from_ndarray(samples[:, at : at + FRAME], FORMAT, LAYOUT)
        frame.sample_rate, frame.pts = RATE, at
        yield from map(bytes, encoder.encode(frame))
    yield from map(bytes, encoder.encode(None))


def pcm(media: Media, stream: Any, first: int, stop: int) -> Any:
    """The samples of a part of a film, of shape (2, stop - first), 32-bit float; zeros where it has
    no sound."""
    import numpy as np

    samples = np.zeros((2, stop - first), np.float32)
    position: int | None = None  # of the next sample, counted from the start of the film
    for time, pixels in resampled(media, stream, first / RATE - SETTLING):
        place = round(time * RATE)
        # Rounded times: what follows the last frame nearly follows it exactly.
        if position is None or abs(place - position) > RATE // 100:
            position = place
        left, right = max(position, first), min(position + pixels.shape[1], stop)
        if left < right:
            samples[:, left - first : right - first] = pixels[:, left - position : right - position]
        position += pixels.shape[1]
        if position >= stop:
            break
    return samples


def resampled(media: Media, stream: Any, begin: float) -> Iterator[tuple[float, Any]]:
    """Frames of sound from a time on as arrays of shape (2, samples) at RATE, each with the time
    (s) at which it begins in the film."""
    import av

    resampler, start = av.AudioResampler(format=FORMAT, layout=LAYOUT, rate=RATE), media.file.start
    if not media.try_seek(round((begin - SEEK_BACK + start) / stream.time_base), stream):
        media.try_seek(0, stream, unsupported_byte_offset=True)
    for packet in media.read(stream):
        shown = packet.pts is not None and float(packet.pts * packet.time_base) - start
        if shown is not False and shown < begin:
            continue
        for frame in media.decoded(stream.decode, packet):
            if frame.pts is None or not frame.time_base:
                continue
            time = float(frame.pts * frame.time_base) - start
            frame.pts = None  # the resampler would fill what it takes for gaps
            for converted in resampler.resample(frame):
                yield time, converted.to_ndarray()
