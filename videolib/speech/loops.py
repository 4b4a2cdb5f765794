"""Repetition loops: phrases that a speech model wrongly repeats over and over."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videolib.core.text import finite_mean

if TYPE_CHECKING:
    from videolib.speech.segments import Word

REPEATED_LETTERS = re.compile(r"([^\W\d]{1,6}?)\1{7,}")  # Hmmmmmmmm, hahahahahahahaha
MAX_PHRASE_WORDS = 24  # words of the longest phrase whose repetition is looked for
MAX_PAUSE = 2.0  # seconds between the words of repetitions that belong to a loop
MIN_PROBABILITY = 0.6  # mean probability of words below which a model is unsure of them


def is_loop(text: str) -> bool:
    """Whether a text has a phrase that is repeated too often, see `repetition_at`.

    Whisper's own program tests the compression ratio instead, which is high for rhetoric, too.
    """
    tokens = [token(word) for word in text.split()]
    return bool(REPEATED_LETTERS.search(text)) or any(
        repetition_at(tokens, i)[0] for i in range(len(tokens))
    )


def without_loops(words: Sequence[Word], across_windows: bool = False) -> list[Word]:
    """The words with each repetition loop reduced to its phrase, once.

    Repetitions with long pauses between them may be real, and so may repetitions that were
    recognized in different windows, such as a chorus: with `across_windows`, all are taken for
    such. They are removed only where the model is unsure of them. Letters repeated within a word
    are cut to three repetitions.
    """
    words = [word._replace(text=REPEATED_LETTERS.sub(r"\1\1\1", word.text)) for word in words]
    tokens = [token(word.text) for word in words]
    cleaned: list[Word] = []
    i = 0
    while i < len(words):
        length, count = repetition_at(tokens, i)
        end = i + length * count
        continuous = not across_windows and is_continuous(words[i:end])
        if count > 1 and (continuous or is_unsure(words[i + length : end])):
            cleaned += words[i : i + length]
            i = end
        else:
            cleaned.append(words[i])
            i += 1
    return cleaned


def token(word: str) -> str:
    """A word for comparison: its letters and digits in lower case."""
    return re.sub(r"\W+", "", word).lower()


def repetition_at(tokens: Sequence[str], start: int) -> tuple[int, int]:
    """The length, in words, and the count of the phrase that is repeated too often at `start`.

    (0, 1) where there is none. Too often in a row is six times for a phrase of one word, four for
    two words, three for more.
    """
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
