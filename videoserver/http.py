"""HTTP without routes: JSON answers and problems, the checking and decoding of requests, and event
streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import urllib.parse
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.sse import ServerSentEvent
from starlette.convertors import Convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from videolib.core.documents import json_text
from videoserver.jobs import JobBoard

POLICY = "content-security-policy"  # the name of that header

# === Answers ======================================================================================


def json_response(
    data: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """The answer with data as JSON; undecodable bytes in file names are escaped."""
    text = json_text(data, indent=None)
    return Response(text, status, {"cache-control": "no-store", **(headers or {})}, media_type)


def problem_response(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """The answer with an error as an RFC 9457 problem; `errors`: {field, message} of each wrong
    field. It has at most 64 kB: long texts are cut off, and errors that do not fit are left out."""
    data: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase}
    data |= {"status": status, "detail": shortened(detail, 2000)}
    data |= {"errors": first_errors(errors)} if errors else {}
    return json_response(data, status, headers, "application/problem+json")


def first_errors(errors: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """The first of these errors, as many as take 32 kB in JSON, with shortened texts."""
    first, size = list[dict[str, str]](), 0
    for error in errors:
        short = {key: shortened(text, 500) for key, text in error.items()}
        size += len(json_text(short, indent=None).encode())
        if size > 32_000:
            break
        first.append(short)
    return first


def shortened(text: str, length: int) -> str:
    """A text of at most `length` characters, with an ellipsis where it was cut off."""
    return text if len(text) <= length else text[: length - 3] + "..."


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of a route's errors: these statuses, and those that every route has."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({400, 401, 403, 404, 413, 421, 422, 500, *statuses})
    }


# === Requests =====================================================================================


class AnyPathConvertor(Convertor[str]):
    """A path parameter of any characters, also slashes and line breaks, as names of videos have
    them."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def is_local(client: tuple[str, int] | None) -> bool:
    """Whether a request came from this machine, by the address of its client."""
    return client is None or client[0].startswith("127.") or client[0] in ("::1", "testclient")


def decode_path(scope: Scope) -> None:
    """Set `file_path` of a request to its path with undecodable bytes as in file names
    (surrogateescape), and `path`, which routes match, to one that is valid Unicode.

    Both have as many characters, so that a part of one stands at the same place in the other.
    """
    raw = scope.get("raw_path") or urllib.parse.quote(scope["path"]).encode()
    scope["file_path"] = os.fsdecode(urllib.parse.unquote_to_bytes(raw))
    scope["path"] = scope["file_path"].encode("utf-8", "replace").decode()


def limit_body(receive: Receive, limit: int) -> Receive:
    """`receive` that raises HTTPException 413 beyond `limit` bytes, whatever the headers say."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413, f"at most {limit:,} bytes are taken")
        return message

    return receive_limited


def is_number(text: str) -> bool:
    """Whether the text of a header is a number that fits into 64 bits: at most 18 digits."""
    return text.isascii() and text.isdigit() and len(text) <= 18


# === Events =======================================================================================


class EventStream:
    """The events of a JobBoard as server-sent events, for any number of clients.

    The board calls `notify` from its own threads; the clients wait in the event loop. `clients` is
    their number.
    """

    def __init__(self, board: JobBoard) -> None:
        self.board, self.clients = board, 0
        self.wake_pending = False
        self.changed = asyncio.Event()  # set at the next event of the board, then replaced

    def notify(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the clients; may be called from any thread."""
        if not self.wake_pending:
            self.wake_pending = True
            with contextlib.suppress(RuntimeError):  # the loop has ended, and its clients with it
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self.wake_pending = False
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    @contextlib.contextmanager
    def client(self, limit: int) -> Iterator[None]:
        """One more client while it lasts. Raises HTTPException 429 where there are `limit`."""
        if self.clients >= limit:
            raise HTTPException(429, "too many listen already", {"retry-after": "5"})
        self.clients += 1
        try:
            yield
        finally:
            self.clients -= 1

    async def follow(self, last: int | None, job_id: str = "") -> AsyncIterator[ServerSentEvent]:
        """The events after number `last`, of one job or of all, until that job or the server ends.

        Without a number it begins with the present state of the jobs.
        """
        loop = asyncio.get_running_loop()

        def listener() -> None:
            self.notify(loop)

        self.board.listeners.add(listener)
        try:
            while True:
                changed, over = self.changed, self.board.over
                last, events = self.board.events_after(last, job_id)
                for event in events:
                    yield ServerSentEvent(
                        raw_data=event.data, event=event.kind, id=str(event.number)
                    )
                    if job_id and event.kind == "end":
                        return
                if over:
                    return
                await changed.wait()
        finally:
            self.board.listeners.discard(listener)
