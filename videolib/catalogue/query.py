"""The query language of listings, compiled to a condition in SQL, and their orders.

`compile_query` splits a query into QueryTerms; the function of a term's field in QUERY_FIELDS makes
a SqlClause of it; clauses are joined with AND and OR. `order_by` compiles one of ORDERS.
"""

from __future__ import annotations

import functools
import math
import os
import re
import time
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from videolib.core.errors import UsageError
from videolib.core.text import clamp_to_64_bits, fold, natural_key, parse_clock, printable, utf8
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.faults import FAULTS
from videolib.storage.tag_details import BEST_RATING, YES_OR_NO, checked_rating

# Of a term: the minus sign and the field, which for a key of a tags file begins with "x.".
QUERY_HEAD = re.compile(r"(-?)(?:([A-Za-z_]+|[xX]\.[^\s:\"]+):)?")
QUERY_PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)', re.DOTALL)  # a value in quotes
QUERY_WORDS, QUERY_LENGTH = 200, 10_000  # terms and characters at most
ATTRIBUTE_PREFIX = "x."  # in front of a key of a tags file that is no field of its own
BARE_FIELDS = frozenset(
    {"broken", "favourite", "watched", "progress", *FAULTS}
)  # which say something without a value
# Other names of codecs -> ffmpeg's, by which they are catalogued.
CODEC_NAMES = {"h265": "hevc", "x265": "hevc", "avc": "h264", "x264": "h264"}
# Lines of a picture as people name them, the largest first, and other names of them.
RESOLUTIONS = (4320, 2160, 1440, 1080, 720, 576, 480, 360, 240, 144)
RESOLUTION_NAMES = {"8k": 4320, "4k": 2160, "uhd": 2160, "2k": 1440, "fhd": 1080, "hd": 720}
LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
# Seconds of the units of an age.
AGES = {"h": 3600, "d": 86400, "w": 7 * 86400, "mo": 30.44 * 86400, "y": 365.25 * 86400}


class SqlClause(NamedTuple):
    """A condition on `videos v` in SQL, and the values of its question marks."""

    sql: str
    values: tuple[Any, ...] = ()

    @classmethod
    def joined(cls, word: Literal["AND", "OR"], clauses: Sequence[SqlClause]) -> SqlClause:
        """The clauses joined by a word: all must hold, or one of them."""
        sql = f" {word} ".join(f"({clause.sql})" for clause in clauses)
        return cls(sql, tuple(value for clause in clauses for value in clause.values))


class QueryTerm(NamedTuple):
    """One term of a query, such as `-field:value`; `field` is empty for a bare word."""

    negated: bool
    field: str
    value: str
    quoted: bool

    def __str__(self) -> str:
        field = f"{self.field}:" if self.field else ""
        return printable("-" * self.negated + field + self.value)


def compile_query(text: str) -> SqlClause:
    """A query such as `tag:night duration:>10m -codec:hevc "some words" OR missing:thumbs` in SQL.

    Words must all hold; OR separates alternatives. Raises UsageError naming the word that is wrong.
    """
    if len(text) > QUERY_LENGTH:
        raise UsageError(f"query: longer than {QUERY_LENGTH:,} characters")
    groups: list[list[SqlClause]] = [[]]
    for count, term in enumerate(query_terms(text)):
        if count >= QUERY_WORDS:
            raise UsageError(f"query: more than {QUERY_WORDS} words, from {term} on")
        if term == QueryTerm(False, "", "OR", False):
            groups.append([])
        else:
            groups[-1].append(term_clause(term))
    if len(groups) > 1 and not all(groups):
        raise UsageError('query: OR stands between two conditions; write "OR" to look for the word')
    options = [SqlClause.joined("AND", group or [SqlClause("1")]) for group in groups]
    return SqlClause.joined("OR", options)


def query_terms(text: str, bare_fields: bool = False) -> Iterator[QueryTerm]:
    """The terms of a query. Raises UsageError for an unclosed quote and, unless `bare_fields` lets
    every field stand alone, for an empty value of one that is not among BARE_FIELDS."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        head = typing.cast("re.Match[str]", QUERY_HEAD.match(text, at))
        start, at = at, head.end()
        quoted = text[at : at + 1] == '"'
        match = QUERY_PHRASE.match(text, at) if quoted else re.compile(r"\S*").match(text, at)
        if not match:
            raise UsageError(
                f"query: {printable(text[start : start + 40])}: the quote is not closed, or a space"
                " is missing behind it"
            )
        at = match.end()
        value = re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL) if quoted else match[0]
        negated, field = bool(head[1]), (head[2] or "").lower()
        if not value and negated and not field and not quoted:
            negated, value = False, "-"
        is_whole = bool(field) and not quoted and (bare_fields or field in BARE_FIELDS)
        if not value.strip() and not is_whole:
            raise UsageError(f"query: {printable(text[start:at])}: says nothing to look for")
        yield QueryTerm(negated, field, value, quoted)


def term_clause(term: QueryTerm) -> SqlClause:
    """The condition of one term. Raises UsageError for a wrong field or value."""
    if not term.field:
        clause = text_clause(term)
    elif term.field in QUERY_FIELDS or term.field.startswith(ATTRIBUTE_PREFIX):
        try:
            clause = QUERY_FIELDS.get(term.field, attribute_clause)(term)
        except ValueError as error:
            raise UsageError(f"query: {term}: {error}") from None
    else:
        import difflib

        near = difflib.get_close_matches(term.field, QUERY_FIELDS, 1)
        hint = f"did you mean {near[0]}:?" if near else f"there are {', '.join(QUERY_FIELDS)}."
        raise UsageError(f"query: {term}: no such field; {hint} Put text with a colon into quotes")
    if term.negated:
        return SqlClause(f"NOT coalesce(({clause.sql}), 0)", clause.values)
    return clause


def text_clause(term: QueryTerm) -> SqlClause:
    """A bare word: part of the path, of a tag or of a performer's name."""
    opens, closes = (term.value.count(sign) for sign in "()")
    if opens != closes and not term.quoted and (term.value[0] == "(" or term.value[-1] == ")"):
        raise UsageError(
            f"query: {term}: parentheses do not group words; put text that has one into quotes"
        )
    return SqlClause("instr(v.words, ?)", (fold(utf8(term.value)),))


def pattern_clause(column: str, term: QueryTerm, part: bool = False) -> SqlClause:
    """A column that equals the value, or with `part` contains it; `*` stands for anything."""
    value = fold(utf8(term.value.strip()))
    if "*" in value and not term.quoted:
        return SqlClause(f"{column} GLOB ?", (re.sub(r"[\[?]", r"[\g<0>]", value),))
    return SqlClause(f"instr({column}, ?)" if part else f"{column} = ?", (value,))


def path_clause(term: QueryTerm) -> SqlClause:
    """The path from the folder of the library, which a slash in front stands for."""
    column = "'/' || v.path" if term.value.strip().startswith("/") else "v.path"
    return pattern_clause(column, term, part=True)


def folder_clause(term: QueryTerm) -> SqlClause:
    """A video in a folder, named from that of the library, or in one below it."""
    folder = fold(utf8(term.value.strip().strip("/")))
    if "*" in folder and not term.quoted:
        return pattern_clause("v.path", term._replace(value=f"{folder}/*"))
    return SqlClause("substr(v.path, 1, ?) = ?", (len(folder) + 1, f"{folder}/"))


def label_clause(term: QueryTerm) -> SqlClause:
    """A video that has a tag or a performer."""
    sql, values = pattern_clause("key", term)
    kind = "tag" if term.field.startswith("tag") else "performer"
    return SqlClause(
        f"v.id IN (SELECT video FROM labels WHERE kind = ? AND {sql})", (kind, *values)
    )


def having_attribute(key: str, condition: SqlClause) -> SqlClause:
    """A video in whose tags file a key has a value for which a condition holds."""
    sql = f"v.id IN (SELECT video FROM attributes WHERE key = ? AND {condition.sql})"
    return SqlClause(sql, (key, *condition.values))


def attribute_clause(term: QueryTerm) -> SqlClause:
    """The value of any key of a tags file, as text or compared: a number with a number, other text
    by its beginning, so that `date:<=2024` holds in all of that year."""
    key = fold(utf8(term.field.removeprefix(ATTRIBUTE_PREFIX)))
    if term.quoted or not re.search(r"^[<>=]|\.\.", term.value):
        return having_attribute(key, pattern_clause("text", term))
    conditions = [value_clause(sign, value) for sign, value in comparisons(term.value)]
    return having_attribute(key, SqlClause.joined("AND", conditions))


def value_clause(sign: str, value: str) -> SqlClause:
    """A value of a key compared with another."""
    value = fold(utf8(value))
    by_text = SqlClause(f"substr(text, 1, {len(value)}) {sign} ?", (value,))
    if not re.fullmatch(r"-?\d{1,18}(\.\d+)?", value):
        return by_text
    sql = f"CASE WHEN number IS NULL THEN {by_text.sql} ELSE number {sign} ? END"
    return SqlClause(sql, (*by_text.values, float(value)))


def rating_clause(term: QueryTerm) -> SqlClause:
    """The rating, 0 to 5."""
    return having_attribute("rating", amount_clause("number", read_rating, term))


def read_rating(text: str) -> float:
    """A rating. Raises ValueError with an example."""
    try:
        return checked_rating(text)
    except ValueError:
        raise ValueError(f"not 0 to {BEST_RATING}; say for example >=4 or 2..3.5") from None


def favourite_clause(term: QueryTerm) -> SqlClause:
    """Whether a video is a favourite. Raises ValueError."""
    is_wanted = yes_or_no(term.value.strip() or "yes")
    having = having_attribute("favourite", SqlClause("text IN (?, ?)", ("yes", "true")))
    return having if is_wanted else having._replace(sql=f"NOT ({having.sql})")


def yes_or_no(text: str) -> bool:
    """What a text means. Raises ValueError."""
    if fold(text) not in ("yes", "no"):
        raise ValueError("say yes or no")
    return YES_OR_NO[fold(text)]


def note_clause(term: QueryTerm) -> SqlClause:
    """Words of the note."""
    return having_attribute("note", pattern_clause("text", term, part=True))


def codec_clause(term: QueryTerm) -> SqlClause:
    """The video codec, the audio codec, or either."""
    term = term._replace(value=CODEC_NAMES.get(fold(term.value), term.value))
    columns = ["vcodec", "acodec"] if term.field == "codec" else [term.field]
    return SqlClause.joined("OR", [pattern_clause(f"coalesce(v.{c}, '')", term) for c in columns])


def extension_clause(term: QueryTerm) -> SqlClause:
    """The extension of the file's name, with or without its dot."""
    return pattern_clause("v.ext", term._replace(value="." + term.value.strip().lstrip(".")))


def kind_clause(term: QueryTerm) -> SqlClause:
    """Whether a kind of artifact exists (has), is fresh, is stale, or is missing."""
    name = fold(term.value)
    kind = next((k for k, artifact in ARTIFACTS.items() if name in (k, *artifact.aliases)), "")
    if not kind:
        raise ValueError(f"no such kind of artifact; there are {', '.join(ARTIFACTS)}")
    bit = list(ARTIFACTS).index(kind)
    column = f"v.{term.field}" if term.field in ("fresh", "stale") else "(v.fresh | v.stale)"
    return SqlClause(f"({column} >> {bit} & 1) = {int(term.field != 'missing')}")


def broken_clause(term: QueryTerm) -> SqlClause:
    """A video that is known to be broken, with a word of the reason or of what cannot be made."""
    return SqlClause("instr(lower(v.broken), ?)", (fold(utf8(term.value.strip())),))


def fault_clause(term: QueryTerm) -> SqlClause:
    """A video in which `verify` found a fault of that kind, with a word of what it was."""
    return SqlClause(f"instr(lower(v.{term.field}), ?)", (fold(utf8(term.value.strip())),))


def comparisons(text: str) -> list[tuple[str, str]]:
    """The (sign, value) that `90`, `>90`, `60..90` or `60..` ask for."""
    low, dots, high = text.lower().partition("..")
    if dots and (low or high):
        return [(sign, value.strip()) for sign, value in ((">=", low), ("<=", high)) if value]
    sign = next((s for s in (">=", "<=", ">", "<", "=") if text.startswith(s)), "")
    return [(sign or "=", text[len(sign) :].strip().lower())]


def amount_clause(expression: str, read: Callable[[str], float], term: QueryTerm) -> SqlClause:
    """An expression in SQL compared with values that `read` parses."""
    return between(expression, [(sign, read(value)) for sign, value in comparisons(term.value)])


def between(expression: str, bounds: Sequence[tuple[str, float]]) -> SqlClause:
    """An expression in SQL within (sign, value) bounds. Raises ValueError where no value can be."""
    least = max((value for sign, value in bounds if sign in (">", ">=")), default=-math.inf)
    most = min((value for sign, value in bounds if sign in ("<", "<=")), default=math.inf)
    if least > most:
        raise ValueError("ends before it begins")
    sql = " AND ".join(f"{expression} {sign} ?" for sign, _ in bounds)
    return SqlClause(sql, tuple(value for _, value in bounds))


def resolution_sql() -> str:
    """The one of RESOLUTIONS that people would name a picture by, in SQL; NULL where its size is
    not known. A picture has the lines of one in 16:9 that is as wide, where it has fewer itself,
    and may lack a twentieth of them."""
    lines = "max(min(v.width, v.height), max(v.width, v.height) * 9 / 16)"
    cases = " ".join(f"WHEN {lines} >= {n * 19 // 20} THEN {n}" for n in RESOLUTIONS)
    return f"CASE {cases} WHEN v.width > 0 THEN {RESOLUTIONS[-1]} END"


def read_resolution(text: str) -> float:
    """Lines in a text such as `1080p` or `4k`. Raises ValueError with an example."""
    match = re.fullmatch(r"(\d{1,5})p?", text)
    if not match and text not in RESOLUTION_NAMES:
        raise ValueError("not a resolution; say for example 1080p, 4k or >=720p")
    return float(match[1] if match else RESOLUTION_NAMES[text])


def encrypted_clause(term: QueryTerm) -> SqlClause:
    """Whether pictures or sound are encrypted, by the metadata. Raises ValueError."""
    return SqlClause(f"coalesce(v.encrypted, 0) = {int(yes_or_no(term.value))}")


def added_clause(term: QueryTerm) -> SqlClause:
    """When the file was written: an age such as `<7d`, or a time such as `>=2024-01-31`."""
    bounds = [bound for pair in comparisons(term.value) for bound in moment_bounds(*pair)]
    return between("v.mtime_ns", [(sign, clamp_to_64_bits(moment)) for sign, moment in bounds])


def watched_clause(term: QueryTerm) -> SqlClause:
    """Whether a video was watched to its end, or when: an age such as `<7d`, or a day."""
    if not term.value.strip():
        return SqlClause("v.watched NOT NULL")
    bounds = [bound for pair in comparisons(term.value) for bound in moment_bounds(*pair)]
    return between("v.watched", [(sign, moment / 1e9) for sign, moment in bounds])


def progress_clause(term: QueryTerm) -> SqlClause:
    """A video that was begun and not watched to its end, or how many percent of it were watched."""
    if not term.value.strip():
        return SqlClause("v.position > 0")
    return amount_clause("coalesce(v.progress, 0) * 100", read_percent, term)


def read_percent(text: str) -> float:
    """The number in a text such as `50%` or `50`. Raises ValueError with an example."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%?", text)
    if not match or float(match[1]) > 100:
        raise ValueError("not 0 to 100 percent; say for example >50% or 10%..90%")
    return float(match[1])


def moment_bounds(sign: str, text: str) -> list[tuple[str, int]]:
    """The (sign, ns) bounds of a time that a comparison with an age, a year, a month or a day sets.

    Raises ValueError with examples for any other text.
    """
    if age := re.fullmatch(r"(\d{1,5}(?:\.\d+)?)(h|d|w|mo|y)", text):
        opposite = {"<": ">", "<=": ">=", "=": ">=", ">": "<", ">=": "<="}[sign]
        return [(opposite, int((time.time() - float(age[1]) * AGES[age[2]]) * 1e9))]
    import datetime

    match = re.fullmatch(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", text)
    try:
        year, month, day = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
        begin = datetime.datetime(year, month or 1, day or 1)  # which refuses the year 0
        end = begin + datetime.timedelta(days=1)
        if not day:  # the month after it, else the year after it
            end = datetime.datetime(year + (not month or month == 12), (month or 12) % 12 + 1, 1)
        first, last = (int(moment.timestamp() * 1e9) for moment in (begin, end))
    except (ValueError, OverflowError):
        raise ValueError("not an age or a day; say for example <7d, >1y or 2024-01..") from None
    since, until = (">=", first), ("<", last)
    ways = {"<": [("<", first)], "<=": [until], ">": [(">=", last)], ">=": [since]}
    return ways.get(sign, [since, until])


def read_number(text: str) -> float:
    """The number in a text such as `1080` or `23.976`. Raises ValueError with an example."""
    if not re.fullmatch(r"\d{1,18}(\.\d+)?", text):
        raise ValueError("not a number; say for example >=1080 or 24..30")
    return float(text)


def read_length(text: str) -> float:
    """Seconds in a text such as `90`, `10m`, `1h30m`, `1:30` or `1:02:03`. Raises ValueError."""
    if re.fullmatch(r"\d{1,9}(:[0-5]?\d){1,2}(\.\d+)?", text):
        return parse_clock(text)
    match = LENGTH.fullmatch(text)
    if not match or not text:
        raise ValueError("not a length of time; say for example >90, <10m, 1h30m.. or >1:30:00")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def read_multiple(text: str, unit: str, example: str) -> float:
    """A number with k, m, g or t for powers of 1000 (ki, mi ... of 1024), and perhaps a unit, which
    is a pattern. Raises ValueError with the example."""
    match = re.fullmatch(rf"(\d{{1,18}}(?:\.\d+)?)(?:([kmgt])(i?))?(?:{unit})?", text)
    if not match:
        raise ValueError(f"not {example}")
    power = "kmgt".index(match[2]) + 1 if match[2] else 0
    return float(match[1]) * float(1024 if match[3] else 1000) ** power


def read_size(text: str) -> float:
    """Bytes in a text such as `1GB`, `700MiB` or `4096`. Raises ValueError."""
    return read_multiple(text, "b", "a size; say for example <1GB, >700MiB or 4096")


def read_bit_rate(text: str) -> float:
    """Bits per second in a text such as `5M` or `800kbit/s`. Raises ValueError."""
    return read_multiple(text, "b|bit|bps|bit/s", "a bit rate; say for example >5M or <800k")


QUERY_FIELDS: dict[str, Callable[[QueryTerm], SqlClause]] = {
    "tag": label_clause,
    "performer": label_clause,
    "name": functools.partial(pattern_clause, "v.name", part=True),
    "path": path_clause,
    "folder": folder_clause,
    "ext": extension_clause,
    "codec": codec_clause,
    "vcodec": codec_clause,
    "acodec": codec_clause,
    "duration": functools.partial(amount_clause, "round(v.duration, 1)", read_length),
    "size": functools.partial(amount_clause, "v.size", read_size),
    "width": functools.partial(amount_clause, "v.width", read_number),
    "height": functools.partial(amount_clause, "v.height", read_number),
    "fps": functools.partial(amount_clause, "v.fps", read_number),
    "bitrate": functools.partial(amount_clause, "v.bit_rate", read_bit_rate),
    "resolution": functools.partial(amount_clause, resolution_sql(), read_resolution),
    "encrypted": encrypted_clause,
    "added": added_clause,
    "has": kind_clause,
    "missing": kind_clause,
    "fresh": kind_clause,
    "stale": kind_clause,
    "broken": broken_clause,
    "damaged": fault_clause,
    "rotten": fault_clause,
    "rating": rating_clause,
    "favourite": favourite_clause,
    "note": note_clause,
    "watched": watched_clause,
    "progress": progress_clause,
    "date": attribute_clause,
    "oshash": functools.partial(pattern_clause, "v.oshash"),
}


# The orders of a listing in SQL; where one ends in DESC, the largest come first.
ORDERS = {
    "name": "v.path_key",
    "title": "v.name_key",
    "size": "v.size DESC",
    "duration": "v.duration DESC NULLS LAST",
    "added": "v.mtime_ns DESC",
    "height": "v.height DESC NULLS LAST",
    "bitrate": "v.bit_rate DESC NULLS LAST",
    "played": "v.played DESC NULLS LAST",
    "rating": "(SELECT a.number FROM attributes a WHERE a.video = v.id AND a.key = 'rating')"
    " DESC NULLS LAST",
    "random": "shuffled(v.rel, {seed})",
}


def order_by(sort: str) -> str:
    """One of ORDERS in SQL, reversed by a leading `-`; equal videos come in the order of paths.

    `random:7` is always the same shuffle, `random` another one each time. Raises UsageError.
    """
    name, _, seed = sort.removeprefix("-").partition(":")
    if name not in ORDERS or not re.fullmatch(r"\d{0,15}", seed):
        raise UsageError(f"{printable(sort)}: no such order; there are {', '.join(ORDERS)}")
    order = ORDERS[name].format(seed=seed or time.time_ns() % 10**9)
    if sort.startswith("-"):
        order = order.replace(" DESC", " ASC") if " DESC" in order else f"{order} DESC"
    return f"{order}, v.rel"


def place_by_name(rel: str) -> tuple[str, bytes]:
    """The sort key of a video, by its path, that gives the order `name` without a database."""
    return natural_key(utf8(rel)), os.fsencode(rel)


def shuffled(rel: bytes, seed: int) -> bytes:
    """The place of a video, by its path, in a shuffle: others that come or go do not change it."""
    from hashlib import blake2b

    return blake2b(rel, digest_size=8, key=str(seed).encode()).digest()
