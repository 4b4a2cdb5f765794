"""Text for people (sizes, times, tables, printable names), and plain values out of files."""

from __future__ import annotations

import math
import os
import re
import time
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from unicodedata import east_asian_width as east_asian


def clock(seconds: float, millis: bool = False) -> str:
    """Seconds as `H:MM:SS` for people, or as WebVTT's `HH:MM:SS.mmm`."""
    total = round(min(seconds, 1e9) * 1000)  # a sidecar may say anything
    hours, minutes, secs = total // 3_600_000, total // 60_000 % 60, total // 1000 % 60
    if millis:
        return f"{hours:02}:{minutes:02}:{secs:02}.{total % 1000:03}"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def human_size(size: float) -> str:
    """Bytes in binary units with one decimal."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(name: str) -> str:
    """A name that is safe to print on a terminal: control characters and undecodable bytes are
    escaped."""
    if name.isascii() and name.isprintable():
        return name
    return re.sub(
        UNPRINTABLE, lambda m: m[0].encode("unicode_escape", "surrogatepass").decode("ascii"), name
    )


def utf8(text: str) -> str:
    """Text whose undecodable bytes (lone surrogates) are escaped, so that every reader takes it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 video`, `1,234 videos`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The end of a message about an unknown word: the name that is nearest to it; empty where none
    is near."""
    import difflib

    near = difflib.get_close_matches(word, list(names), 1)
    return f"; did you mean {near[0]}?" if near else ""


def wrapped(doc: str, width: int) -> str:
    """A docstring as paragraphs of lines of that width, an empty line between them."""
    import textwrap

    paragraphs = re.split(r"\n\s*\n", doc.strip())
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in paragraphs)


def display_width(text: str) -> int:
    """Columns of a terminal that a text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (east_asian(c) in ("W", "F"))
        for c in text
    )


def shortened(text: str, width: int) -> str:
    """A text of at most that many columns of a terminal: of a longer one, beginning and end."""
    if display_width(text) <= width:
        return text
    # Nothing of the middle will stay: what follows takes the square of the length.
    head, tail = text if len(text) < 8 * width else text[: 4 * width] + text[-4 * width :], ""
    while head and display_width(tail) < width // 2 - 1:
        head, tail = head[:-1], head[-1] + tail
    while display_width(head) + 1 + display_width(tail) > width:
        head = head[:-1]
    return f"{head}…{tail}"


def table(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Rows in columns aligned for a terminal: those of the numbers `left` to the left, the others
    to the right."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        pads = [" " * (w - display_width(cell)) for cell, w in zip(row, widths, strict=True)]
        cells = [
            cell + pad if column in left else pad + cell
            for column, (cell, pad) in enumerate(zip(row, pads, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def iso_time(seconds: float | None = None, millis: bool = False) -> str:
    """A time in seconds since 1970, or this moment, as ISO 8601 in UTC: `2026-01-31T01:02:03Z`."""
    seconds = time.time() if seconds is None else seconds
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return text + (f".{int(seconds * 1000) % 1000:03}Z" if millis else "Z")


def human_date(seconds: float, with_time: bool = False) -> str:
    """A time in seconds since 1970 as a date for people, in UTC; `?` for one that has none."""
    try:
        return time.strftime("%Y-%m-%d" + " %H:%M:%S" * with_time, time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "?"


def fold(text: str) -> str:
    """Text without case and composed (NFC): equal for names that people, and some file systems,
    take for the same."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


NUMBER = re.compile(r"0*(\d+)")


def natural_key(path: str) -> str:
    """A key that sorts paths as people do: without case and accents, numbers by their value (`film
    2` before `film 10`), folder by folder, `film.mp4` before `film 2.mp4`. That of a folder ends in
    a slash."""
    key = fold(path)
    if not key.isascii():
        key = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", key))
        key = re.sub(r"\d", lambda digit: str(int(digit[0])), key)  # of every script
    stem, dot, extension = key.rpartition(".")
    if dot and "/" not in extension:
        key = f"{stem}\x02{extension}"
    return NUMBER.sub(_number_key, key).replace("/", "\x01")


def _number_key(number: re.Match[str]) -> str:
    """The digits of a number after how many they are, so that the longer one is the larger."""
    return f"{min(len(number[1]), 99):02}{number[1]}"


def parse_clock(text: str) -> float:
    """Seconds of `01:02:03.456` or `2:03,4`. Raises ValueError."""
    total = 0.0
    for part in text.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return round(total, 3)


LARGEST_INTEGER = 2**63 - 1


def clamp_to_64_bits(number: int) -> int:
    """The number, or the nearest one that an SQLite column holds."""
    return max(min(number, LARGEST_INTEGER), -LARGEST_INTEGER)


def to_float(value: Any) -> float | None:
    """A finite number, or one written as a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def positive_number(value: Any) -> float:
    """A number as `to_float` gives it; 0 for anything else, and for one that is not positive or not
    below 1e15."""
    number = to_float(value) or 0.0
    return number if 0 < number < 1e15 else 0.0


def to_int(value: Any) -> int | None:
    """The integer part of a number, or of one written as a string, within 64 bits; else None."""
    number = to_float(value)
    return None if number is None or abs(number) >= LARGEST_INTEGER else int(number)


def to_frame_rate(value: Any) -> float | None:
    """Frames per second of `30000/1001`, rounded to thousandths; None for anything else."""
    numerator, _, denominator = str(value).partition("/")
    frames, seconds = to_float(numerator), to_float(denominator or "1")
    rate = to_float(frames / seconds) if frames and seconds else None
    return None if rate is None else round(rate, 3)


def short_text(value: Any) -> str | None:
    """A string without undecodable bytes, cut off after 100 characters; None for anything else."""
    return utf8(value[:100]) if isinstance(value, str) else None


def finite_mean(values: Iterable[float]) -> float:
    """The mean of the finite values; infinite where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.inf


def url_quoted(name: str) -> str:
    """A name or path percent-encoded for a URL, undecodable bytes included; slashes stay."""
    import urllib.parse

    return urllib.parse.quote(os.fsencode(name))


# How a list of names is written on the command line.
NAMES_HELP = 'comma-separated; a name with a comma in it stands in quotes: "Doe, Jane"'


def split_names(text: str) -> list[str]:
    """The names in a comma-separated text; one that has a comma itself, or begins with a quote, is
    quoted as in CSV. Raises ValueError for a text that cannot be read so.
    """
    import csv

    if '"' not in text:
        return [name.strip() for name in text.split(",")]
    try:
        (names,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise ValueError('should be names as in "Doe, Jane",Roe') from None
    return list(map(str.strip, names))


def joined_names(names: Iterable[str]) -> str:
    """The text from which `split_names` reads these names."""
    return ", ".join(
        '"' + name.replace('"', '""') + '"' if "," in name or name.startswith('"') else name
        for name in names
    )
