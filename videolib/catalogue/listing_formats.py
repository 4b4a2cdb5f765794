"""Listings for a terminal, as a table, and for other programs: CSV, JSON lines, M3U8, paths."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from videolib.catalogue.listings import listing_line
from videolib.core.errors import UsageError
from videolib.core.text import (
    clock,
    did_you_mean,
    display_width,
    human_date,
    human_size,
    plural,
    printable,
    shortened,
    table,
)
from videolib.media.choices import ListingFormat
from videolib.storage.faults import faults_in

Entry = Mapping[str, Any]  # the JSON of a video in a listing

SHORT_FIELDS = ("name", "duration", "resolution", "vcodec", "acodec", "state")
LONG_FIELDS = (
    *("name", "size", "mtime", "duration", "resolution"),
    *("fps", "bit_rate", "vcodec", "acodec", "state"),
)
FILE_FIELDS = ("path", "size", "mtime", "duration", "width", "height", "vcodec", "acodec")
FIELDS = tuple(dict.fromkeys((*LONG_FIELDS, *FILE_FIELDS)))
LEFT = frozenset({"name", "path", "vcodec", "acodec", "state"})  # text, not numbers
NARROWEST_NAME = 20  # columns of a terminal that a name keeps
UNLIMITED = 10_000  # columns of what is no terminal


class ListingStyle(NamedTuple):
    """How a listing is shown; `auto` is a table on a terminal, and lines elsewhere unless `fields`
    or `long` ask for columns. `size`: with the sizes of files."""

    format: ListingFormat
    fields: Sequence[str]
    long: bool
    size: bool

    def file(self, rows: Sequence[tuple[str, Entry]]) -> bytes | None:
        """Rows (path in the library, JSON) in a format for other programs, if one is asked for."""
        if self.format == "auto":
            return None
        return listing_file(self.format, [e for _, e in rows], self.fields or FILE_FIELDS)

    def text(self, rows: Sequence[tuple[str, Entry]]) -> str:
        """The rows for people; "" where they are for another program."""
        if self.format != "auto":
            return ""
        on_terminal = sys.stdout is not None and sys.stdout.isatty()
        if not (rows and (on_terminal or self.fields or self.long)):
            return "\n".join(listing_line(rel, entry, self.size) for rel, entry in rows)
        width = shutil.get_terminal_size().columns if on_terminal else UNLIMITED
        return listing_table(rows, self.fields or default_fields(self.long, self.size), width)


def default_fields(long: bool, with_size: bool) -> tuple[str, ...]:
    """The columns of a table where none are asked for."""
    if long:
        return LONG_FIELDS
    return ("name", "size", *SHORT_FIELDS[1:]) if with_size else SHORT_FIELDS


def checked_fields(names: Sequence[str]) -> tuple[str, ...]:
    """The fields by these names. Raises UsageError for one that there is not."""
    for name in names:
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f"; there are {', '.join(FIELDS)}"
            raise UsageError(f"--fields {printable(name)}: no such field{hint}")
    return tuple(names)


def field_value(entry: Entry, field: str) -> Any:
    """A field of a video as data; None where it is not known."""
    if field == "resolution":
        known = {"width", "height"} <= entry.keys()
        return f"{entry['width']}x{entry['height']}" if known else None
    if field == "state":
        encrypted = ["encrypted"] if "encrypted" in entry else []
        broken = [f"broken: {failure['reason']}" for failure in entry.get("broken", ())]
        return "; ".join([*encrypted, *broken, *faults_in(entry).values()]) or None
    return entry.get(field)


def cell(rel: str, entry: Entry, field: str) -> str:
    """A field of a video as people read it."""
    value: Any = rel if field == "name" else field_value(entry, field)
    if value is None:
        return ""
    if field == "size":
        return human_size(value)
    if field == "mtime":
        return human_date(value)
    if field == "duration":
        return short_clock(value)
    if field == "bit_rate":
        return f"{value / 1000:,.0f} kb/s"
    return printable(f"{value:g}" if isinstance(value, float) else str(value))


def short_clock(seconds: float) -> str:
    """Seconds as `H:MM:SS`; below a minute with tenths, as `0:03.4`."""
    tenths = round(seconds * 10)
    return f"0:{tenths // 10:02}.{tenths % 10}" if 0 <= tenths < 600 else clock(seconds)


def listing_table(rows: Sequence[tuple[str, Entry]], fields: Sequence[str], width: int) -> str:
    """Rows (path in the library, JSON) as a table of that many columns of a terminal, with a header
    and a total. Columns that are empty everywhere are left out; long names are shortened."""
    cells = {field: [cell(rel, entry, field) for rel, entry in rows] for field in fields}
    shown = [field for field in fields if any(cells[field]) or field == "name"]
    if "name" in shown:
        others = [[field, *cells[field]] for field in shown if field != "name"]
        taken = sum(2 + max(map(display_width, column)) for column in others)
        room = max(width - taken, NARROWEST_NAME)
        cells["name"] = [shortened(name, room) for name in cells["name"]]
    lines = zip(*(cells[field] for field in shown), strict=True)
    left = {column for column, field in enumerate(shown) if field in LEFT}
    return "\n".join([table([shown, *map(list, lines)], left), total_line(rows)])


def total_line(rows: Sequence[tuple[str, Entry]]) -> str:
    """How many videos there are, how large, and how long as far as that is known."""
    size = sum(entry["size"] for _, entry in rows)
    seconds = sum(entry.get("duration", 0.0) for _, entry in rows)
    parts = [plural(len(rows), "video"), human_size(size), clock(seconds) if seconds else ""]
    return ", ".join(filter(None, parts))


def listing_file(made: ListingFormat, entries: Sequence[Entry], fields: Sequence[str]) -> bytes:
    """The listing in a format for other programs, with the bytes of file names as they are."""
    if made == "paths0":
        return b"".join(os.fsencode(entry["path"]) + b"\0" for entry in entries)
    if made == "m3u8":
        return playlist(entries)
    rows = [{field: field_value(entry, field) for field in fields} for entry in entries]
    if made == "jsonl":
        lines = [{name: value for name, value in row.items() if value is not None} for row in rows]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    writer.writerows(rows)
    return os.fsencode(text.getvalue())


def playlist(entries: Sequence[Entry]) -> bytes:
    """Extended M3U with absolute paths; as a URI where a path has more than one line."""
    lines = ["#EXTM3U"]
    for entry in entries:
        path, seconds = entry["path"], entry.get("duration", -1)
        is_plain = not {"\n", "\r"} & set(path)
        title = printable(entry["name"])
        lines += [f"#EXTINF:{seconds:.0f},{title}", path if is_plain else Path(path).as_uri()]
    return os.fsencode("\n".join(lines) + "\n")
