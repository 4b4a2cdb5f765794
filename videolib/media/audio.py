"""The sound of a video as samples in mono at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from videolib.core.errors import VideoError
from videolib.core.languages import LANGUAGES, language_code
from videolib.media.duration import MAX_DURATION, SOUND_TOLERANCE, declared_sound, is_cut_off

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

    from videolib.core.arrays import Samples
    from videolib.media.reader import Media


SAMPLE_RATE = 16_000  # samples per second: what every speech model takes


TIMESTAMP_TOLERANCE = (
    0.1  # seconds by which a frame's time may differ from the end of the one before
)


CLOCK_RESET = 10.0  # seconds back, or beyond the end: such a step says nothing about silence


def audio_streams(media: Media) -> list[AudioStream]:
    """The audio streams that have a decoder here."""
    return [stream for stream in media.container.streams.audio if stream.codec_context]


def stream_language(stream: Any) -> str:
    """The language of a stream by its container; "" for none and for a code that is no language."""
    code = language_code(str(stream.metadata.get("language", "")))
    return code if code in LANGUAGES else ""


def choose_audio_stream(media: Media, wanted: str) -> AudioStream | None:
    """The audio stream to listen to: the one numbered `wanted` from 0, or in that language; else
    the default one, else the first. None where there is no audio.

    Raises VideoError where there is audio, but none as wanted.
    """
    from av.stream import Disposition

    streams = audio_streams(media)
    if not streams or not wanted:
        # A description for the blind is not what is said, whatever its flag.
        side = Disposition.visual_impaired | Disposition.comment
        rank = [
            (not s.disposition & side, bool(s.disposition & Disposition.default)) for s in streams
        ]
        return streams[rank.index(max(rank))] if streams else None
    for number, stream in enumerate(streams):
        code = stream_language(stream)
        if wanted == str(number) or (code and code == language_code(wanted)):
            return stream
    choices = ", ".join(
        f"{n} ({stream_language(s) or 'no language'})" for n, s in enumerate(streams)
    )
    raise VideoError(f"has no audio stream {wanted}: --audio-stream takes {choices}")


def mono_samples(media: Media, stream: AudioStream) -> Iterator[Samples]:
    """A stream's sound in mono at 16 kHz from the time that a player calls 0, piece by piece.

    Silence stands where it begins late or has a gap: sample n is heard n / SAMPLE_RATE seconds in.
    """
    import numpy as np
    from av.audio.resampler import AudioResampler

    def resampled(frame: AudioFrame | None) -> Iterator[Samples]:
        return (piece.to_ndarray()[0] for piece in resampler.resample(frame))

    resampler, shape = AudioResampler("s16", "mono", SAMPLE_RATE), None
    for silence, frame in timed_audio(media, stream):
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape and (silence or now != shape):
            yield from resampled(None)
            resampler = AudioResampler("s16", "mono", SAMPLE_RATE)
        missing, shape = round(silence * SAMPLE_RATE), now
        while missing > 0:
            yield np.zeros(min(missing, 60 * SAMPLE_RATE), np.int16)
            missing -= 60 * SAMPLE_RATE
        yield from resampled(frame)
    if shape:
        yield from resampled(None)


def timed_audio(media: Media, stream: AudioStream) -> Iterator[tuple[float, AudioFrame]]:
    """Decoded frames, each with the seconds of silence before it.

    Frames of a time that was heard already are left out. A clock that steps far back, or beyond the
    end, was set in the middle of the recording: there the sound goes on without a gap.
    """
    end = media.container_duration or MAX_DURATION
    heard = shift = 0.0
    for frame in audio_frames(media, stream):
        moment = heard
        if frame.pts is not None and frame.time_base:
            moment = float(frame.pts * frame.time_base) - media.origin + shift
        ahead = moment - heard
        if ahead < -CLOCK_RESET or moment > end + CLOCK_RESET:
            shift, ahead = shift - ahead, 0.0
        if ahead < -TIMESTAMP_TOLERANCE:
            continue
        silence = ahead if ahead > TIMESTAMP_TOLERANCE else 0.0
        heard += silence + frame.samples / frame.sample_rate
        yield silence, frame
    missing = min(declared_sound(stream), end) - heard
    if is_cut_off(missing, SOUND_TOLERANCE) and media.cut_off is None:
        media.note_cut_off(heard)


def audio_frames(media: Media, stream: AudioStream) -> Iterator[AudioFrame]:
    """Everything that can be decoded; what cannot is counted as damage."""
    import av

    for packet in media.read(stream):
        try:
            frames = packet.decode()
        except (av.FFmpegError, OSError, ValueError):
            media.note_damage(bool(packet.size))
            continue
        yield from (frame for frame in frames if frame.sample_rate)
