"""What may come next in a query: filters that find something, with how many videos, and titles.

`suggested_filters` compiles the terms that come into question and counts all of them in one pass
over the catalogue; a term that finds nothing is not suggested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.catalogue.folder_tree import FolderTree
from videolib.catalogue.query import ATTRIBUTE_PREFIX, QUERY_FIELDS, compile_query
from videolib.core.text import fold, utf8
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.faults import FAULTS

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.catalogue.query import SqlClause

MOST_FILTERS, MOST_TITLES = 20, 8
SHORTEST_FIELD = 2  # characters of a field's name, from which on its filters are suggested

# Field -> values that are suggested where they find something.
VALUES: dict[str, Sequence[str]] = {
    "duration": ("<1m", "1m..10m", "10m..30m", "30m..1h", "1h..2h", ">2h"),
    "resolution": ("8k", "4k", "1440p", "1080p", "720p", "<720p", "576p", "480p", "<480p"),
    "height": (">=2160", ">=1080", ">=720", "<720"),
    "fps": ("<24", "24..30", "30..60", ">=60"),
    "size": ("<10MB", "10MB..100MB", "100MB..1GB", "1GB..4GB", ">4GB"),
    "bitrate": ("<1M", "1M..5M", "5M..20M", ">20M"),
    "added": ("<1d", "<7d", "<30d", "<1y", ">1y"),
    "rating": ("5", ">=4", ">=3", "<3"),
    "favourite": ("",),
    "watched": ("", "<1d", "<7d", "<30d"),
    "progress": ("", ">50%"),
    "encrypted": ("yes", "no"),
    "has": tuple(ARTIFACTS),
    "missing": tuple(ARTIFACTS),
    "fresh": tuple(ARTIFACTS),
    "stale": tuple(ARTIFACTS),
    "broken": ("",),
    **dict.fromkeys(FAULTS, ("",)),
}
TIMELESS = VALUES.keys() - {"added", "watched"}  # whose terms mean the same a moment later
# Field -> columns whose values are suggested, the most frequent first.
COLUMNS = {
    "codec": ("vcodec", "acodec"),
    "vcodec": ("vcodec",),
    "acodec": ("acodec",),
    "ext": ("ext",),
}
# Fields whose values are suggested for a word without a field.
FOR_BARE_WORDS = ("folder", "resolution", "codec", "ext", "has", "missing")

# A file name without its extension, and that with spaces for all that separates words there.
STEM = "substr(v.name, 1, length(v.name) - length(v.ext))"
WORDS = f"replace(replace(replace({STEM}, '.', ' '), '_', ' '), '-', ' ')"


class FilterSuggestion(NamedTuple):
    """A term of a query, and how many videos it finds."""

    text: str
    videos: int


def suggested_filters(
    catalogue: Catalogue, view: SqlClause, field: str, begin: str
) -> list[FilterSuggestion]:
    """The filters of a field whose values begin with a folded text, as they find videos of a view.

    Without a field, those of every field in FOR_BARE_WORDS, and those of a field whose name begins
    so.
    """
    if field:
        return _of_field(catalogue, view, field, begin)[:MOST_FILTERS]
    suggestions = list[FilterSuggestion]()
    if len(begin) >= SHORTEST_FIELD:
        for name in QUERY_FIELDS:
            if name.startswith(begin):
                suggestions += _of_field(catalogue, view, name, "")
    if begin:
        for name in FOR_BARE_WORDS:
            suggestions += _of_field(catalogue, view, name, begin)
    return list(dict.fromkeys(suggestions))[:MOST_FILTERS]


def _of_field(
    catalogue: Catalogue, view: SqlClause, field: str, begin: str
) -> list[FilterSuggestion]:
    """The filters of one field whose values begin with a folded text."""
    if field == "folder":
        return _folders(catalogue, view, begin)
    if field in COLUMNS:
        return _of_columns(catalogue, view, field, begin)
    if field.startswith(ATTRIBUTE_PREFIX) or field == "date":
        return _of_attribute(catalogue, view, field, begin)
    terms = [f"{field}:{value}" for value in VALUES.get(field, ()) if value.startswith(begin)]
    return _counted(catalogue, view, terms, is_lasting=field in TIMELESS)


def _counted(
    catalogue: Catalogue, view: SqlClause, terms: Sequence[str], is_lasting: bool
) -> list[FilterSuggestion]:
    """Those of these terms that find something. With `is_lasting` the counts are kept in memory."""
    if not terms:
        return []
    clauses = [compile_query(term) for term in terms]
    columns = ", ".join(f"count(CASE WHEN {clause.sql} THEN 1 END)" for clause in clauses)
    values = [value for clause in (*clauses, view) for value in clause.values]
    ask = catalogue.ask_cached if is_lasting else catalogue.ask
    (counts,) = ask(f"SELECT {columns} FROM videos v WHERE {view.sql}", values)
    return [FilterSuggestion(t, count) for t, count in zip(terms, counts, strict=True) if count]


def _of_columns(
    catalogue: Catalogue, view: SqlClause, field: str, begin: str
) -> list[FilterSuggestion]:
    """The filters of a field by the values that its columns have."""
    values = " UNION ".join(
        f"SELECT v.id, v.{column} value FROM videos v WHERE v.{column} <> '' AND {view.sql}"
        for column in COLUMNS[field]
    )
    sql = f"SELECT value, count(*) FROM ({values}) GROUP BY value ORDER BY count(*) DESC, value"
    rows = catalogue.ask_cached(sql, view.values * len(COLUMNS[field]))
    return _matching(field, ((value.removeprefix("."), count) for value, count in rows), begin)


def _of_attribute(
    catalogue: Catalogue, view: SqlClause, field: str, begin: str
) -> list[FilterSuggestion]:
    """The filters of a key of tags files by the values that it has."""
    rows = catalogue.ask_cached(
        "SELECT a.text, count(*) FROM attributes a JOIN videos v ON v.id = a.video"
        f" WHERE a.key = ? AND {view.sql} GROUP BY a.text ORDER BY count(*) DESC, a.text",
        [field.removeprefix(ATTRIBUTE_PREFIX), *view.values],
    )
    return _matching(field, rows, begin)


def _folders(catalogue: Catalogue, view: SqlClause, begin: str) -> list[FilterSuggestion]:
    """The folders whose path, or name, begins with a folded text, those with the most first."""
    total = FolderTree(catalogue, view).total
    paths = ((path, fold(path), count) for path, count in total.most_common() if path)
    rows = (
        (path, count)
        for path, folded, count in paths
        if folded.startswith(begin) or folded.rpartition("/")[2].startswith(begin)
    )
    return _matching("folder", rows, "")


def _matching(field: str, rows: Iterable[tuple[str, int]], begin: str) -> list[FilterSuggestion]:
    """The terms of the (value, count) rows whose value begins with a folded text."""
    chosen = ((value, count) for value, count in rows if fold(value).startswith(begin))
    return [FilterSuggestion(f"{field}:{quoted(utf8(value))}", count) for value, count in chosen]


def quoted(value: str) -> str:
    """A value as a query takes it literally: in quotes, where it would mean something else."""
    if re.fullmatch(r'[^\s"\\*<>=.-](?:(?!\.\.)[^\s"\\*])*', value):
        return value
    return '"' + re.sub(r'["\\]', r"\\\g<0>", value) + '"'


def suggested_keys(catalogue: Catalogue, begin: str) -> list[str]:
    """The fields of keys in tags files that are no fields of their own, such as `x.studio:`, where
    they begin with a folded text."""
    keys = (key for (key,) in catalogue.ask_cached("SELECT DISTINCT key FROM attributes"))
    words = (f"{ATTRIBUTE_PREFIX}{key}:" for key in keys if key not in QUERY_FIELDS)
    return sorted(word for word in words if word.startswith(begin))


def suggested_titles(catalogue: Catalogue, view: SqlClause, text: str) -> list[str]:
    """The cards, in JSON, of videos of a view that have a folded text in their name: first those
    whose name begins with it, then those in which a word does."""
    if not text:
        return []
    sql = (
        f"SELECT v.id FROM videos v WHERE instr({STEM}, ?) AND {view.sql} ORDER BY"
        f" instr(v.name, ?) > 1, instr(' ' || {WORDS}, ' ' || ?) = 0, v.name_key, v.rel LIMIT ?"
    )
    rows = catalogue.ask(sql, [text, *view.values, text, text, MOST_TITLES])
    return catalogue.cards_of([video for (video,) in rows], detail=False)
