"""Where in a sound somebody speaks, and the windows that a model hears it in."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.media.audio import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Samples


WINDOW = 30 * SAMPLE_RATE  # samples that Whisper looks at in one go


STRETCH = 15  # seconds after which speech without a pause is cut at its best place


SHORTEST_PAUSE = 160  # milliseconds without a voice that end a stretch


MARGIN = round(0.4 * SAMPLE_RATE)  # samples around a stretch that the model is given with it


WORTH_A_LOOK = 2 * SAMPLE_RATE  # samples with a voice that got no words


VAD_BLOCK = 120 * SAMPLE_RATE  # samples that voices are looked for in at a time


class Word(NamedTuple):
    """A spoken word: times in seconds, its text with the space before it, its probability."""

    start: float
    end: float
    text: str
    probability: float | None = None


class SpeechSegment(NamedTuple):
    """Sound with a voice in it: its first sample, the samples, the first and last with a voice."""

    start: int
    sound: Samples
    voice: tuple[int, int]

    @property
    def end(self) -> int:
        return self.start + len(self.sound)


class SpeechWindow(NamedTuple):
    """Stretches of speech, one after the other, that a model hears in one go."""

    stretches: tuple[SpeechSegment, ...]

    @property
    def sound(self) -> NDArray[np.float32]:
        """Samples from -1 to 1."""
        import numpy as np

        sound = np.concatenate([s.sound for s in self.stretches]).astype(np.float32)
        sound /= 32768
        return sound

    def without(self, words: Sequence[Word]) -> SpeechWindow | None:
        """The stretches in which none of these words lies, where there is enough voice in them."""
        middles = [(word.start + word.end) / 2 * SAMPLE_RATE for word in words]
        rest = [s for s in self.stretches if not any(s.start <= m < s.end for m in middles)]
        missed = sum(s.voice[1] - s.voice[0] for s in rest)
        return SpeechWindow(tuple(rest)) if missed >= WORTH_A_LOOK else None

    def in_video(self, word: Word) -> Word:
        """A word timed in this window as it is timed in the video, inside the speech it is from."""
        # A model that stops early spreads its last word over what follows: its beginning tells.
        begin, end = word.start * SAMPLE_RATE, min(word.end, word.start + 1.0) * SAMPLE_RATE
        shares, at = [], 0
        for stretch in self.stretches:
            shares.append((min(end, at + len(stretch.sound)) - max(begin, at), -at, stretch))
            at += len(stretch.sound)
        _, before, stretch = max(shares, key=lambda share: share[:2])
        first, last = (edge / SAMPLE_RATE for edge in stretch.voice)
        shift = (stretch.start + before) / SAMPLE_RATE
        start = min(max(word.start + shift, first - 0.05), last)
        return word._replace(start=start, end=max(min(word.end + shift, last + 0.05), start + 0.02))


def stretches(pieces: Iterable[Samples], vad: bool) -> Iterator[SpeechSegment]:
    """Where there are voices in a sound, in order, while it is being decoded.

    The Silero network that comes with faster-whisper finds them; without `vad` everything counts as
    speech.
    """
    import numpy as np

    held, first, done = np.zeros(0, np.int16), 0, 0
    waiting: list[Samples] = []
    count = 0  # samples that wait
    for piece in itertools.chain(pieces, [None]):
        if piece is not None:
            waiting.append(piece)
            count += len(piece)
            if count < VAD_BLOCK:
                continue
        held = np.concatenate([held, *waiting])
        waiting, count = [], 0
        found = voices(held) if vad else slices(len(held))
        # What reaches the end may go on in the next block, which begins a little before it.
        tail = len(held) if piece is None else len(held) - SAMPLE_RATE
        if piece is not None and found and found[-1][1] > tail:
            tail = max(found.pop()[0] - SAMPLE_RATE, 0)
        for start, end in found:
            begin = max(start, done - first)
            if begin < end:
                low, high = max(begin - MARGIN, done - first, 0), end + MARGIN
                after = [later for later, _ in found if later >= end]
                high = min(high, (end + after[0]) // 2 if after else len(held))
                yield SpeechSegment(first + low, held[low:high], (first + begin, first + end))
                done = first + high
        tail = max(tail, min(done - first, len(held)))
        held, first = held[tail:], first + tail


def voices(sound: Samples) -> list[tuple[int, int]]:
    """First and last sample of every stretch of speech, by Silero's network (silero-vad v6);
    without it everything is taken for speech."""
    import numpy as np

    try:
        from faster_whisper.vad import VadOptions, get_speech_timestamps
    except ModuleNotFoundError:
        return slices(len(sound))
    if not len(sound):
        return []
    options = VadOptions(
        max_speech_duration_s=STRETCH, min_silence_duration_ms=SHORTEST_PAUSE, speech_pad_ms=0
    )
    found = get_speech_timestamps(sound.astype(np.float32) / 32768, options)
    return [(span["start"], min(span["end"], len(sound))) for span in found]


def slices(length: int) -> list[tuple[int, int]]:
    """Everything, in equal parts."""
    step = STRETCH * SAMPLE_RATE - 2 * MARGIN
    return [(at, min(at + step, length)) for at in range(0, length, step)]


def windows(speech: Iterable[SpeechSegment]) -> Iterator[SpeechWindow]:
    """Speech in windows as full as can be that end in a pause."""
    waiting: list[SpeechSegment] = []
    for stretch in speech:
        if waiting and sum(len(s.sound) for s in waiting) + len(stretch.sound) > WINDOW:
            cut = longest_pause([*waiting, stretch])
            yield SpeechWindow(tuple(waiting[:cut]))
            waiting = waiting[cut:]
        waiting.append(stretch)
    if waiting:
        yield SpeechWindow(tuple(waiting))


def longest_pause(speech: Sequence[SpeechSegment]) -> int:
    """How many stretches to take: up to the longest pause in the last third of a window."""
    filled = list(itertools.accumulate(len(s.sound) for s in speech[:-1]))
    pauses = [
        (speech[i + 1].voice[0] - speech[i].voice[1] if size >= filled[-1] * 2 / 3 else -1, i + 1)
        for i, size in enumerate(filled)
    ]
    return max(pauses)[1]
