"""Words as subtitles: where lines and cues are broken, and when cues are shown.

`subtitle_cues` cleans the words, splits them at long pauses, finds the best cues between two pauses
by dynamic programming over a cost, and sets the times at which they are shown.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.text import finite_mean

if TYPE_CHECKING:
    from videolib.speech.segments import Word

LINE_WIDTH = 42  # columns of a line, a limit common in broadcasting; a cue has two lines at most
MIN_CUE_SECONDS, MAX_CUE_SECONDS = 1.0, 7.0
MIN_GAP = 0.084  # seconds between two cues, two frames of film, so that the change is noticed
HOLD = 0.2  # seconds that a cue is shown after its last word
HOLD_LONG = 0.5  # the same for a cue that is hard to read in its time
READING_SPEED = 17.0  # characters per second that are read with ease
PAUSE = 0.9  # seconds without words that always end a cue
MIN_WORD_SECONDS = 0.02


class Cue(NamedTuple):
    """A subtitle: start and end in seconds, and one or two lines of text."""

    start: float
    end: float
    text: str


def display_width(text: str) -> int:
    """The columns of a text: wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def clean_words(words: Iterable[Word]) -> list[Word]:
    """The words without unprintable characters and overlaps, the wide ones split to fit a line.

    Empty words are dropped, and words of improbable length are cut short.
    """
    cleaned: list[Word] = []
    for word in words:
        text = re.sub(r"\s+", " ", "".join(c for c in word.text if c.isprintable() or c.isspace()))
        if not text.strip():
            continue
        start = max(word.start, cleaned[-1].end if cleaned else 0.0)
        word = word._replace(start=start, end=max(word.end, start + MIN_WORD_SECONDS), text=text)
        # A word longer than this was stretched by the model over the silence after it.
        max_seconds = max(1.0, 0.15 * display_width(text))
        if word.end - word.start > max_seconds:
            word = word._replace(end=word.start + max_seconds)
        cleaned += split_word(word) if display_width(text) > LINE_WIDTH else [word]
    return cleaned


def split_word(word: Word) -> list[Word]:
    """The parts of a word that is wider than a line, each with an equal share of its time."""
    step = LINE_WIDTH // 2  # characters, which may be two columns wide
    parts = [word.text[i : i + step] for i in range(0, len(word.text), step)]
    length = (word.end - word.start) / len(parts)
    starts = [word.start + length * i for i in range(len(parts))]
    return [
        word._replace(start=start, end=start + length, text=part)
        for start, part in zip(starts, parts, strict=True)
    ]


CLOSING_MARKS = "\"'\u201d\u2019\u00bb)\\]"  # quotes and brackets that may follow punctuation
# Punctuation of European languages, then that of East Asian ones.
SENTENCE_END = re.compile(rf"[.!?\u2026\u3002\uff01\uff1f][{CLOSING_MARKS}]*$")
CLAUSE_END = re.compile(rf"[,;:)\]\u2014\u2013\u3001\uff0c\uff1b\uff1a-][{CLOSING_MARKS}]*$")
ABBREVIATION = re.compile(r"^\W*(Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|No|z\.B|d\.h|\w)\.$")


def break_cost(before: Word, after: Word | None) -> float:
    """The cost of a break between two words: 0 at the end of a sentence, up to about 5.

    In most languages short words without punctuation are articles and prepositions, which belong to
    the words that follow them.
    """
    text = before.text.strip()
    if after is None or (SENTENCE_END.search(text) and not ABBREVIATION.match(text)):
        return 0.0
    pause = min(max(after.start - before.end, 0.0), PAUSE)
    if CLAUSE_END.search(text):
        return 0.6 - 0.4 * pause
    after_short_word = 1.0 if display_width(text) <= 3 or ABBREVIATION.match(text) else 0.0
    within_word = 2.0 if not after.text.startswith(" ") and text.isascii() else 0.0
    before_short_word = 0.4 if display_width(after.text.strip()) <= 4 else 0.0
    return 2.0 + after_short_word + within_word - before_short_word - 1.2 * pause


class MeasuredWords(NamedTuple):
    """Words with the width of the text before each of them, in columns, and the cost of a break
    after each of them. Ranges of words are given as `first` and `end`, exclusive."""

    words: Sequence[Word]
    widths: list[int]
    costs: list[float]

    @classmethod
    def of(cls, words: Sequence[Word]) -> MeasuredWords:
        widths = list(itertools.accumulate((display_width(w.text) for w in words), initial=0))
        costs = [break_cost(a, b) for a, b in zip(words, [*words[1:], None], strict=True)]
        return cls(words, widths, costs)

    def width(self, first: int, end: int) -> int:
        """The columns of a range in one line."""
        return self.widths[end] - self.widths[first] - self.words[first].text.startswith(" ")

    def line_break(self, first: int, end: int) -> tuple[float, int]:
        """The cost of a range in one or two lines, and the first word of the second line, `end`
        where there is none. The cost is infinite where two lines are not enough."""
        if self.width(first, end) <= LINE_WIDTH:
            return 0.0, end
        best = (math.inf, end)
        for middle in range(first + 1, end):
            upper, lower = self.width(first, middle), self.width(middle, end)
            if upper <= LINE_WIDTH and lower <= LINE_WIDTH:
                # Lines of equal length are read fastest; of others the lower should be longer.
                uneven = abs(upper - lower) / LINE_WIDTH + (0.1 if upper > lower else 0.0)
                best = min(best, (0.5 * self.costs[middle - 1] + uneven, middle))
        return best

    def text(self, first: int, end: int) -> str:
        """A range in one or two lines."""
        middle = self.line_break(first, end)[1]
        lines = (self.words[first:middle], self.words[middle:end])
        return "\n".join("".join(w.text for w in line).strip() for line in lines if line)

    def cue_cost(self, first: int, end: int) -> float:
        """The cost of a range as one cue; infinite where it is too long or too wide."""
        start, last = self.words[first].start, self.words[end - 1].end
        line_cost, middle = self.line_break(first, end)
        if last - start > MAX_CUE_SECONDS - HOLD or line_cost == math.inf:
            return math.inf
        following = self.words[end].start if end < len(self.words) else last + MIN_CUE_SECONDS
        available = following - start - MIN_GAP  # seconds
        # The end of one sentence and a part of another are hard to read in one cue.
        is_torn = 0.0 in self.costs[first : end - 1] and self.costs[end - 1] > 0.0
        reading_time = max(min(available, last - start + 0.5), 0.1)
        return (
            1.0
            + self.costs[end - 1]
            + (0.2 + 0.5 * line_cost if middle < end else 0.0)
            + 1.5 * is_torn
            + 8.0 * max(MIN_CUE_SECONDS - available, 0.0)
            + 0.15 * max(self.width(first, end) / reading_time - READING_SPEED, 0.0)
            + 0.4 * max(last - start - 5.0, 0.0)
        )


def subtitle_cues(words: Iterable[Word], duration: float = math.inf) -> list[Cue]:
    """Words as cues of at most two lines of 42 columns, shown for 1 to 7 s, without overlaps.

    Cues end when nobody speaks, and no later than the video: `duration` is its length in seconds.
    """
    cues: list[Cue] = []
    run: list[Word] = []  # words without a long pause
    for word in clean_words(words):
        if run and word.start - run[-1].end >= PAUSE:
            cues += best_cues(run)
            run = []
        run.append(word)
    cues += best_cues(run)
    return end_with_video(display_times(cues, duration), duration)


def best_cues(words: Sequence[Word]) -> list[Cue]:
    """The cues of least total cost for words without a long pause, from first to last word.

    Dynamic programming over the breaks, as in Knuth and Plass, Breaking Paragraphs into Lines
    (1981).
    """
    if not words:
        return []
    measured = MeasuredWords.of(words)
    # For every number of words the least cost of their cues, and where the last of these begins.
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(words) + 1):
        choices = []
        for first in range(end - 1, -1, -1):
            if measured.width(first, end) > 2 * LINE_WIDTH + 1 and first < end - 1:
                break
            choices.append((best[first][0] + measured.cue_cost(first, end), first))
        best.append(min(choices))
    ranges, end = [], len(words)
    while end:
        ranges.append((best[end][1], end))
        end = best[end][1]
    return [Cue(words[a].start, words[b - 1].end, measured.text(a, b)) for a, b in reversed(ranges)]


def display_times(cues: Sequence[Cue], duration: float) -> list[Cue]:
    """The cues with the times at which they are shown instead of the times of their words.

    A cue is shown a little longer than its words last, for at least MIN_CUE_SECONDS, and until
    MIN_GAP before the next one. `duration` is that of the video in seconds.
    """
    displayed: list[Cue] = []
    earliest = 0.0  # when the next cue may begin
    for i, (first, last, text) in enumerate(cues):
        is_last = i + 1 == len(cues)
        limit = duration if is_last else cues[i + 1].start - MIN_GAP
        hard_to_read = len(text) / (last - first + HOLD) > READING_SPEED
        end = last + (HOLD_LONG if hard_to_read else HOLD)
        if 0 < limit - end < 0.3 and not is_last:
            end = limit  # a gap that short would look like flicker
        end = min(end, max(limit, last - 0.1))
        start = max(first, earliest)
        if end - start < MIN_CUE_SECONDS:
            end = min(start + MIN_CUE_SECONDS, max(limit, end))
            start = max(min(start, end - MIN_CUE_SECONDS), earliest)  # too short: begins earlier
            end = max(end, start + MIN_CUE_SECONDS)
        end = min(end, start + MAX_CUE_SECONDS)
        displayed.append(Cue(round(start, 3), round(end, 3), text))
        earliest = round(end, 3) + MIN_GAP
    return displayed


def end_with_video(cues: list[Cue], duration: float) -> list[Cue]:
    """The cues, the last of them cut at the end of the video (`duration`, in seconds).

    Where that would make it too short it begins earlier.
    """
    if not cues or cues[-1].end <= duration:
        return cues
    *others, last = cues
    earliest = others[-1].end + MIN_GAP if others else 0.0
    start = max(min(last.start, duration - MIN_CUE_SECONDS), earliest, 0.0)
    return [*others, Cue(round(start, 3), round(max(duration, start + 0.2), 3), last.text)]


def sentences(words: Sequence[Word]) -> list[list[Word]]:
    """The words of each sentence; a long pause ends a sentence, too."""
    groups: list[list[Word]] = []
    for word in words:
        last = groups[-1][-1] if groups else None
        if last and break_cost(last, word) and word.start - last.end < 2 * PAUSE:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def sentence_json(words: Sequence[Word]) -> dict[str, Any]:
    """A sentence for a JSON artifact: start and end in seconds, text, mean probability, words."""
    probabilities = [w.probability for w in words if w.probability is not None]
    return {
        "start": round(words[0].start, 3),
        "end": round(words[-1].end, 3),
        "text": "".join(w.text for w in words).strip(),
        "probability": round(finite_mean(probabilities), 4) if probabilities else None,
        "words": [
            {
                "start": round(w.start, 3),
                "end": round(w.end, 3),
                "word": w.text.strip(),
                "probability": w.probability and round(w.probability, 4),
            }
            for w in words
        ],
    }
