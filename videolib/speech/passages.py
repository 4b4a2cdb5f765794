"""The index of subtitles: tables of the catalogue that hold what is said in every video.

Subtitle files -> cues -> passages (cues of a sentence, across which a phrase may run) -> rows of
`passages`, whose texts SQLite's FTS5 indexes in `passage_index`. search.py asks them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.catalogue.store import CatalogueExtension
from videolib.media.metadata import read_metadata, summarize
from videolib.speech.cues import SENTENCE_END, Cue
from videolib.speech.files import read_cues
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import SIDECARS
from videolib.storage.subtitles import generated_subtitles, subtitle_files

if TYPE_CHECKING:
    import sqlite3

    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video

# The column `cues` of a passage is JSON: for each cue [where it begins in the text without joints,
# in characters; start and end, in seconds].
SUBTITLE_SCHEMA = """
CREATE TABLE IF NOT EXISTS passages (id INTEGER PRIMARY KEY,
  video INT REFERENCES videos ON DELETE CASCADE, file TEXT, cues TEXT, text TEXT);
CREATE INDEX IF NOT EXISTS passages_video ON passages (video);
CREATE TABLE IF NOT EXISTS unreadable_subtitles (video INT REFERENCES videos ON DELETE CASCADE,
  file TEXT, reason TEXT, PRIMARY KEY (video, file)) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS passage_index USING fts5 (text, content = passages,
  content_rowid = id, columnsize = 0,
  tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'");
CREATE TRIGGER IF NOT EXISTS passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO passage_index (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER IF NOT EXISTS passages_gone AFTER DELETE ON passages BEGIN
  INSERT INTO passage_index (passage_index, rowid, text) VALUES ('delete', old.id, old.text); END;
"""

# The id of a passage is that of its video, shifted by so many bits, and its number: the passages of
# one video are stored together, and what matches names its videos without a look at `passages`.
PASSAGE_BITS = 24
MAX_PASSAGE_CUES = 8
MAX_CUE_DISTANCE = 3.0  # seconds between two cues of a passage
# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Japanese, Chinese.
SPACELESS = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
BETWEEN_WORDS = re.compile(rf"(?<={SPACELESS})(?=\w)|(?<=\w)(?={SPACELESS})")
JOINT = "\u200b"  # separates such characters for FTS5; no text has it, see INVISIBLE in files.py


class VideoPassages(NamedTuple):
    """The subtitle files of a video as rows of the two tables, without their column `video`.

    `passages`: (file, cues, text). `unreadable`: (file, reason).
    """

    passages: list[tuple[str, str, str]]
    unreadable: list[tuple[str, str]]


def indexed_files(video: Video, sidecars: SidecarDir) -> list[str]:
    """The paths of the subtitle files of a video that are searched, and of its metadata where one
    of them may count frames."""
    generated = (name for name, *_ in generated_subtitles(video, sidecars))
    paths = [sidecars[name].path for name in generated if name.endswith(".json")]
    paths += [subtitle.path for subtitle in subtitle_files(video, sidecars)]
    metadata = ARTIFACTS["metadata"].record_name(video)
    if any(path.lower().endswith(".sub") for path in paths) and metadata in sidecars:
        paths.append(sidecars[metadata].path)
    return paths


def read_passages(video: Video, paths: Sequence[str]) -> VideoPassages:
    """The passages in subtitle files of a video; a cue that is in several files is taken once."""
    content, indexed = VideoPassages([], []), set[Cue]()
    metadata = f"{video.sidecar_dir}/{ARTIFACTS['metadata'].record_name(video)}"
    rate = summarize(read_metadata(metadata) or {}).get("fps") if metadata in paths else None
    for path in sorted({*paths} - {metadata}, key=lambda path: (path.endswith(".json"), path)):
        folder, _, name = path.rpartition("/")
        file = f"{SIDECARS}/{name}" if folder == video.sidecar_dir else name
        try:
            cues = read_cues(path, rate)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            content.unreadable.append((file, reason or "cannot be read"))
            continue
        rows = [passage_row(group) for group in passages(c for c in cues if c not in indexed)]
        content.passages.extend((file, *row) for row in rows)
        indexed.update(cues)
    return content


def passages(cues: Iterable[Cue]) -> Iterator[list[Cue]]:
    """The cues of each passage: a sentence, or less where a pause is long or cues are many."""
    group: list[Cue] = []
    for cue in cues:
        if group and (
            len(group) == MAX_PASSAGE_CUES
            or cue.start - group[-1].end > MAX_CUE_DISTANCE
            or SENTENCE_END.search(group[-1].text)
        ):
            yield group
            group = []
        group.append(cue)
    if group:
        yield group


def passage_row(cues: Sequence[Cue]) -> tuple[str, str]:
    """The columns `cues` and `text` of a passage."""
    positions = itertools.accumulate((len(cue.text) + 1 for cue in cues), initial=0)
    located = [(at, cue.start, cue.end) for at, cue in zip(positions, cues, strict=False)]
    return json.dumps(located), with_joints(" ".join(cue.text for cue in cues))


def with_joints(text: str) -> str:
    """Text in which every character of a script without spaces is a word for FTS5."""
    return BETWEEN_WORDS.sub(JOINT, text)


def store_passages(database: sqlite3.Connection, video: int, content: VideoPassages) -> None:
    """Replace the rows of a video, which is given by its id in the catalogue."""
    for table in ("passages", "unreadable_subtitles"):
        database.execute(f"DELETE FROM {table} WHERE video = ?", [video])
    ids = itertools.count(video << PASSAGE_BITS)
    database.executemany(
        "INSERT INTO passages (id, video, file, cues, text) VALUES (?, ?, ?, ?, ?)",
        [(passage, video, *row) for passage, row in zip(ids, content.passages, strict=False)],
    )
    database.executemany(
        "INSERT INTO unreadable_subtitles (video, file, reason) VALUES (?, ?, ?)",
        [(video, *row) for row in content.unreadable],
    )


SUBTITLE_INDEX = CatalogueExtension(
    "subtitles", SUBTITLE_SCHEMA, indexed_files, read_passages, store_passages
)
