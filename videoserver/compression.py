"""Compression of answers on their way to the client.

Only answers that are sent in one piece and are text are compressed: streams of events and films
pass as they are, and so do ranges of files.

Starlette's GZipMiddleware is not used, for it compresses for `gzip;q=0`, too, keeps a strong ETag,
by which a range of the file could be joined to compressed bytes, and takes away the length of what
is streamed, by which a download shows how far it is.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from videolib.core.confinement import inheriting

LEAST_SIZE = 1000  # bytes: less fits into one packet anyway
LEVEL = 5  # of zlib, 1 to 9: beyond it the time doubles for 2 % of the size
LONGEST_AT_ONCE = 64 * 1024  # bytes that are compressed between two answers, in under 2 ms
TEXT_TYPES = (
    *("text/", "application/json", "application/problem+json", "application/manifest+json"),
    "image/svg+xml",
)


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a client takes gzip (RFC 9110, section 12.5.3)."""
    for coding in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" if weight else True
    return False


def is_text(media_type: str) -> bool:
    """Whether answers of a media type are worth compressing."""
    return media_type.startswith(TEXT_TYPES) and not media_type.startswith("text/event-stream")


class Compressor:
    """`send` that compresses the body of one answer, where that is whole, long enough and text.

    Its start is held back until its body comes, which says how long it is.
    """

    def __init__(self, scope: Scope, headers: Mapping[str, str], send: Send) -> None:
        self.send = send
        self.accepts = takes_gzip(headers) and scope["method"] != "HEAD"
        self.start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self.may_compress(message):
            self.start = message
            return
        if self.start and message["type"] == "http.response.body":
            start, self.start = self.start, None
            await self.send_compressed(start, message)
            return
        await self.send(message)

    def may_compress(self, start: Message) -> bool:
        """Whether an answer is of a kind that is compressed, whatever its length."""
        headers = MutableHeaders(raw=list(start["headers"]))
        return (
            start["status"] not in (206, 304)
            and "content-encoding" not in headers
            and is_text(headers.get("content-type", ""))
        )

    async def send_compressed(self, start: Message, message: Message) -> None:
        """Send an answer whose body begins with this message, compressed where that is all."""
        headers = MutableHeaders(raw=list(start["headers"]))
        headers.add_vary_header("Accept-Encoding")
        body = message.get("body", b"")
        if self.accepts and len(body) >= LEAST_SIZE and not message.get("more_body"):
            body = await compressed(body)
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
            if headers.get("etag", "").startswith('"'):  # other bytes than the file has
                headers["etag"] = f"W/{headers['etag']}"
            message = {**message, "body": body}
        await self.send({**start, "headers": headers.raw})
        await self.send(message)


async def compressed(body: bytes) -> bytes:
    """A body as gzip; a long one in a thread, so that others are answered meanwhile."""
    if len(body) <= LONGEST_AT_ONCE:
        return squeeze(body)
    return await to_thread.run_sync(inheriting(squeeze), body)


def squeeze(body: bytes) -> bytes:
    """Bytes as gzip, the same at any time."""
    return gzip.compress(body, LEVEL, mtime=0)
