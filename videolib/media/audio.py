"""The sound of a video as samples in mono at 16 kHz, which is what speech models take.

`choose_audio_stream` picks a stream, `audio_frames` decodes it, `timed_audio` puts the frames in
their places on the player's clock, and `mono_samples` mixes and resamples them (downmix).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from videolib.core.errors import BrokenVideoError, VideoError
from videolib.core.languages import LANGUAGES, language_code
from videolib.media.downmix import SAMPLE_RATE, Downmixer
from videolib.media.duration import MAX_DURATION, SOUND_TOLERANCE, declared_end, is_cut_off
from videolib.media.streams import undecodable

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

    from videolib.core.arrays import Samples
    from videolib.media.reader import Media


TIMESTAMP_TOLERANCE = 0.1  # seconds by which a frame may begin before or after the last one's end
CLOCK_RESET = 10.0  # seconds that a timestamp may step back, or be beyond the end; more is a reset


def audio_streams(media: Media) -> list[AudioStream]:
    """The audio streams that can be decoded, including those whose decoders may not be used.

    Raises VideoError where there is sound, but none that can be decoded.
    """
    streams = list(media.container.streams.audio)
    reasons = [undecodable(media.stream_facts[stream.index]) for stream in streams]
    if streams and all(reasons):
        raise BrokenVideoError(f"its sound {reasons[0]}")
    return [stream for stream, reason in zip(streams, reasons, strict=True) if not reason]


def declared_language(stream: Any) -> str:
    """The language that the container declares for a stream, by `language_code`; empty: none."""
    return language_code(str(stream.metadata.get("language", "")))


def stream_language(stream: Any) -> str:
    """Two-letter code of a stream's language, where it is one that models know; else empty."""
    code = declared_language(stream)
    return code if code in LANGUAGES else ""


def audio_languages(media: Media) -> list[str]:
    """The declared languages of all audio streams, also of those that cannot be decoded; `und` for
    a stream that declares none."""
    return [declared_language(stream) or "und" for stream in media.container.streams.audio]


def choose_audio_stream(media: Media, choice: str) -> AudioStream | None:
    """The stream that `choice` names by number from 0 or by language; None: there is no audio.

    An empty choice takes the default stream, else the first, audio descriptions last. Raises
    VideoError where there is audio, but none of that number or language, or its decoder may not be
    used.
    """
    stream = _chosen_stream(media, choice)
    if stream and (reason := media.refusal(stream)):
        raise VideoError(f"its sound cannot be heard: {reason}")
    return stream


def _chosen_stream(media: Media, choice: str) -> AudioStream | None:
    """The stream of `choose_audio_stream`, whether or not its decoder may be used."""
    from av.stream import Disposition

    streams = audio_streams(media)
    if not streams or not choice:
        # An audio description is not what is said in the video, even where it is the default.
        secondary = Disposition.visual_impaired | Disposition.comment
        ranks = [
            (not s.disposition & secondary, bool(s.disposition & Disposition.default))
            for s in streams
        ]
        return streams[ranks.index(max(ranks))] if streams else None
    for number, stream in enumerate(streams):
        code = stream_language(stream)
        if choice == str(number) or (code and code == language_code(choice)):
            return stream
    choices = ", ".join(
        f"{n} ({stream_language(s) or 'no language'})" for n, s in enumerate(streams)
    )
    raise VideoError(f"has no audio stream {choice}: --audio-stream takes {choices}")


def mono_samples(media: Media, stream: AudioStream) -> Iterator[Samples]:
    """A stream's sound in pieces of 16-bit mono samples, from the time that players call 0.

    Zeros fill a late start and gaps, so that sample n is heard after n / SAMPLE_RATE seconds.
    """
    import numpy as np

    downmixer: Downmixer | None = None
    for silence, frame in timed_audio(media, stream):
        if downmixer and (silence or not downmixer.takes(frame)):
            yield from downmixer.samples(None)
            downmixer = None
        missing = round(silence * SAMPLE_RATE)
        while missing > 0:
            yield np.zeros(min(missing, 60 * SAMPLE_RATE), np.int16)
            missing -= 60 * SAMPLE_RATE
        downmixer = downmixer or Downmixer(frame)
        yield from downmixer.samples(frame)
    if downmixer:
        yield from downmixer.samples(None)


def timed_audio(media: Media, stream: AudioStream) -> Iterator[tuple[float, AudioFrame]]:
    """Decoded frames, each with the seconds of silence before it.

    Frames that begin before the end of the one before are left out. A timestamp that steps far back
    or beyond the end shows that the recorder's clock was reset: the sound continues without a gap.
    Where the stream is truncated, `media` notes after how many seconds.
    """
    end = media.duration or MAX_DURATION
    position = shift = 0.0  # where the next frame should begin; what resets add to timestamps
    for frame in audio_frames(media, stream):
        time = position
        if frame.pts is not None and frame.time_base:
            time = float(frame.pts * frame.time_base) - media.origin + shift
        gap = time - position
        if gap < -CLOCK_RESET or time > end + CLOCK_RESET:
            shift, gap = shift - gap, 0.0
        if gap < -TIMESTAMP_TOLERANCE:
            continue
        silence = gap if gap > TIMESTAMP_TOLERANCE else 0.0
        position += silence + frame.samples / frame.sample_rate
        yield silence, frame
    missing = min(declared_end(media.file, stream) or 0.0, end) - position
    if is_cut_off(missing, SOUND_TOLERANCE) and media.cut_off is None:
        media.note_cut_off(position)


def audio_frames(media: Media, stream: AudioStream) -> Iterator[AudioFrame]:
    """The decoded frames of a stream; packets that fail to decode count as damage.

    Raises VideoError at the end where there is sound but none of it could be decoded: that is no
    silence.
    """
    count, damage = 0, media.damage
    for packet in media.read(stream):
        for frame in media.decoded(stream.decode, packet):
            if frame.sample_rate:
                count += 1
                yield frame
    if not count and (media.damage > damage or declared_end(media.file, stream)):
        codec = stream.codec_context.name
        raise BrokenVideoError(
            f"none of its sound ({codec}) can be decoded: copy it again if it plays"
        )
