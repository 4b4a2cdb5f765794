"""Full-text search in subtitles.

What a user types -> `search_expression` (FTS5) -> `search_subtitles` -> SearchResult: the lines of
every video in which the words are. The catalogue's SUBTITLE_INDEX has to be filled before.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.query import QUERY_LENGTH, order_by
from videolib.core.errors import ParameterError
from videolib.core.text import clock, printable
from videolib.speech.files import INVISIBLE
from videolib.speech.passages import JOINT, PASSAGE_BITS, with_joints

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.catalogue.query import SqlClause

# What FTS5 puts around matches. No text has these characters, see INVISIBLE in files.py.
OPENING, CLOSING = "\x02", "\x03"
MARKS = re.compile(f"([{OPENING}{CLOSING}{JOINT}])")

Span = tuple[int, int]  # positions of the first character and after the last one


class MatchingLine(NamedTuple):
    """A cue in which something was found, or several if a phrase runs across them.

    `start` and `end` are in seconds, `spans` are those of the matches in `text`, in Unicode
    characters, and `file` is the name of the subtitle file.
    """

    start: float
    end: float
    text: str
    spans: list[Span]
    file: str

    def as_json(self) -> dict[str, Any]:
        times = {"start": self.start, "end": self.end}
        offsets = [list(span) for span in self.spans]
        return times | {"text": self.text, "offsets": offsets, "file": self.file}


class MatchingVideo(NamedTuple):
    """A video by its name in the library, and its matching lines in order of time."""

    name: str
    lines: list[MatchingLine]

    def as_json(self, max_lines: int | None) -> dict[str, Any]:
        lines = [line.as_json() for line in self.lines[:max_lines]]
        return {"video": self.name, "count": len(self.lines), "matches": lines}


class UnreadableSubtitles(NamedTuple):
    """A subtitle file that could not be searched, and why."""

    video: str
    file: str
    reason: str

    @property
    def error(self) -> str:
        return f"{self.file}: {self.reason}"

    def as_json(self) -> dict[str, str]:
        return {"video": self.video, "file": self.file, "error": self.error}


class SearchResult(NamedTuple):
    """A page of the matching videos by name.

    `total`: how many match in all. `offset`: how many precede the page. `searched`: how many have
    subtitles.
    """

    total: int
    offset: int
    searched: int
    videos: list[MatchingVideo]
    unreadable: list[UnreadableSubtitles]

    def as_json(self, max_lines: int | None = None) -> dict[str, Any]:
        """The result as JSON with at most `max_lines` lines of each video."""
        return {
            "total": self.total,
            "offset": self.offset,
            "searched": self.searched,
            "results": [video.as_json(max_lines) for video in self.videos],
            "errors": [file.as_json() for file in self.unreadable],
        }

    def text(self, max_lines: int | None = None) -> str:
        """The same as text, a line for each passage."""
        return "\n".join(
            printable(f"{video.name}  {clock(line.start)}  {line.text}")
            for video in self.videos
            for line in video.lines[:max_lines]
        )


def search_subtitles(
    catalogue: Catalogue,
    expression: str,
    view: SqlClause,
    offset: int = 0,
    limit: int | None = None,
) -> SearchResult:
    """What an FTS5 expression matches among the videos of a view, as a page of videos by name.

    `offset` videos are skipped, `limit` are taken at most.
    """
    matching = catalogue.ask(
        f"SELECT v.id, v.rel FROM videos v WHERE v.id IN (SELECT rowid >> {PASSAGE_BITS}"
        f" FROM passage_index WHERE passage_index MATCH ?) AND {view.sql}"
        f" ORDER BY {order_by('name')}",
        [expression, *view.values],
    )
    page = matching[offset:][:limit]
    lines = matching_lines(catalogue, expression, [video for video, _ in page])
    videos = [MatchingVideo(os.fsdecode(rel), lines[video]) for video, rel in page]
    searched = count_searched(catalogue, view)
    unreadable = unreadable_subtitles(catalogue, view)
    return SearchResult(len(matching), offset, searched, videos, unreadable)


def count_searched(catalogue: Catalogue, view: SqlClause) -> int:
    """How many videos of a view have subtitles."""
    ((count,),) = catalogue.ask(
        f"SELECT count(*) FROM videos v WHERE {view.sql}"
        " AND EXISTS (SELECT 1 FROM passages p WHERE p.video = v.id)",
        view.values,
    )
    return int(count)


def unreadable_subtitles(catalogue: Catalogue, view: SqlClause) -> list[UnreadableSubtitles]:
    """The unreadable subtitle files of a view, by video and name."""
    rows = catalogue.ask(
        "SELECT v.rel, u.file, u.reason FROM unreadable_subtitles u JOIN videos v ON v.id = u.video"
        f" WHERE {view.sql} ORDER BY v.rel, u.file",
        view.values,
    )
    return [UnreadableSubtitles(os.fsdecode(rel), file, reason) for rel, file, reason in rows]


def matching_lines(
    catalogue: Catalogue, expression: str, videos: Sequence[int]
) -> dict[int, list[MatchingLine]]:
    """Id of each of these videos -> its matching lines in order of time."""
    lines: dict[int, list[MatchingLine]] = {video: [] for video in videos}
    for video, video_lines in lines.items():
        first = video << PASSAGE_BITS
        for marked, cues, file in catalogue.ask(
            "SELECT highlight(passage_index, 0, ?, ?), p.cues, p.file"
            " FROM passage_index CROSS JOIN passages p ON p.id = passage_index.rowid"
            " WHERE passage_index MATCH ? AND passage_index.rowid BETWEEN ? AND ?",
            [OPENING, CLOSING, expression, first, first + (1 << PASSAGE_BITS) - 1],
        ):
            video_lines += passage_lines(marked, json.loads(cues), file)
        video_lines.sort(key=lambda line: line[:2])
    return lines


def passage_lines(
    marked: str, cues: Sequence[Sequence[float]], file: str
) -> Iterator[MatchingLine]:
    """The matching lines of a passage, from its text as FTS5 marked it and its column `cues`."""
    text, spans = split_marks(marked)
    begins = [int(cue[0]) for cue in cues]
    for first, last, matches in spans_by_line(spans, begins):
        begin = begins[first]
        end = begins[last + 1] - 1 if last + 1 < len(begins) else len(text)
        offsets = [(a - begin, b - begin) for a, b in matches]
        yield MatchingLine(cues[first][1], cues[last][2], text[begin:end], offsets, file)


def split_marks(marked: str) -> tuple[str, list[Span]]:
    """A text without marks and joints, and the spans that were marked."""
    text, begin, spans = "", 0, list[Span]()
    for piece in MARKS.split(marked):
        if piece == OPENING:
            begin = len(text)
        elif piece == CLOSING:
            spans.append((begin, len(text)))
        elif piece != JOINT:
            text += piece
    return text, spans


def spans_by_line(
    spans: Sequence[Span], begins: Sequence[int]
) -> list[tuple[int, int, list[Span]]]:
    """Spans by line, as (first cue, last cue, spans); a line is made of the cues a span touches.

    Spans that touch the same cue share a line. `begins`: where in the text each cue begins.
    """
    lines: list[tuple[int, int, list[Span]]] = []
    for span in spans:
        first, last = (bisect.bisect_right(begins, at) - 1 for at in (span[0], span[1] - 1))
        if lines and first <= lines[-1][1]:
            first, _, others = lines.pop()
            lines.append((first, last, [*others, span]))
        else:
            lines.append((first, last, [span]))
    return lines


SEARCH_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"]|"")*)"|(?P<operator>[()+,*]|NEAR(?=\s*\()|(?:AND|OR|NOT)(?=[\s()"]|$))'
    r'|(?P<word>[^\s()",]+)|(?P<unclosed>")'
)


def search_expression(text: str) -> str:
    """The expression of SQLite's FTS5 for what a user typed.

    Words must all occur in a passage; "phrases", begin*, ^first, AND, OR, NOT, NEAR(a b, 5) and
    parentheses mean what they mean in FTS5. Words with other characters, such as don't or C++, are
    quoted. Raises ParameterError where it makes no sense or has no word to look for.
    """
    if len(text) > QUERY_LENGTH:
        raise wrong_text(f"longer than {QUERY_LENGTH:,} characters")
    parts: list[str] = []
    in_near = False
    for match in SEARCH_TOKEN.finditer(text):
        operator, word = match["operator"], match["word"] or ""
        if match["unclosed"]:
            raise wrong_text(f"{printable(text[match.start() :][:40])}: the quote is not closed")
        if operator in ("(", ")"):
            in_near = operator == "(" and parts[-1:] == ["NEAR"]
        if operator:
            parts += [operator] if operator != "," or in_near else []
        elif in_near and parts[-1] == "," and word.isdecimal():
            parts.append(word)
        else:
            parts += search_phrase(match["quoted"], word)
    if not text.strip():
        raise wrong_text("no word is in it: name one, as in search TEXT [DIR]")
    if not any(part.startswith('"') for part in parts):
        raise wrong_text(f"{printable(text[:40])}: says nothing to look for: no word is in it")
    return checked_expression(" ".join(parts))


def search_phrase(quoted: str | None, word: str) -> list[str]:
    """The parts of an expression for the text between quotes or, where `quoted` is None, for a
    word, which may have a ^ before it and a * after it.

    There are none where it has neither a letter nor a digit. Raises ParameterError for -word.
    """
    if quoted is None and re.match(r"-[^\W\d]", word):
        raise wrong_text(f"{printable(word)}: what must not occur is said as: this NOT that")
    inner = word.removeprefix("^").removesuffix("*").replace('"', "") if quoted is None else quoted
    if not any(map(str.isalnum, inner)):
        return []
    phrase = with_joints(unicodedata.normalize("NFC", INVISIBLE.sub("", inner)))
    return ["^"] * word.startswith("^") + [f'"{phrase}"'] + ["*"] * word.endswith("*")


def checked_expression(expression: str) -> str:
    """The expression itself. Raises ParameterError where FTS5 cannot parse it."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE passage_index USING fts5 (text)")
        try:
            database.execute(
                "SELECT 1 FROM passage_index WHERE passage_index MATCH ?", [expression]
            )
        except sqlite3.OperationalError as error:
            reason = str(error).removeprefix("fts5: ")
            near = re.fullmatch(r'syntax error near "(.*)"', reason, re.DOTALL)
            if near and near[1]:
                reason = f"{printable(near[1])} makes no sense where it stands"
            elif near:
                reason = "it ends where a word or a parenthesis is missing"
            raise wrong_text(f"{reason}; words such as AND are quoted to look for them") from None
    return expression


def wrong_text(reason: str) -> ParameterError:
    """The error that the parameter `text` is wrong."""
    return ParameterError([("text", reason)], f"search: {reason}")
