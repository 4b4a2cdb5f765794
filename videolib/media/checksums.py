"""Checksums of a file's bytes: by blocks, which prove that nothing changed, and by small pieces,
which show where something did.

Blocks have BLAKE3, which is the fastest of what is strong enough: 3.2 GiB/s on one core where this
was written, and hashlib's SHA-256 has 1.5, its BLAKE2b 0.75. Pieces have CRC-32 (zlib, 3.5 GiB/s):
they are only compared within a block that is known to differ.
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from videolib.core.errors import VideoError

ALGORITHM = "blake3"
BLOCK = 16 << 20  # bytes
READ = 1 << 20  # bytes read at a time: they are still in the processor's cache when they are hashed
# Bytes of the smallest piece, and how many pieces a file has at most, unless they would be larger
# than a block: in a film of two hours one is less than a second.
SMALLEST_PIECE, MOST_PIECES = 4096, 8192
CRC_DIGITS = 8


class ByteRange(NamedTuple):
    """Bytes of a file from `start` to before `end`."""

    start: int
    end: int


class BlockSums(NamedTuple):
    """The digest of a block, and the CRC-32 of each of its pieces, both in hexadecimal."""

    digest: str
    crcs: str


def piece_size(size: int) -> int:
    """Bytes of a piece of a file of `size` bytes: a power of two."""
    piece = SMALLEST_PIECE
    while piece < BLOCK and piece * MOST_PIECES < size:
        piece *= 2
    return piece


def block_ranges(size: int, block: int) -> list[ByteRange]:
    """The blocks of a file of `size` bytes."""
    return [ByteRange(at, min(at + block, size)) for at in range(0, size, block)]


def read_pieces(descriptor: int, span: ByteRange, step: int) -> Iterator[memoryview]:
    """The bytes of a part of a file, `step` at a time, in one buffer. Raises VideoError where the
    disk cannot read them, or the file ends before."""
    buffer = memoryview(bytearray(min(step, span.end - span.start)))
    for at in range(span.start, span.end, step):
        part = buffer[: min(step, span.end - at)]
        done = 0
        while done < len(part):
            try:
                count = os.preadv(descriptor, [part[done:]], at + done)
            except OSError as error:
                raise VideoError(
                    f"its bytes from {at + done:,} on cannot be read ({error.strerror}): "
                    "the disk may be failing"
                ) from None
            if not count:
                raise VideoError("unstable: it became shorter during the run, nothing was stored")
            done += count
        yield part


def block_sums(descriptor: int, span: ByteRange, piece: int = 0) -> BlockSums:
    """The digest of a block and the sums of its pieces of `piece` bytes; 0: of none.

    The system reads the block behind it meanwhile.
    """
    import blake3

    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, span.end, BLOCK, os.POSIX_FADV_WILLNEED)
    digest, crcs = blake3.blake3(), list[str]()
    for part in read_pieces(descriptor, span, max(READ, piece)):
        digest.update(part)
        if piece:
            sums = (zlib.crc32(part[at : at + piece]) for at in range(0, len(part), piece))
            crcs += [f"{crc:0{CRC_DIGITS}x}" for crc in sums]
    return BlockSums(digest.hexdigest(), "".join(crcs))


class FileHasher:
    """Hashes a file in a thread while something else reads it, block by block: what was just read
    is in the system's cache, so that the disk is read once.

    `on_progress` gets the bytes done and all there are, once the other has ended.
    """

    def __init__(self, descriptor: int, size: int, on_progress: Callable[[int, int], None]) -> None:
        self.descriptor, self.size, self.piece = descriptor, size, piece_size(size)
        self.on_progress = on_progress
        self.waiting = deque(block_ranges(size, BLOCK))
        self.sums: list[Future[BlockSums]] = []
        self.executor = ThreadPoolExecutor(1)

    def __enter__(self) -> FileHasher:
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.shutdown(cancel_futures=True)

    def advance(self, position: int) -> None:
        """Hash the blocks that end at or before a position, to which the file was read."""
        while self.waiting and self.waiting[0].end <= position:
            span = self.waiting.popleft()
            future = self.executor.submit(block_sums, self.descriptor, span, self.piece)
            self.sums.append(future)

    def finish(self) -> dict[str, Any]:
        """The checksums of the whole file, as they stand in a record. Raises VideoError where bytes
        cannot be read."""
        self.advance(self.size)
        sums = list[BlockSums]()
        for span, future in zip(block_ranges(self.size, BLOCK), self.sums, strict=True):
            sums.append(future.result())
            self.on_progress(span.end, self.size)
        return {
            "algorithm": ALGORITHM,
            "block_size": BLOCK,
            "piece_size": self.piece,
            "blocks": [block.digest for block in sums],
            "pieces": "".join(block.crcs for block in sums),
        }


def changed_ranges(
    descriptor: int,
    size: int,
    checksums: Mapping[str, Any],
    on_progress: Callable[[int, int], None],
) -> list[ByteRange]:
    """Where a file of `size` bytes differs from its recorded checksums: to the piece. Raises
    VideoError where bytes cannot be read.

    `on_progress` gets the bytes done, and all there are.
    """
    block, piece = checksums["block_size"], checksums["piece_size"]
    changed: list[ByteRange] = []
    for number, span in enumerate(block_ranges(size, block)):
        if block_sums(descriptor, span).digest != checksums["blocks"][number]:
            crcs = block_sums(descriptor, span, piece).crcs
            first = number * (block // piece) * CRC_DIGITS
            recorded = checksums["pieces"][first : first + len(crcs)]
            changed += differing_pieces(span, piece, crcs, recorded) or [span]
        on_progress(span.end, size)
    return joined(changed)


def differing_pieces(span: ByteRange, piece: int, crcs: str, others: str) -> list[ByteRange]:
    """The pieces of a block whose sums differ."""
    return [
        ByteRange(start, min(start + piece, span.end))
        for at, start in enumerate(range(span.start, span.end, piece))
        if crcs[at * CRC_DIGITS :][:CRC_DIGITS] != others[at * CRC_DIGITS :][:CRC_DIGITS]
    ]


def joined(ranges: list[ByteRange]) -> list[ByteRange]:
    """Ranges in their order, those that touch joined to one."""
    result: list[ByteRange] = []
    for span in ranges:
        if result and result[-1].end == span.start:
            result[-1] = ByteRange(result[-1].start, span.end)
        else:
            result.append(span)
    return result
