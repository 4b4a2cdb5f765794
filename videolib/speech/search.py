"""Full-text search in subtitles, with SQLite's FTS5 in the catalogue."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.query import QUERY_LENGTH
from videolib.catalogue.store import CatalogueExtension
from videolib.core.errors import ParameterError
from videolib.core.text import printable
from videolib.speech.cues import ENDS_SENTENCE, Cue
from videolib.speech.files import UNSEEN, read_cues
from videolib.storage.names import SIDECARS
from videolib.storage.subtitles import generated_subtitles, subtitle_files

if TYPE_CHECKING:
    import sqlite3

    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


SPEECH_SCHEMA = """
CREATE TABLE IF NOT EXISTS passages (id INTEGER PRIMARY KEY,
  video INT REFERENCES videos ON DELETE CASCADE, file TEXT, cues TEXT, text TEXT);
CREATE INDEX IF NOT EXISTS passages_video ON passages (video);
CREATE TABLE IF NOT EXISTS misread (video INT REFERENCES videos ON DELETE CASCADE,
  file TEXT, reason TEXT, PRIMARY KEY (video, file)) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5 (text, content = passages, content_rowid = id,
  columnsize = 0, tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'");
CREATE TRIGGER IF NOT EXISTS passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO said (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER IF NOT EXISTS passages_gone AFTER DELETE ON passages BEGIN
  INSERT INTO said (said, rowid, text) VALUES ('delete', old.id, old.text); END;
"""


PASSAGE_CUES, PASSAGE_PAUSE = 8, 3.0  # cues, and seconds between two, that end a passage


OPENING, CLOSING, JOINT = "\x02", "\x03", "\u200b"  # none is in a text: see plain_caption


# Letters of languages that put no spaces between words (Thai to Khmer, Japanese, Chinese).
SPACELESS = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"


BETWEEN = re.compile(rf"(?<={SPACELESS})(?=\w)|(?<=\w)(?={SPACELESS})")


class SpokenPassages(NamedTuple):
    """What is in the subtitle files of a video: rows of `passages`, and of `misread`."""

    passages: list[tuple[str, str, str]]
    misread: list[tuple[str, str]]


def spoken_files(video: Video, sidecars: SidecarDir) -> list[str]:
    """The subtitle files of a video that are searched."""
    documents = [
        sidecars[n].path for n, _ in generated_subtitles(video, sidecars) if n.endswith(".json")
    ]
    return [caption.path for caption in subtitle_files(video, sidecars)] + documents


def read_spoken(video: Video, paths: Sequence[str]) -> SpokenPassages:
    """The passages in the subtitle files of a video; a cue that is in several counts once."""
    spoken, known = SpokenPassages([], []), set[Cue]()
    for path in sorted(paths, key=lambda path: path.endswith(".json")):
        folder, _, name = path.rpartition("/")
        file = f"{SIDECARS}/{name}" if folder == video.sidecar_dir else name
        try:
            cues = read_cues(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            spoken.misread.append((file, reason or "cannot be read"))
            continue
        rows = [passage_row(group) for group in passages(c for c in cues if c not in known)]
        spoken.passages.extend((file, *row) for row in rows)
        known.update(cues)
    return spoken


def passages(cues: Iterable[Cue]) -> Iterator[list[Cue]]:
    """Cues by sentence, as far as they follow each other: what a phrase may run across."""
    group: list[Cue] = []
    for cue in cues:
        if group and (
            len(group) == PASSAGE_CUES
            or cue.start - group[-1].end > PASSAGE_PAUSE
            or ENDS_SENTENCE.search(group[-1].text)
        ):
            yield group
            group = []
        group.append(cue)
    if group:
        yield group


def passage_row(cues: Sequence[Cue]) -> tuple[str, str]:
    """Where each cue begins in the text, and its times, as JSON; the text as it is indexed."""
    begins = itertools.accumulate((len(cue.text) + 1 for cue in cues), initial=0)
    places = [(begin, cue.start, cue.end) for begin, cue in zip(begins, cues, strict=False)]
    return json.dumps(places), BETWEEN.sub(JOINT, " ".join(cue.text for cue in cues))


def store_spoken(database: sqlite3.Connection, video: int, spoken: SpokenPassages) -> None:
    """Put what is spoken in a video into the tables, in the place of what is there."""
    for name, columns, rows in (
        ("passages", "file, cues, text", spoken.passages),
        ("misread", "file, reason", spoken.misread),
    ):
        database.execute(f"DELETE FROM {name} WHERE video = ?", [video])
        marks = ", ?" * (columns.count(",") + 1)
        database.executemany(
            f"INSERT INTO {name} (video, {columns}) VALUES (?{marks})",
            [(video, *row) for row in rows],
        )


SUBTITLE_INDEX = CatalogueExtension(
    "spoken", SPEECH_SCHEMA, spoken_files, read_spoken, store_spoken
)


SEARCH_WORD = re.compile(
    r'"(?P<quoted>(?:[^"]|"")*)"|(?P<sign>[()+,*]|NEAR(?=\s*\()|(?:AND|OR|NOT)(?=[\s()"]|$))'
    r'|(?P<word>[^\s()",]+)|(?P<quote>")'
)


def search_expression(text: str) -> str:
    """What was typed as an expression of SQLite's FTS5: words that must all occur in a sentence,
    "phrases", begin*, ^first, AND, OR, NOT, NEAR(a b, 5) and parentheses.

    Whatever else is in a word, as in don't or C++, is quoted. Raises ParameterError.
    """
    if len(text) > QUERY_LENGTH:
        raise misworded(f"longer than {QUERY_LENGTH:,} characters")
    parts: list[str] = []
    near = False
    for found in SEARCH_WORD.finditer(text):
        sign, word = found["sign"], found["word"] or ""
        if found["quote"]:
            raise misworded(f"{printable(text[found.start() :][:40])}: the quote is not closed")
        if sign in ("(", ")"):
            near = sign == "(" and parts[-1:] == ["NEAR"]
        if sign:
            parts += [sign] if sign != "," or near else []
        elif near and parts[-1] == "," and word.isdecimal():
            parts.append(word)
        else:
            parts += search_phrase(found["quoted"], word)
    if not any(part.startswith('"') for part in parts):
        raise misworded(f"{printable(text[:40])}: says nothing to look for: no word is in it")
    return checked_expression(" ".join(parts))


def search_phrase(quoted: str | None, word: str) -> list[str]:
    """A phrase, or a bare word with its signs; nothing where no letter and no digit is in it."""
    if quoted is None and re.match(r"-[^\W\d]", word):
        raise misworded(f"{printable(word)}: what must not occur is said as: this NOT that")
    inner = word.removeprefix("^").removesuffix("*").replace('"', "") if quoted is None else quoted
    if not any(map(str.isalnum, inner)):
        return []
    phrase = BETWEEN.sub(JOINT, unicodedata.normalize("NFC", UNSEEN.sub("", inner)))
    return ["^"] * word.startswith("^") + [f'"{phrase}"'] + ["*"] * word.endswith("*")


def checked_expression(expression: str) -> str:
    """The expression if FTS5 takes it. Raises ParameterError."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE said USING fts5 (text)")
        try:
            database.execute("SELECT 1 FROM said WHERE said MATCH ?", [expression])
        except sqlite3.OperationalError as error:
            reason = str(error).removeprefix("fts5: ")
            near = re.fullmatch(r'syntax error near "(.*)"', reason, re.DOTALL)
            if near and near[1]:
                reason = f"{printable(near[1])} makes no sense where it stands"
            elif near:
                reason = "it ends where a word or a parenthesis is missing"
            raise misworded(f"{reason}; words such as AND are quoted to look for them") from None
    return expression


def misworded(reason: str) -> ParameterError:
    return ParameterError([("text", reason)], f"search: {reason}")


def lines_found(
    marked: str, cues: Sequence[Sequence[float]], file: str
) -> Iterator[dict[str, Any]]:
    """The lines of a passage in which FTS5 marked something: start, end, text, offsets, file.

    A phrase that runs across cues makes one line of them. Offsets count Unicode characters.
    """
    text, spans = "", list[tuple[int, int]]()
    for piece in re.split(f"([{OPENING}{CLOSING}{JOINT}])", marked):
        if piece == OPENING:
            begin = len(text)
        elif piece == CLOSING:
            spans.append((begin, len(text)))
        elif piece != JOINT:
            text += piece
    begins = [int(cue[0]) for cue in cues]
    lines: list[tuple[int, int, list[tuple[int, int]]]] = []
    for span in spans:
        first, last = (bisect.bisect_right(begins, at) - 1 for at in (span[0], span[1] - 1))
        if lines and first <= lines[-1][1]:
            before = lines.pop()
            lines.append((before[0], last, [*before[2], span]))
        else:
            lines.append((first, last, [span]))
    for first, last, marks in lines:
        begin = begins[first]
        end = begins[last + 1] - 1 if last + 1 < len(begins) else len(text)
        times = {"start": cues[first][1], "end": cues[last][2]}
        offsets = [[a - begin, b - begin] for a, b in marks]
        yield times | {"text": text[begin:end], "offsets": offsets, "file": file}
