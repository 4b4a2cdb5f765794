"""Words as subtitles: where lines break, and when cues are shown."""

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


COLUMNS = 42  # letters in a line, two lines in a cue: what broadcasters agree on


SHORTEST_CUE, LONGEST_CUE = 1.0, 7.0  # seconds


CUE_GAP = 0.084  # seconds, two frames of film: what the eye needs to see that the text changed


LINGER = 0.2  # seconds a cue may stay after its last word; more where it is much to read


READABLE = 17.0  # letters per second that one reads at ease


PAUSE = 0.9  # seconds of silence that always end a cue


class Cue(NamedTuple):
    """A subtitle: times in seconds and one or two lines."""

    start: float
    end: float
    text: str


def columns(text: str) -> int:
    """How wide a text is: East Asian letters count twice, marks that combine do not count."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def tidy(words: Iterable[Word]) -> list[Word]:
    """Words in order of time, none empty, overlapping or too wide for a line."""
    kept: list[Word] = []
    for word in words:
        text = re.sub(r"\s+", " ", "".join(c for c in word.text if c.isprintable() or c.isspace()))
        if not text.strip():
            continue
        start = max(word.start, kept[-1].end if kept else 0.0)
        word = word._replace(start=start, end=max(word.end, start + 0.02), text=text)
        # Nobody speaks a word that long: the model spread it over the silence beside it.
        longest = max(1.0, 0.15 * columns(text))
        if word.end - word.start > longest:
            word = word._replace(end=word.start + longest)
        kept += in_parts(word) if columns(text) > COLUMNS else [word]
    return kept


def in_parts(word: Word) -> list[Word]:
    """A word too wide for a line in parts that fit."""
    step = COLUMNS // 2
    parts = [word.text[i : i + step] for i in range(0, len(word.text), step)]
    each = (word.end - word.start) / len(parts)
    times = [word.start + each * i for i in range(len(parts))]
    return [word._replace(start=t, end=t + each, text=p) for t, p in zip(times, parts, strict=True)]


QUOTES = "\"'\u201d\u2019\u00bb)\\]"  # what may follow a mark; below, East Asian marks come second


ENDS_SENTENCE = re.compile(rf"[.!?\u2026\u3002\uff01\uff1f][{QUOTES}]*$")


ENDS_CLAUSE = re.compile(rf"[,;:)\]\u2014\u2013\u3001\uff0c\uff1b\uff1a-][{QUOTES}]*$")


ABBREVIATION = re.compile(r"^\W*(Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|No|z\.B|d\.h|\w)\.$")


def break_cost(before: Word, after: Word | None) -> float:
    """How bad it is to break the text between two words: 0 where a sentence ends, up to about 3.

    Short words without punctuation are mostly articles and prepositions, in whatever language:
    they belong to what follows.
    """
    text = before.text.strip()
    if after is None or (ENDS_SENTENCE.search(text) and not ABBREVIATION.match(text)):
        return 0.0
    pause = min(max(after.start - before.end, 0.0), PAUSE)
    if ENDS_CLAUSE.search(text):
        return 0.6 - 0.4 * pause
    clinging = 1.0 if columns(text) <= 3 or ABBREVIATION.match(text) else 0.0
    inside = 2.0 if not after.text.startswith(" ") and text.isascii() else 0.0
    fresh = 0.4 if columns(after.text.strip()) <= 4 else 0.0
    return 2.0 + clinging + inside - fresh - 1.2 * pause


class MeasuredWords(NamedTuple):
    """Words with what is asked of them again and again: how wide the text up to each is, and how
    bad a break after each would be."""

    words: Sequence[Word]
    widths: list[int]
    costs: list[float]

    @classmethod
    def of(cls, words: Sequence[Word]) -> MeasuredWords:
        widths = list(itertools.accumulate((columns(w.text) for w in words), initial=0))
        costs = [break_cost(a, b) for a, b in zip(words, [*words[1:], None], strict=True)]
        return cls(words, widths, costs)

    def width(self, first: int, end: int) -> int:
        """Columns of words `first` to before `end` in a line of their own."""
        return self.widths[end] - self.widths[first] - self.words[first].text.startswith(" ")

    def line_break(self, first: int, end: int) -> tuple[float, int]:
        """How bad the best two lines are and where the second begins; `end` for a single line."""
        if self.width(first, end) <= COLUMNS:
            return 0.0, end
        best = (math.inf, end)
        for middle in range(first + 1, end):
            upper, lower = self.width(first, middle), self.width(middle, end)
            if upper <= COLUMNS and lower <= COLUMNS:
                # Equal lines are read fastest; else the lower one may be the longer.
                uneven = abs(upper - lower) / COLUMNS + (0.1 if upper > lower else 0.0)
                best = min(best, (0.5 * self.costs[middle - 1] + uneven, middle))
        return best

    def text(self, first: int, end: int) -> str:
        middle = self.line_break(first, end)[1]
        lines = (self.words[first:middle], self.words[middle:end])
        return "\n".join("".join(w.text for w in line).strip() for line in lines if line)

    def cue_cost(self, first: int, end: int) -> float:
        """How bad words `first` to before `end` are as one cue; infinite where they do not fit."""
        begin, last = self.words[first].start, self.words[end - 1].end
        lines, middle = self.line_break(first, end)
        if last - begin > LONGEST_CUE - LINGER or lines == math.inf:
            return math.inf
        after = self.words[end].start if end < len(self.words) else last + SHORTEST_CUE
        room = after - begin - CUE_GAP
        # A sentence that ends inside, with the beginning of another after it, reads badly.
        torn = 0.0 in self.costs[first : end - 1] and self.costs[end - 1] > 0.0
        width = self.width(first, end)
        return (
            1.0
            + self.costs[end - 1]
            + (0.2 + 0.5 * lines if middle < end else 0.0)
            + 1.5 * torn
            + 8.0 * max(SHORTEST_CUE - room, 0.0)
            + 0.15 * max(width / max(min(room, last - begin + 0.5), 0.1) - READABLE, 0.0)
            + 0.4 * max(last - begin - 5.0, 0.0)
        )


def cues_of(words: Iterable[Word], duration: float = math.inf) -> list[Cue]:
    """Words as subtitles: at most two lines of 42 letters, 1 to 7 s, no overlaps, broken where a
    speaker would, gone when nobody speaks. `duration`: where the video ends, in seconds."""
    chosen: list[Cue] = []
    run: list[Word] = []
    for word in tidy(words):
        if run and word.start - run[-1].end >= PAUSE:
            chosen += divided(run)
            run = []
        run.append(word)
    chosen += divided(run)
    return timed(chosen, duration)


def divided(words: Sequence[Word]) -> list[Cue]:
    """Words without a long pause in the cues that are best in sum, from first to last word, by
    dynamic programming over the places to break (as Knuth and Plass break paragraphs)."""
    if not words:
        return []
    measured = MeasuredWords.of(words)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(words) + 1):
        ways = []
        for first in range(end - 1, -1, -1):
            if measured.width(first, end) > 2 * COLUMNS + 1 and first < end - 1:
                break
            ways.append((best[first][0] + measured.cue_cost(first, end), first))
        best.append(min(ways))
    cuts, end = [], len(words)
    while end:
        cuts.append((best[end][1], end))
        end = best[end][1]
    return [Cue(words[a].start, words[b - 1].end, measured.text(a, b)) for a, b in reversed(cuts)]


def timed(spoken: Sequence[Cue], duration: float) -> list[Cue]:
    """Cues with the times at which they are shown: from the first word to a little after the last,
    at least a second, longer where there is much to read, and never into the next."""
    cues: list[Cue] = []
    free = 0.0
    for i, (first, last, text) in enumerate(spoken):
        after = spoken[i + 1].start if i + 1 < len(spoken) else duration + CUE_GAP
        hurried = len(text) / (last - first + LINGER) > READABLE
        end = last + (0.5 if hurried else LINGER)
        if 0 < after - CUE_GAP - end < 0.3 and i + 1 < len(spoken):
            end = after - CUE_GAP  # a gap too short to be seen as one would flicker
        end = min(end, max(after - CUE_GAP, last - 0.1))
        start = max(first, free)
        if end - start < SHORTEST_CUE:
            end = min(start + SHORTEST_CUE, max(after - CUE_GAP, end))
            start = max(min(start, end - SHORTEST_CUE), free)  # what lacks is taken before
            end = max(end, start + SHORTEST_CUE)
        end = min(end, start + LONGEST_CUE)
        cues.append(Cue(round(start, 3), round(end, 3), text))
        free = round(end, 3) + CUE_GAP
    return within(cues, duration)


def within(cues: list[Cue], duration: float) -> list[Cue]:
    """Cues that end with the video: the last one begins sooner rather than be too short."""
    if cues and cues[-1].end > duration:
        free = cues[-2].end + CUE_GAP if len(cues) > 1 else 0.0
        start = max(min(cues[-1].start, duration - SHORTEST_CUE), free, 0.0)
        cues[-1] = Cue(round(start, 3), round(max(duration, start + 0.2), 3), cues[-1].text)
    return cues


def sentences(words: Sequence[Word]) -> list[dict[str, Any]]:
    """Words by sentence, as JSON holds them: start, end, text, probability, words."""
    groups: list[list[Word]] = []
    for word in words:
        last = groups[-1][-1] if groups else None
        if last and break_cost(last, word) and word.start - last.end < 2 * PAUSE:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [segment_json(group) for group in groups]


def segment_json(words: Sequence[Word]) -> dict[str, Any]:
    """A sentence: its times in seconds, text, mean probability and words."""
    known = [w.probability for w in words if w.probability is not None]
    return {
        "start": round(words[0].start, 3),
        "end": round(words[-1].end, 3),
        "text": "".join(w.text for w in words).strip(),
        "probability": round(finite_mean(known), 4) if known else None,
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
