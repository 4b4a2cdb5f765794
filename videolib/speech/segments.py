"""Voice activity detection: where somebody speaks, as the windows that a speech model is given.

Samples (16 kHz, mono, int16) -> `speech_segments` (up to 15 s each, split at pauses) ->
`speech_windows` (up to 30 s each, which is what Whisper takes at a time). The words that a
model gives have times from the beginning of their window; `SpeechWindow.to_video_time` gives them
those in the video.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.media.downmix import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Samples

WINDOW_SAMPLES = 30 * SAMPLE_RATE  # the input of Whisper
MAX_SEGMENT_SECONDS = 15  # longer speech without a pause is split
MIN_SILENCE_MS = 160  # milliseconds of silence that end a segment
SEGMENT_PADDING = round(0.4 * SAMPLE_RATE)  # samples before and after the speech of a segment
MIN_MISSED_SPEECH = 2 * SAMPLE_RATE  # samples of speech without words that are recognized again
VAD_BLOCK = 120 * SAMPLE_RATE  # samples that voice activity detection is given at a time


class Word(NamedTuple):
    """A spoken word: start and end in seconds, the text with the space before it, if any, and its
    probability from 0 to 1."""

    start: float
    end: float
    text: str
    probability: float | None = None


class SpeechSegment(NamedTuple):
    """A piece of audio with speech: the position of its first sample, the samples with padding, and
    the positions at which the speech begins and ends. Positions are in samples of the audio."""

    start: int
    samples: Samples
    speech: tuple[int, int]

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class SpeechWindow(NamedTuple):
    """Segments in a row that a model is given at once, without the silence between them."""

    segments: tuple[SpeechSegment, ...]

    @property
    def audio(self) -> NDArray[np.float32]:
        """The samples of all segments in a row, from -1 to 1."""
        import numpy as np

        audio = np.concatenate([s.samples for s in self.segments]).astype(np.float32)
        audio /= 32768
        return audio

    def missed(self, words: Sequence[Word]) -> SpeechWindow | None:
        """The segments in which no word lies; None where they hold less than two seconds of speech.

        The times of `words` are those in the video.
        """
        middles = [(word.start + word.end) / 2 * SAMPLE_RATE for word in words]
        silent = [s for s in self.segments if not any(s.start <= m < s.end for m in middles)]
        speech = sum(s.speech[1] - s.speech[0] for s in silent)
        return SpeechWindow(tuple(silent)) if speech >= MIN_MISSED_SPEECH else None

    def to_video_time(self, word: Word) -> Word:
        """A word with its times in the video instead of those in this window.

        They are kept within the speech of its segment.
        """
        # A model that stops early stretches its last word over what follows: only the first second
        # of a word tells its segment.
        begin, end = word.start * SAMPLE_RATE, min(word.end, word.start + 1.0) * SAMPLE_RATE
        overlaps, at = [], 0
        for segment in self.segments:
            overlap = min(end, at + len(segment.samples)) - max(begin, at)
            overlaps.append((overlap, -at, segment))
            at += len(segment.samples)
        _, before, segment = max(overlaps, key=lambda item: item[:2])
        first, last = (edge / SAMPLE_RATE for edge in segment.speech)
        shift = (segment.start + before) / SAMPLE_RATE
        start = min(max(word.start + shift, first - 0.05), last)
        return word._replace(start=start, end=max(min(word.end + shift, last + 0.05), start + 0.02))


def speech_segments(pieces: Iterable[Samples], vad: bool) -> Iterator[SpeechSegment]:
    """The segments of speech in an audio stream, in order, while it is being decoded.

    Without `vad` all of it counts as speech. No more than a few minutes are held in memory.
    """
    import numpy as np

    samples, offset = np.zeros(0, np.int16), 0  # `offset`: position of the first of `samples`
    for block, is_last in vad_blocks(pieces):
        samples = np.concatenate([samples, block])
        spans = detect_speech(samples) if vad else equal_spans(len(samples))
        used = len(samples)
        if not is_last:
            # Speech near the end may go on: it is looked at again with the next block.
            used -= SAMPLE_RATE
            if spans and spans[-1][1] > used:
                used = max(spans.pop()[0] - SAMPLE_RATE, 0)
        for segment in padded_segments(samples, offset, spans):
            yield segment
            used = max(used, segment.end - offset)
        samples, offset = samples[used:], offset + used


def vad_blocks(pieces: Iterable[Samples]) -> Iterator[tuple[Samples, bool]]:
    """(block, whether it is the last) of samples; only the last may be shorter than VAD_BLOCK."""
    import numpy as np

    pending, count = [np.zeros(0, np.int16)], 0
    for piece in pieces:
        pending.append(piece)
        count += len(piece)
        if count >= VAD_BLOCK:
            yield np.concatenate(pending), False
            pending, count = [np.zeros(0, np.int16)], 0
    yield np.concatenate(pending), True


def padded_segments(
    samples: Samples, offset: int, spans: Sequence[tuple[int, int]]
) -> Iterator[SpeechSegment]:
    """Spans of speech as segments with padding that do not overlap.

    `spans` are positions in `samples`, `offset` is the position of `samples` in the audio.
    """
    used = 0
    for start, end in spans:
        begin = max(start, used)
        if begin < end:
            following = next((later for later, _ in spans if later >= end), None)
            limit = len(samples) if following is None else (end + following) // 2
            low, high = max(begin - SEGMENT_PADDING, used), min(end + SEGMENT_PADDING, limit)
            yield SpeechSegment(offset + low, samples[low:high], (offset + begin, offset + end))
            used = high


def detect_speech(samples: Samples) -> list[tuple[int, int]]:
    """(begin, end) of each stretch of speech, as positions in `samples`, by silero-vad v6.

    That network comes with faster-whisper; where it is not installed everything counts as speech.
    """
    import numpy as np

    try:
        from faster_whisper.vad import VadOptions, get_speech_timestamps
    except ModuleNotFoundError:
        return equal_spans(len(samples))
    if not len(samples):
        return []
    options = VadOptions(
        max_speech_duration_s=MAX_SEGMENT_SECONDS,
        min_silence_duration_ms=MIN_SILENCE_MS,
        speech_pad_ms=0,
    )
    spans = get_speech_timestamps(samples.astype(np.float32) / 32768, options)
    return [(span["start"], min(span["end"], len(samples))) for span in spans]


def equal_spans(length: int) -> list[tuple[int, int]]:
    """(begin, end) of equal parts of `length` samples; the last may be shorter."""
    step = MAX_SEGMENT_SECONDS * SAMPLE_RATE - 2 * SEGMENT_PADDING
    return [(at, min(at + step, length)) for at in range(0, length, step)]


def speech_windows(segments: Iterable[SpeechSegment]) -> Iterator[SpeechWindow]:
    """Segments in windows as full as possible, each of which ends in a pause."""
    pending: list[SpeechSegment] = []
    for segment in segments:
        if pending and sum(len(s.samples) for s in pending) + len(segment.samples) > WINDOW_SAMPLES:
            count = count_to_longest_pause([*pending, segment])
            yield SpeechWindow(tuple(pending[:count]))
            pending = pending[count:]
        pending.append(segment)
    if pending:
        yield SpeechWindow(tuple(pending))


def count_to_longest_pause(segments: Sequence[SpeechSegment]) -> int:
    """How many segments precede the longest pause in the last third of a window.

    `segments` are those of the window, and one more that does not fit into it.
    """
    filled = list(itertools.accumulate(len(s.samples) for s in segments[:-1]))
    pauses = []
    for i, size in enumerate(filled):
        pause = segments[i + 1].speech[0] - segments[i].speech[1]
        pauses.append((pause if size >= filled[-1] * 2 / 3 else -1, i + 1))
    return max(pauses)[1]
