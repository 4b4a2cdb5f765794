"""Mutations of documents: JSON with odd values and shapes, subtitles with odd times, any text."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from campaign.mutations import apply, mutations

# JSON texts of values that nobody expects, put where others were.
ODD_VALUES = (
    *("null", "true", "-1", "0", "1e308", "1e999", "-1e999", "NaN", "Infinity", "0.1", "[]", "{}"),
    *('""', '" "', '"a\\u0000b"', '"\\ud800"', '"../../x"', '"/etc/passwd"', '"a\\nb"'),
    *(str(10**18), str(-(10**19)), str(10**400), "9" * 5000, "[[[]]]", '{"": {"": []}}', "[1, 2]"),
    *('"1"', '"NaN"', '[null]', '["a", 1]', "[{}]", "1e-320", "2147483648", '"12:00"'),
    json.dumps("x" * 70_000),
    "[" * 3000 + "]" * 3000,
    '{"a":' * 3000 + "1" + "}" * 3000,
)  # fmt: skip
MARK = "\ufdd0{}\ufdd0"  # stands for an odd value until the document is text


def places_of(document: Any) -> list[tuple[Any, Any]]:
    """Every place of a value: what holds it, and its key or number there."""
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        holder = pending.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in items:
            places.append((holder, key))
            if isinstance(value, dict | list):
                pending.append(value)
    return places


def odd_document(content: bytes, rng: random.Random) -> bytes:
    """A JSON document with values of other types, keys that are gone, lists that are longer."""
    document = json.loads(content)
    values: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = places_of(document) if isinstance(document, dict | list) else []
        if not places:
            break
        holder, key = rng.choice(places)
        kind = rng.random()
        if kind < 0.65:
            holder[key] = MARK.format(len(values))
            values.append(rng.choice(ODD_VALUES))
        elif kind < 0.8:
            del holder[key]
        elif isinstance(holder, list):
            holder[key:key] = [holder[key]] * rng.choice((1, 3, 500))
        else:
            holder[rng.choice(("", "schema", "video", "source", "x", "é"))] = holder[key]
    text = json.dumps(document)
    for number, value in enumerate(values):
        text = text.replace(json.dumps(MARK.format(number)), value)
    return repeated_key(text, rng).encode() if rng.random() < 0.15 else text.encode()


def repeated_key(text: str, rng: random.Random) -> str:
    """The document with one of its keys twice, the first time with another value."""
    keys = list(re.finditer(r'"[a-z_]+": ', text))
    if not keys:
        return text
    key = rng.choice(keys)
    value = rng.choice(('["kept by nobody"]', "1", '"x"', "{}"))
    return f"{text[: key.start()]}{key[0]}{value}, {text[key.start() :]}"


def odd_lines(content: bytes, rng: random.Random) -> bytes:
    """Subtitles, or other lines, some of which say something else or stand elsewhere."""
    lines = content.decode(errors="replace").splitlines()
    for _ in range(rng.choice((1, 2, 5))):
        if not lines:
            break
        number = rng.randrange(len(lines))
        times = (
            "-1:00:00.000",
            "99999999:00:00.000",
            "00:00:61.000",
            "NaN",
            "\u0661:\u0660",
            "",
            "9" * 5000,
        )
        choices = (
            re.sub(r"[\d:.,]+(?= -->)", rng.choice(times), lines[number]),
            re.sub(r"(?<=--> )[\d:.,]+", rng.choice(times), lines[number]),
            lines[number].replace("-->", "->"),
            lines[number] * rng.choice((0, 2, 3000)),
            "\0" + lines[number],
            "{\\an8}" * 500 + "<i>" * 500 + lines[number],
            rng.choice(("WEBVTT", "NOTE x", "STYLE", "1", "\ufeff", "\r", "\u2028", "&lt;&#0;")),
        )
        lines[number] = rng.choice(choices)
        lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return rng.choice(("\n", "\r\n", "\r")).join(lines).encode()


def odd_bytes(content: bytes, rng: random.Random) -> bytes:
    """Any text in other bytes: another encoding, cut off, empty, with bytes that are no text."""
    place = rng.randrange(len(content) + 1)
    choices = (
        b"\xef\xbb\xbf" + content,
        content.decode(errors="replace").encode("utf-16"),
        content.decode(errors="replace").encode("latin-1", "replace"),
        content[:place] + b"\xff\xfe\xc3" + content[place:],
        content[:place],
        content[:place] + bytes(rng.choice((1, 5000))),
        b"",
        b"\n",
        rng.choice(ODD_VALUES).encode(),
        content + content,
        b"[" * 100_000,
        apply(content, mutations(content, rng)) if content else b"x",
    )
    return rng.choice(choices)


def mutated(name: str, content: bytes, rng: random.Random) -> bytes:
    """What a file of this name holds after something went wrong with it."""
    if rng.random() < 0.3 or not content:
        return odd_bytes(content, rng)
    if name.endswith((".vtt", ".srt", ".csv")):
        return odd_lines(content, rng)
    try:
        return odd_document(content, rng)
    except (ValueError, RecursionError):  # no JSON, or what an earlier mutation left
        return apply(content, mutations(content, rng))


def before_renaming(content: bytes) -> object:
    """What JSON holds, keys that stand twice too, as if a reader had not renamed a.mp4: files name
    their video, and follow it. What is no JSON stays as it is."""
    try:
        held = json.loads(content, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return content
    return re.sub(r"\b[yz]\.mp4'", "a.mp4'", repr(held))


def is_sound(content: bytes, original: bytes) -> bool:
    """Whether a JSON file is still of the form of its original: an object, each key once, lists
    where lists were. What is not should be left as it is, for its owner."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    try:
        one, other = (json.loads(text, object_pairs_hook=unique) for text in (content, original))
    except (ValueError, RecursionError):
        return False
    return isinstance(one, dict) and all(
        isinstance(one.get(key, value), list)
        for key, value in other.items()
        if isinstance(value, list)
    )
