"""Repetition loops: phrases that a speech model that lost its way repeats over and over."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videolib.core.text import finite_mean

if TYPE_CHECKING:
    from videolib.speech.segments import Word

REPEATED_LETTERS = re.compile(
    r"([^\W\d]{1,6}?)\1{7,}"
)  # within a word: Hmmmmmmmm, hahahahahahahaha

MAX_PHRASE_WORDS = 24  # words of the longest phrase whose repetition is looked for

MAX_PAUSE = 2.0  # seconds between the words of repetitions that belong to a loop

MIN_PROBABILITY = 0.6  # mean probability of words below which a model is unsure of them


def is_loop(text: str) -> bool:
    """Whether a phrase is repeated too often in a text, see `repetition_at`.

    The compression ratio, by which Whisper's own program tells, is high for rhetoric too.
    """
    tokens = [token(word) for word in text.split()]
    return bool(REPEATED_LETTERS.search(text)) or any(
        repetition_at(tokens, i)[0] for i in range(len(tokens))
    )


def without_loops(words: Sequence[Word], across_windows: bool = False) -> list[Word]:
    """Words without repetition loops: of each the phrase is kept once.

    Repetitions with long pauses between them (thanks) may be real, and so may those that were
    recognized in different windows (`across_windows`: a chorus). These are removed only where the
    model is unsure of them. Letters that are repeated within a word are cut to three repetitions.
    """
    words = [word._replace(text=REPEATED_LETTERS.sub(r"\1\1\1", word.text)) for word in words]
    tokens = [token(word.text) for word in words]
    kept: list[Word] = []
    i = 0
    while i < len(words):
        length, count = repetition_at(tokens, i)
        end = i + length * count
        continuous = not across_windows and is_continuous(words[i:end])
        if count > 1 and (continuous or is_unsure(words[i + length : end])):
            kept += words[i : i + length]
            i = end
        else:
            kept.append(words[i])
            i += 1
    return kept


def token(word: str) -> str:
    """A word for comparison: its letters and digits in lower case."""
    return re.sub(r"\W+", "", word).lower()


def repetition_at(tokens: Sequence[str], start: int) -> tuple[int, int]:
    """The number of words of the phrase at `start` and how often it comes in a row; (0, 1) where
    that is not too often. Six times are too often for one word, four for two, three for more."""
    for length in range(1, min(MAX_PHRASE_WORDS, (len(tokens) - start) // 3) + 1):
        phrase, count = tokens[start : start + length], 1
        while tokens[start + length * count : start + length * (count + 1)] == phrase:
            count += 1
        if count >= {1: 6, 2: 4}.get(length, 3) and any(phrase):
            return length, count
    return 0, 1


def is_continuous(words: Sequence[Word]) -> bool:
    """Whether there is no long pause between the words."""
    return all(b.start - a.end < MAX_PAUSE for a, b in itertools.pairwise(words))


def is_unsure(words: Sequence[Word]) -> bool:
    """Whether the mean probability of the words is low; False where none is known."""
    probabilities = [word.probability for word in words if word.probability is not None]
    return bool(probabilities) and finite_mean(probabilities) < MIN_PROBABILITY
