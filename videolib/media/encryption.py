"""Encryption of streams, as the file itself declares it; libav reports little of it.

An encrypted stream often decodes without an error to a grey picture or to noise, so whether it is
encrypted has to be known before. `mark_encrypted` adds the scheme to the descriptions of streams.
A reader in READERS gives the schemes in a file of its format, by the ids of the streams.

Sources: ISO/IEC 14496-12 (boxes), ISO/IEC 23001-7 (Common Encryption), ISO/IEC 13818-1 (scrambling
in MPEG streams), the ASF specification, the Matroska specification (ContentEncryption).
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# Sample entries of protected streams (ISO/IEC 14496-12, 8.12) and of FairPlay.
PROTECTED_ENTRIES = frozenset({b"encv", b"enca", b"enct", b"encs", b"encm", b"encu"})
FAIRPLAY_ENTRIES = frozenset({b"drmi", b"drms", b"drmt"})
PIFF_SAMPLES = bytes.fromhex("a2394f525a9b4f14a2446c427c648df4")  # the uuid of PIFF's senc

SYNC_BYTE = 0x47  # begins each packet of a transport stream
PRIVATE_STREAM = 0xBD  # id of packets that hold AC-3 or subtitles; 0xC0 to 0xEF hold MPEG streams
CSS_FLAGS = (0x90, 0xA0, 0xB0)  # a PES header's marker, and a scrambling control other than 0

# Objects of an ASF header that say it is encrypted: content encryption, its extended form, and the
# advanced one; as GUIDs are stored.
ASF_ENCRYPTION = tuple(
    bytes.fromhex(guid)
    for guid in (
        "fbb31122 23bdd211 b4b700a0 c955fc6e",
        "14e68a29 2226174c b935dae0 7ee9289c",
        "33850543 8169e649 9b74ad12 cb86d58c",
    )
)

ALL_STREAMS = -1  # in place of a stream's id
LARGEST_BOX = 1 << 22  # bytes of a box that is read at once
HEAD = 1 << 20  # bytes of MPEG and ASF files that are looked at


def mark_encrypted(
    descriptor: int, container: str, streams: Sequence[dict[str, Any]]
) -> Sequence[dict[str, Any]]:
    """ffprobe's `streams` of an open file, after each that is encrypted got the name of its scheme
    as `encrypted`.

    `container`: libav's names of the format, with commas between.
    """
    names = container.split(",")
    read = next((READERS[name] for name in names if name in READERS), None)
    schemes = read(descriptor) if read else {}
    for number, stream in enumerate(streams):
        scheme = schemes.get(stream_id(stream, number)) or schemes.get(ALL_STREAMS)
        if "enc_key_id" in (stream.get("tags") or {}):  # what libav calls ContentEncKeyID
            scheme = "Matroska encryption"
        if scheme and stream.get("codec_type") in ("video", "audio"):
            stream["encrypted"] = scheme
    return streams


def stream_id(stream: Mapping[str, Any], number: int) -> int:
    """The id of a stream in its container, which old versions of ffprobe give for some formats
    only; else its number from 1, by which most MP4 files count tracks."""
    try:
        return int(str(stream.get("id")), 16)
    except ValueError:
        return number + 1


class Box(NamedTuple):
    """A box of an MP4 file: its type, and where its content lies in the file."""

    type: bytes
    start: int
    end: int


def boxes(descriptor: int, start: int, end: int) -> Iterator[Box]:
    """The boxes in a part of a file; a damaged one ends them."""
    while start + 8 <= end:
        head = os.pread(descriptor, 16, start)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1 and len(head) == 16:
            size, content = struct.unpack_from(">Q", head, 8)[0], start + 16
        elif size == 0:
            size = end - start
        if start + size < content:
            return
        yield Box(kind, content, min(start + size, end))
        start += size


def inner_box(descriptor: int, box: Box, *path: bytes) -> Box | None:
    """The first box at a path below a box, such as mdia, minf, stbl; None: there is none."""
    for kind in path:
        inner = (b for b in boxes(descriptor, box.start, box.end) if b.type == kind)
        if (first := next(inner, None)) is None:
            return None
        box = first
    return box


def read_box(descriptor: int, box: Box | None) -> bytes:
    """The content of a box, of a very large one the first part; empty for None."""
    return os.pread(descriptor, min(box.end - box.start, LARGEST_BOX), box.start) if box else b""


def mp4_schemes(descriptor: int) -> dict[int, str]:
    """The schemes of encrypted tracks by their ids: in the sample descriptions, and in every
    fragment of a fragmented file."""
    schemes: dict[int, str] = {}
    fragmented = False
    for box in boxes(descriptor, 0, os.fstat(descriptor).st_size):
        if box.type == b"moov":
            for part in boxes(descriptor, box.start, box.end):
                fragmented |= part.type == b"mvex"
                if part.type == b"trak" and (scheme := track_scheme(descriptor, part)):
                    schemes[track_id(descriptor, part)] = scheme
            if not fragmented:
                break
        elif box.type == b"moof" and fragmented:
            for part in boxes(descriptor, box.start, box.end):
                if part.type == b"traf" and has_encrypted_samples(descriptor, part):
                    schemes.setdefault(fragment_track_id(descriptor, part), "cenc")
    return schemes


def track_id(descriptor: int, track: Box) -> int:
    """The id in a track's header."""
    header = read_box(descriptor, inner_box(descriptor, track, b"tkhd"))
    offset = 20 if header[:1] == b"\x01" else 12  # with 64 bits for times
    return int.from_bytes(header[offset : offset + 4], "big")


def fragment_track_id(descriptor: int, part: Box) -> int:
    """The id of the track that a part of a fragment belongs to."""
    header = read_box(descriptor, inner_box(descriptor, part, b"tfhd"))
    return int.from_bytes(header[4:8], "big")


def track_scheme(descriptor: int, track: Box) -> str:
    """The scheme by a track's sample descriptions, or an empty string.

    It is the four letters in the scheme box of Common Encryption, or the type of the sample entry
    where there is no such box; `cenc` where only a list of encrypted samples shows it.
    """
    tables = inner_box(descriptor, track, b"mdia", b"minf", b"stbl")
    table = inner_box(descriptor, tables, b"stsd") if tables else None
    for entry in boxes(descriptor, table.start + 8, table.end) if table else ():
        if entry.type in FAIRPLAY_ENTRIES:
            return "FairPlay"
        if entry.type in PROTECTED_ENTRIES:
            return entry_scheme(read_box(descriptor, entry)) or entry.type.decode()
    return "cenc" if tables and has_encrypted_samples(descriptor, tables) else ""


def entry_scheme(entry: bytes) -> str:
    """The scheme that a sample entry names, such as cenc or cbcs, or an empty string."""
    at = entry.find(b"schm")
    scheme = entry[at + 8 : at + 12] if at >= 0 else b""
    return scheme.decode("ascii", "replace") if len(scheme) == 4 and scheme.isalnum() else ""


def has_encrypted_samples(descriptor: int, box: Box) -> bool:
    """Whether sample tables or a part of a fragment list encrypted samples (senc, or PIFF's)."""
    for inner in boxes(descriptor, box.start, box.end):
        if inner.type in (b"senc", b"uuid"):
            head = os.pread(descriptor, 24, inner.start)
            listed = inner.type == b"senc" or head[:16] == PIFF_SAMPLES
            if listed and head.removeprefix(PIFF_SAMPLES)[4:8].strip(b"\0"):  # how many samples
                return True
    return False


def transport_schemes(descriptor: int) -> dict[int, str]:
    """The scheme of each scrambled stream in an MPEG transport stream, by the id of its packets."""
    head = os.pread(descriptor, HEAD, 0)
    for size, offset in ((188, 0), (192, 4), (204, 0)):
        if set(head[offset : offset + 20 * size : size]) == {SYNC_BYTE}:
            break
    else:
        return {}
    if max(head[offset + 3 :: size], default=0) < 0x80:  # the bits of transport_scrambling_control
        return {}
    packets, scrambled = Counter[int](), Counter[int]()
    for at in range(offset, len(head) - 3, size):
        _, high, low, flags = head[at : at + 4]
        number = (high & 0x1F) << 8 | low
        packets[number] += bool(flags & 0x10)  # those with a payload
        scrambled[number] += flags >= 0x80
    # More than half of them: in a damaged file single packets look scrambled.
    return {n: "scrambled" for n, count in scrambled.items() if count > packets[n] / 2}


def program_schemes(descriptor: int) -> dict[int, str]:
    """The scheme of a DVD's programme stream (CSS) where it is scrambled, by PES_scrambling_control
    of the packet that begins each sector of 2048 bytes."""
    head = os.pread(descriptor, HEAD, 0)
    sectors = (head[at : at + 21] for at in range(0, len(head) - 20, 2048))
    packs = [s for s in sectors if s[:4] == b"\0\0\1\xba" and s[14:17] == b"\0\0\1"]
    media = [s for s in packs if s[17] == PRIVATE_STREAM or 0xC0 <= s[17] <= 0xEF]
    scrambled = sum(s[20] & 0xF0 in CSS_FLAGS for s in media)
    return {ALL_STREAMS: "CSS"} if scrambled > len(media) / 10 else {}


def asf_schemes(descriptor: int) -> dict[int, str]:
    """The scheme of an ASF file whose header has one of the objects that declare encryption."""
    head = os.pread(descriptor, HEAD, 0)
    header = head[: int.from_bytes(head[16:24], "little")]
    encrypted = any(guid in header for guid in ASF_ENCRYPTION)
    return {ALL_STREAMS: "Windows Media DRM"} if encrypted else {}


READERS = {
    "mov": mp4_schemes,
    "mpegts": transport_schemes,
    "mpeg": program_schemes,
    "asf": asf_schemes,
}
