"""Names of subtitle files: the video a file belongs to, its language, and what it is for.

A name is that of the video, with or without its extension, then labels with dots between: languages
(`en`, `pt-BR`, `English`), purposes (`forced`, `sdh`) or both (`en-forced`), maybe a number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from videolib.core.languages import language_tag, named_language
from videolib.storage.names import is_video_name

# Suffixes of files beside videos that hold text.
EXTERNAL_FORMATS = ("srt", "vtt", "ass", "ssa", "sub", "smi")
# The suffix of the index beside a .sub of pictures (VobSub), which is another format than the text
# (MicroDVD, SubViewer) of that suffix.
PICTURE_INDEX = "idx"
SUFFIXES = frozenset(f".{suffix}" for suffix in (*EXTERNAL_FORMATS, PICTURE_INDEX))


class Purpose(StrEnum):
    """What subtitles are for. Those that are FORCED translate only what is foreign in a film."""

    FULL = "full"
    HEARING_IMPAIRED = "hearing impaired"
    FORCED = "forced"
    COMMENTARY = "commentary"

    @property
    def is_whole(self) -> bool:
        """Whether they hold all that is said."""
        return self in (Purpose.FULL, Purpose.HEARING_IMPAIRED)


# Words in names of files and titles of streams; the first purpose that has one of them wins.
PURPOSE_WORDS = {
    Purpose.COMMENTARY: "commentary commentaries comment comments kommentar commentaire",
    Purpose.FORCED: "forced foreign signs songs forcé forcés forzado forzados erzwungen forcados",
    Purpose.HEARING_IMPAIRED: "sdh cc hi hoh hearing impaired deaf malentendants sourds",
    Purpose.FULL: "default full complete normal subs subtitle subtitles und",
}
WORD_PURPOSES = {
    word: purpose for purpose, words in PURPOSE_WORDS.items() for word in words.split()
}


class ExternalSubtitle(NamedTuple):
    """Name of a subtitle file in the folder of its video, its language tag, and its purpose."""

    name: str
    language: str
    purpose: Purpose


class Label(NamedTuple):
    """What a label in a name says: a language tag or "", a purpose or None."""

    language: str
    purpose: Purpose | None


def purpose_in(text: str) -> Purpose | None:
    """The purpose that the words of a title or a label tell; None where none does."""
    words = re.findall(r"[^\W_]+", text.lower())
    purposes = {WORD_PURPOSES[word] for word in words if word in WORD_PURPOSES}
    if "non" in words or "not" in words:  # "Full (non-forced)"
        purposes.discard(Purpose.FORCED)
    return next((purpose for purpose in PURPOSE_WORDS if purpose in purposes), None)


def without_purposes(text: str) -> str:
    """The words of a title or a label that tell no purpose."""
    words = re.split(r"[\W_]+", text)
    return " ".join(word for word in words if word and word.lower() not in WORD_PURPOSES)


@functools.lru_cache(4096)
def parse_label(text: str) -> Label | None:
    """What a label says; None where it is neither of a language nor of a purpose."""
    if text.lower() == "hi":  # Hindi, or after a language for the hearing impaired
        return Label("hi", None)
    purpose, rest = purpose_in(text), without_purposes(text)
    language = language_tag(rest.replace(" ", "-")) or named_language(rest)
    if language or not rest:
        return Label(language, purpose) if language or purpose else None
    # `chs&eng` is in two languages, of which the first is taken.
    tags = [language_tag(word) or named_language(word) for word in rest.split()]
    return Label(tags[0], purpose) if all(tags) else None


def subtitles_by_stem(names: Iterable[str]) -> dict[str, list[ExternalSubtitle]]:
    """The subtitle files among the names in a folder, by every stem that their video may have.

    `movie.en.forced.srt` is listed under `movie.en.forced`, `movie.en` and `movie`: labels are
    taken off from the end, up to a part that is none or to the name of a video in the folder.
    """
    names = list(names)
    files = [name for name in names if name[-4:].lower() in SUFFIXES]
    if not files:
        return {}
    videos = set(filter(is_video_name, names))
    videos |= {name.rpartition(".")[0] for name in videos}
    pictures = {name[:-4] for name in files if name.lower().endswith(PICTURE_INDEX)}
    by_stem: dict[str, list[ExternalSubtitle]] = {}
    for name in sorted(files):
        suffix = name[-3:].lower()
        if suffix == PICTURE_INDEX or (suffix == "sub" and name[:-4] in pictures):
            continue
        for stem, subtitle in possible_stems(name):
            by_stem.setdefault(stem, []).append(subtitle)
            if stem in videos:
                break
    return by_stem


def possible_stems(name: str) -> Iterator[tuple[str, ExternalSubtitle]]:
    """The stems that the video of a subtitle file may have, the longest first, each with what the
    labels after it say."""
    stem, subtitle = name[:-4], ExternalSubtitle(name, "", Purpose.FULL)
    yield stem, subtitle
    numbered = False
    while "." in stem:
        stem, _, part = stem.rpartition(".")
        if len(part) <= 2 and part.isdecimal() and not (numbered or subtitle.language):
            numbered = True  # counts only after a label: movie.eng.1.srt
            continue
        label = parse_label(part)
        if label is None:
            return
        subtitle = with_label(subtitle, label)
        yield stem, subtitle


def language_in(name: str) -> str:
    """The language tag by the labels at the end of a subtitle file's name; "" where none has it."""
    return [subtitle.language for _, subtitle in possible_stems(name)][-1]


def with_label(subtitle: ExternalSubtitle, label: Label) -> ExternalSubtitle:
    """What a file is by the labels that were taken off its name, and by the next to the left."""
    if subtitle.language == "hi" and label.language:  # movie.en.hi.srt
        return ExternalSubtitle(subtitle.name, label.language, Purpose.HEARING_IMPAIRED)
    purpose = label.purpose if subtitle.purpose is Purpose.FULL else None
    language = subtitle.language or label.language
    return ExternalSubtitle(subtitle.name, language, purpose or subtitle.purpose)
