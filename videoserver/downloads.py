"""Files as answers: whole, by byte ranges, or only the word that the client has them already.

A file is opened once: its size, its version and its bytes come from that descriptor, so that a file
which grows, is replaced or is deleted meanwhile is sent as it was when it was opened.
"""

from __future__ import annotations

import math
import os
import secrets
import stat
from collections.abc import AsyncIterator, Iterable
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from videolib.core.confinement import inheriting, open_path
from videoserver.compression import is_text
from videoserver.http import is_number

CHUNK_SIZE = 256 * 1024  # bytes that are read and sent at a time
WHOLE_SIZE = (
    4 * 1024 * 1024
)  # bytes up to which text is sent in one piece, so that it is compressed
FOREVER = (
    "private, max-age=31536000, immutable"  # of what another address stands for once it changes
)
RANGE_LIMIT = 8  # ranges of one request; with more of them the whole file is sent

ByteRange = tuple[int, int]  # of a file: the first byte, and the one after the last


class ShortFileError(Exception):
    """A file has lost bytes that the headers of its answer promise."""


class FileDownload(Response):
    """The answer with a file, or the ranges of it that are asked for; 304 where the client has it.

    Sending it raises HTTPException 404 where there is no such file any more, 416 for a range beyond
    its end; ShortFileError where bytes are missing when the headers are sent already. The file is
    opened as confined as the answer was made. An answer that is `fixed` has a version in its
    address: clients need not ask again.
    """

    def __init__(self, path: str | Path, media_type: str, *, fixed: bool = False) -> None:
        super().__init__(media_type=media_type)
        self.path, self.open = path, inheriting(open_regular_file)
        self.caching = FOREVER if fixed else "private, no-cache"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        descriptor, status = await to_thread.run_sync(self.open, self.path)
        try:
            response = await self.response(Request(scope), descriptor, status)
            await response(scope, receive, send)
        finally:
            os.close(descriptor)

    async def response(self, request: Request, descriptor: int, status: os.stat_result) -> Response:
        """The answer with the file that was opened; `status` is its stat."""
        size = status.st_size
        etag = f'"{status.st_mtime_ns:x}-{size:x}"'
        modified = formatdate(status.st_mtime, usegmt=True)
        headers = {"etag": etag, "cache-control": self.caching, "last-modified": modified}
        if is_unchanged(request, etag, status.st_mtime):
            return Response(status_code=304, headers=headers)
        headers["accept-ranges"] = "bytes"
        media_type = str(self.media_type)
        is_range_valid = request.headers.get("if-range", etag) in (etag, modified)
        ranges = requested_ranges(request, size) if is_range_valid else []
        parts: list[bytes | ByteRange] = [*(ranges or [(0, size)])]
        if len(ranges) == 1:
            headers["content-range"] = content_range(ranges[0], size)
        elif ranges:
            boundary = secrets.token_hex(13)
            parts = multipart(ranges, boundary, media_type, size)
            media_type = f"multipart/byteranges; boundary={boundary}"
        headers["content-length"] = str(sum(map(part_length, parts)))
        code = 206 if ranges else 200
        if request.method == "HEAD":
            return Response(None, code, headers, media_type)
        if code == 200 and size <= WHOLE_SIZE and is_text(media_type):
            content = await to_thread.run_sync(inheriting(read_whole), descriptor, size)
            return Response(content, code, headers, media_type)
        return StreamingResponse(read_parts(descriptor, parts), code, headers, media_type)


def bytes_response(request: Request, content: bytes, media_type: str, etag: str) -> Response:
    """The answer with bytes, or the one range of them that is asked for; 304 where the client has
    them. Raises HTTPException 416."""
    headers = {"etag": etag, "cache-control": "private, max-age=3600", "accept-ranges": "bytes"}
    if is_unchanged(request, etag, math.inf):
        return Response(status_code=304, headers=headers)
    ranges = requested_ranges(request, len(content))
    if len(ranges) != 1:
        return Response(content, 200, headers, media_type)
    start, end = ranges[0]
    headers["content-range"] = content_range(ranges[0], len(content))
    return Response(content[start:end], 206, headers, media_type)


def open_regular_file(path: str | Path) -> tuple[int, os.stat_result]:
    """A descriptor of a file and its stat. Raises HTTPException 404 where it is no file."""
    try:  # a pipe must not wait for its writer
        descriptor = open_path(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        raise HTTPException(404, "is gone") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise HTTPException(404, "is no file")
    return descriptor, status


def read_whole(descriptor: int, size: int) -> bytes:
    """The first `size` bytes of a file. Raises ShortFileError."""
    try:
        content = os.pread(descriptor, size, 0)
    except OSError as error:
        raise ShortFileError from error
    if len(content) < size:
        raise ShortFileError
    return content


async def read_parts(descriptor: int, parts: Iterable[bytes | ByteRange]) -> AsyncIterator[bytes]:
    """The body of an answer: bytes as they are, ranges from the file. Raises ShortFileError."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        start, end = part
        while start < end:
            length = min(CHUNK_SIZE, end - start)
            try:
                chunk = await to_thread.run_sync(os.pread, descriptor, length, start)
            except OSError as error:
                raise ShortFileError from error
            if not chunk:
                raise ShortFileError
            start += len(chunk)
            yield chunk


# === Conditions and ranges of a request ===========================================================


def is_unchanged(request: Request, etag: str, mtime: float) -> bool:
    """Whether the client has this version of a file already (RFC 9110, section 13.1)."""
    if_none_match = request.headers.get("if-none-match")
    if if_none_match is not None:
        etags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return if_none_match.strip() == "*" or etag in etags
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return int(mtime) <= since.timestamp()
    except (ValueError, OverflowError):
        return False


def requested_ranges(request: Request, size: int) -> list[ByteRange]:
    """The ranges that a request asks for of a file of `size` bytes, in order and without overlap;
    empty where it asks for none, or in a way that makes no sense (RFC 9110, section 14.2).

    Raises HTTPException 416 for a range beyond the end.
    """
    unit, _, text = request.headers.get("range", "").replace(" ", "").partition("=")
    fields = [field.partition("-") for field in text.split(",")]
    # Either end of a range may be left out, but not both.
    pairs = [(a, b) for a, dash, b in fields if dash and is_number(a or b) and is_number(b or a)]
    ordered = all(not (a and b) or int(a) <= int(b) for a, b in pairs)
    if unit != "bytes" or len(pairs) != len(fields) or len(fields) > RANGE_LIMIT or not ordered:
        return []
    if any(int(a) >= size if a else int(b) == 0 or not size for a, b in pairs):
        raise HTTPException(416, "is beyond the end", {"content-range": f"bytes */{size}"})
    return merged_ranges(
        (int(a), min(int(b) + 1, size) if b else size) if a else (max(size - int(b), 0), size)
        for a, b in pairs
    )


def merged_ranges(ranges: Iterable[ByteRange]) -> list[ByteRange]:
    """The same bytes in order, with one range for those that overlap or touch."""
    merged: list[ByteRange] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def content_range(byte_range: ByteRange, size: int) -> str:
    """The Content-Range header of a range of a file of `size` bytes."""
    start, end = byte_range
    return f"bytes {start}-{end - 1}/{size}"


def multipart(
    ranges: Iterable[ByteRange], boundary: str, media_type: str, size: int
) -> list[bytes | ByteRange]:
    """The parts of a body with several ranges (RFC 9110, section 14.6)."""
    parts: list[bytes | ByteRange] = []
    for byte_range in ranges:
        span = content_range(byte_range, size)
        head = f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {span}\r\n\r\n"
        parts += [head.encode(), byte_range, b"\r\n"]
    return [*parts, f"--{boundary}--".encode()]


def part_length(part: bytes | ByteRange) -> int:
    return len(part) if isinstance(part, bytes) else part[1] - part[0]


def vtt_response(content: bytes) -> Response:
    """Subtitles in WebVTT, which clients ask for again."""
    headers = {"cache-control": "private, no-cache"}
    return Response(content, headers=headers, media_type="text/vtt; charset=utf-8")
