"""Where numbers stand in a container: sizes, durations, rates, counts, tables, timestamps.

Each format is parsed as far as that needs: a list of places to lie at, not a demuxer. A place may
be wrong, which is but another mutation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

ISO_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex"}
ISO_PARENTS |= {b"udta", b"dinf"}
EBML_PARENTS = {"18538067", "1549a966", "1654ae6b", "ae", "e0", "e1", "1f43b675", "1c53bb6b", "bb"}
EBML_PARENTS |= {"b7", "a0", "114d9b74", "4dbb", "1254c367", "7373", "67c8", "6d80", "6240", "5034"}
ASF_FILE = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_PARENTS = {ASF_FILE, bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")}
MXF_KEY = bytes.fromhex("060e2b34")
TABLE = 96  # bytes at the beginning of a table, or of a header, in which each number is a place
TS_PACKET = 188


class Field(NamedTuple):
    """A number of so many bytes."""

    start: int
    length: int
    order: Literal["big", "little"] = "big"


def numbers(
    start: int, end: int, length: int, order: Literal["big", "little"] = "big"
) -> Iterator[Field]:
    """The numbers of one length, one after the other, at the beginning of a piece."""
    for place in range(start, min(end, start + TABLE) - length + 1, length):
        yield Field(place, length, order)


def fields_of(content: bytes) -> list[Field]:
    """The fields of a file in any of the formats below; none of others."""
    parsers = (
        (content[4:8] in (b"ftyp", b"moov", b"wide", b"mdat", b"free"), iso_fields),
        (content.startswith(b"\x1a\x45\xdf\xa3"), ebml_fields),
        (content.startswith(b"RIFF"), riff_fields),
        (content.startswith(b"FLV"), flv_fields),
        (content.startswith(b"OggS"), ogg_fields),
        (content.startswith(ASF_FILE), asf_fields),
        (content.startswith(MXF_KEY), mxf_fields),
        (content[:1] == b"\x47", mpegts_fields),
        (content[4:5] == b"\x47", mpegts_fields),  # M2TS has four bytes before each packet
        (content.startswith(b"\x00\x00\x01\xba"), mpegps_fields),
    )
    parser = next((parser for matches, parser in parsers if matches), None)
    return list(parser(content, 0, len(content))) if parser else []


def iso_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Sizes of the boxes of MP4 and MOV, and the numbers of those that have no boxes in them."""
    while start + 8 <= end:
        size, kind = int.from_bytes(content[start : start + 4]), content[start + 4 : start + 8]
        yield Field(start, 4)
        stop = start + size if size >= 8 else end
        if kind in ISO_PARENTS:
            yield from iso_fields(content, start + 8, min(stop, end))
        elif kind != b"mdat":
            yield from numbers(start + 8, min(stop, end), 4)
            yield from numbers(start + 8, min(stop, end), 2)
        start = stop


def ebml_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Sizes of the elements of Matroska and WebM, and what short ones hold; times of blocks."""
    while start < end:
        id_length = vint_length(content[start])
        kind, start = content[start : start + id_length].hex(), start + id_length
        if start >= end:
            return
        length = vint_length(content[start])
        size = int.from_bytes(content[start : start + length]) & (1 << 7 * length) - 1
        yield Field(start, length)
        start += length
        unknown = size == (1 << 7 * length) - 1  # of a stream: its children are to the end
        stop = end if unknown else min(start + size, end)
        if kind in EBML_PARENTS:
            yield from ebml_fields(content, start, stop)
        elif size and kind in ("a3", "a1"):
            yield Field(start, 1)
            yield Field(start + 1, 2)
        elif 0 < size <= 8:
            yield Field(start, size)
        start = stop


def vint_length(first: int) -> int:
    """How many bytes a number of EBML has that begins with this one."""
    return 9 - first.bit_length() if first else 1


def riff_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Sizes of the chunks of AVI, and the numbers of headers and of the index."""
    while start + 8 <= end:
        kind = content[start : start + 4]
        size = int.from_bytes(content[start + 4 : start + 8], "little")
        yield Field(start + 4, 4, "little")
        body, stop = start + 8, min(start + 8 + size, end)
        if kind in (b"RIFF", b"LIST"):
            yield from riff_fields(content, body + 4, stop)
        elif kind in (b"avih", b"strh", b"strf", b"idx1", b"indx", b"dmlh"):
            yield from numbers(body, stop, 4, "little")
        start = stop + size % 2


def flv_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Sizes and times of FLV's tags, and the doubles of its metadata."""
    start += 13
    while start + 11 <= end:
        size = int.from_bytes(content[start + 1 : start + 4])
        yield from (Field(start, 1), Field(start + 1, 3), Field(start + 4, 3), Field(start + 11, 1))
        if content[start] == 18:
            script = content[start + 11 : start + 11 + size]
            places = (
                i for i in range(len(script) - 9) if script[i] == 0 and script[i + 1] in b"@A"
            )
            yield from (Field(start + 11 + place + 1, 8) for place in places)
        start += 11 + size + 4


def ogg_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Flags, granules, serial and sequence numbers of Ogg's pages, and the headers behind them."""
    for page in places_of(content, b"OggS"):
        yield from (Field(page + 5, 1), Field(page + 6, 8, "little"), Field(page + 14, 4, "little"))
        yield from (Field(page + 18, 4, "little"), Field(page + 26, 1))
        if content[page + 5 : page + 6] == b"\x02":
            yield from numbers(page + 28, end, 2)


def asf_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Sizes of ASF's objects and the numbers of the short ones."""
    while start + 24 <= end:
        kind, size = (
            content[start : start + 16],
            int.from_bytes(content[start + 16 : start + 24], "little"),
        )
        yield Field(start + 16, 8, "little")
        stop = min(start + max(size, 24), end)
        if kind in ASF_PARENTS:
            header = 30 if kind == ASF_FILE else 46
            yield from asf_fields(content, start + header, stop)
        else:
            yield from numbers(start + 24, stop, 8, "little")
            yield from numbers(start + 24, stop, 4, "little")
        start = stop


def mxf_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Lengths of MXF's packets and the first numbers in them."""
    for place in places_of(content, MXF_KEY):
        yield Field(place + 16, 1)
        yield from numbers(place + 17, min(place + 57, end), 4)


def mpegts_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Headers of transport packets, tables of programs, and the times of their streams."""
    step = TS_PACKET if content[:1] == b"\x47" else TS_PACKET + 4
    for packet in range(step - TS_PACKET, end - TS_PACKET, step):
        yield from (Field(packet + 1, 2), Field(packet + 3, 1), Field(packet + 4, 1))
        head = content[packet : packet + TS_PACKET]
        if is_section(head):
            yield from numbers(packet + 5, packet + 45, 1)
        if (pes := head.find(b"\x00\x00\x01")) > 0:
            yield from (Field(packet + pes + 4, 2), Field(packet + pes + 7, 1))
            yield from numbers(packet + pes + 9, packet + pes + 19, 5)


def mpegps_fields(content: bytes, start: int, end: int) -> Iterator[Field]:
    """Clocks of packs, lengths and times of packets, headers of sequences."""
    for place in places_of(content, b"\x00\x00\x01"):
        code = content[place + 3 : place + 4]
        if code in (b"\xba", b"\xb3", b"\xb8"):
            yield from numbers(place + 4, min(place + 12, end), 4)
        elif code >= b"\xbc":
            yield Field(place + 4, 2)
            yield from numbers(place + 9, min(place + 19, end), 5)


def places_of(content: bytes, mark: bytes) -> Iterator[int]:
    """Where a mark is, from the first time on."""
    place = content.find(mark)
    while place >= 0:
        yield place
        place = content.find(mark, place + 1)


# === Checksums ====================================================================================

CRC_POLYNOMIAL = 0x04C11DB7


def crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (CRC_POLYNOMIAL if value >> 31 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table


CRC_TABLE = crc_table()


def crc(content: bytes, value: int) -> int:
    """The checksum that Ogg (from 0 on) and MPEG-TS (from all ones on) have: CRC-32, most
    significant bit first."""
    for byte in content:
        value = (value << 8 & 0xFFFFFFFF) ^ CRC_TABLE[value >> 24 ^ byte]
    return value


def repair_checksums(content: bytes) -> bytes:
    """The content with right checksums in the pages of an Ogg file, or the tables of a TS file."""
    if content.startswith(b"OggS"):
        return repair_pages(content)
    if content[:1] == b"\x47" or content[4:5] == b"\x47":
        return repair_tables(content)
    return content


def repair_pages(content: bytes) -> bytes:
    changed = bytearray(content)
    bounds = [*places_of(content, b"OggS"), len(content)]
    for start, end in itertools.pairwise(bounds):
        if end - start > 27:
            changed[start + 22 : start + 26] = bytes(4)
            value = crc(bytes(changed[start:end]), 0)
            changed[start + 22 : start + 26] = value.to_bytes(4, "little")
    return bytes(changed)


def is_section(packet: bytes) -> bool:
    """Whether a transport packet begins a table of programs or of one program's streams."""
    starts = len(packet) > 8 and packet[1] & 0x40 and packet[3] >> 4 & 3 == 1
    return bool(starts and packet[4] == 0 and packet[5] in (0, 2))


def repair_tables(content: bytes) -> bytes:
    changed = bytearray(content)
    step = TS_PACKET if content[:1] == b"\x47" else TS_PACKET + 4
    for packet in range(step - TS_PACKET, len(content) - TS_PACKET, step):
        if is_section(content[packet : packet + 9]):
            length = int.from_bytes(content[packet + 6 : packet + 8]) & 0x0FFF
            end = packet + 8 + length
            if 4 < length < TS_PACKET - 8:
                value = crc(bytes(changed[packet + 5 : end - 4]), 0xFFFFFFFF)
                changed[end - 4 : end] = value.to_bytes(4)
    return bytes(changed)
