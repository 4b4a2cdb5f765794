"""The library over HTTP: routes, status codes and streams; what they mean is decided in `index`.

    uvicorn api:app            with VIDEO_ROOTS, VIDEO_TOKEN ... in the environment
    python index.py serve      the same with flags

Every answer that is not data is an RFC 9457 problem. Paths name a video by its name in or below
`directory`, percent-encoded byte for byte; what a listing gives as `url` is that already.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
import threading
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException as HTTPError
from starlette.types import Message, Receive, Scope, Send

import index
from videolib.catalogue.query import QUERY_HELP
from videolib.core.documents import json_text
from videolib.core.errors import (
    BusyError,
    CancelledError,
    ConflictError,
    CorruptError,
    NotFoundError,
    OutsideError,
    ParameterError,
    UsageError,
    VideoError,
    reason_of,
)
from videolib.core.files import stat_of
from videolib.core.runs import Job as CoreJob
from videolib.organize.tagging import ImportedTags
from videolib.storage.folders import Roots
from videolib.storage.tags import LIST_HELP, TagChange, split_names
from videolib.storage.videos import Video
from videoserver.jobs import JobBoard
from videoserver.service import Service, VideoFilter
from videoserver.settings import MEDIA_TYPES, PAGE_LIMIT, ServerSettings

BODY_LIMIT, IMPORT_LIMIT = 1 << 20, 16 << 20
STREAM_LIMIT = 64
QUICK_TURNS = 0.001  # seconds that a thread which works on may hold up one that answers
COOKIE = "session"
WEB = Path(__file__).resolve().parent / "web"
WEB_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STATUS: dict[type[UsageError], int] = {
    ParameterError: 422,
    NotFoundError: 404,
    OutsideError: 403,
    CorruptError: 409,
    ConflictError: 409,
    BusyError: 429,
}


# === What is said =================================================================================


class Model(BaseModel):
    """What is answered; there may be more in it than is promised here."""

    model_config = ConfigDict(extra="allow")


class Asked(BaseModel):
    """What is sent here; nothing in it may be unknown."""

    model_config = ConfigDict(extra="forbid")


Pair = Field(min_length=2, max_length=2)
Span = Annotated[list[float], Pair]


class FieldProblem(Model):
    field: str
    message: str


class Problem(Model):
    """RFC 9457: what went wrong, without paths of this machine."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["holiday.mp4: no such video"])
    errors: list[FieldProblem] | None = None


class Health(Model):
    status: Literal["ok"]
    version: str


class Session(Model):
    required: bool = Field(description="whether this server has a token")
    authenticated: bool = Field(description="whether this request knew it")


class Secret(Asked):
    token: str = Field(max_length=1000, examples=["what --token was given"])


Presence = bool | Literal["stale"]


class Facts(Model):
    """What is known of a video; times are seconds, sizes bytes."""

    url: str = Field(description="add ?directory= as it was asked for")
    size: int
    mtime: float
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    vcodec: str | None = None
    acodec: str | None = None
    bit_rate: int | None = None


class Row(Facts):
    """A video in a listing."""

    path: str = Field(description="from the listed folder", examples=["trips/holiday.mp4"])
    name: str
    artifacts: dict[str, Presence] | None = Field(None, description="with detail=1")
    tags: list[str] | None = Field(None, description="with detail=1")
    performers: list[str] | None = Field(None, description="with detail=1")


class Tags(Model):
    video: str
    tags: list[str]
    performers: list[str]


Names = Annotated[list[str], Field(max_length=1000)]
PersonId = Annotated[int, Field(ge=1, le=999_999_999)]


class TagUpdate(Asked):
    """What is to become of the tags; with `replace` those in `add` take the place of all, and so do
    performers where `performers_add` names some."""

    add: Names = Field([], examples=[["tag1"]])
    remove: Names = Field([], examples=[["tag2"]])
    performers_add: Names = []
    performers_remove: Names = []
    replace: bool = False


class TagEntry(BaseModel):  # what else an export has is left out
    video: str = Field(examples=["path/to/file.mp4"])
    tags: Names = []
    performers: Names = []


class TagImport(BaseModel):
    videos: Annotated[list[TagEntry], Field(max_length=100_000)]
    mode: Literal["merge", "replace"] = "merge"
    dry_run: bool = False


class TagExport(Model):
    videos: list[Tags]
    errors: list[dict[str, str]]


class Imported(Model):
    dry_run: bool
    matched: int
    unknown: list[str] = Field(description="videos that are not there")


class Count(Model):
    name: str
    count: int


class TagSummary(Model):
    tags: list[Count]
    performers: list[Count]


class Suggestions(Model):
    tags: list[str]
    performers: list[str]
    words: list[str] = Field(description="of the query language")


class Renaming(Asked):
    to: str = Field(description="from the folder", examples=["trips/rome.mp4"])
    dry_run: bool = False


class Renamed(Model):
    video: str
    to: str
    url: str
    dry_run: bool
    moves: list[Annotated[list[str], Pair]] = Field(
        description="[from, to] of every file, the video's first"
    )


class Match(Model):
    a: str
    b: str
    similarity: float
    kind: Literal["exact", "similar", "mirrored", "shifted"]


class Group(Model):
    keeper: str
    reason: str = Field(description="why that one is the one to keep")
    matches: list[str]
    details: dict[str, dict[str, Any]] = Field(description="what decided, by video")


class Card(Facts):
    """A video among others."""

    picture: str | None


class Duplicates(Model):
    threshold: float
    pairs: list[Match]
    groups: list[Group]
    total: int = Field(description="videos looked at")
    total_pairs: int
    total_groups: int
    without_hash: int = Field(description="videos whose phash is not made yet")
    without_timeline: int = Field(
        description="with deep, videos in which shifted copies cannot be sought yet"
    )
    videos: dict[str, Card]


class Line(Model):
    start: float
    end: float
    text: str
    offsets: list[Annotated[list[int], Pair]] = Field(
        description="[from, to] of what was found in the text, in characters"
    )
    file: str


class Passages(Model):
    video: str
    url: str
    count: int = Field(description="lines found; `matches` has the first of them")
    matches: list[Line]


class Found(Model):
    total: int = Field(description="videos")
    offset: int
    limit: int
    searched: int = Field(description="videos that have subtitles")
    results: list[Passages]
    errors: list[dict[str, str]] = Field(description="subtitles that could not be read")


class Appearance(Model):
    """A person of one video; times are seconds."""

    signature: str
    person: int | None = Field(description="who it is in /faces/listing, where that was made")
    label: str | None
    intervals: list[Span]
    frames: int
    time: float = Field(description="the best moment")
    box: list[float] = Field(description="x, y, width and height then, in pixels of the video")
    score: float
    picture: str | None


class Faces(Model):
    video: str
    model: str
    people: list[Appearance]


class Sighting(Model):
    video: str
    url: str
    signature: str
    intervals: list[Span]
    frames: int
    picture: str | None


class Person(Model):
    id: int
    label: str | None
    label_distance: float | None = Field(description="from the gallery; null for others")
    named_by_hand: bool
    hidden: bool
    ambiguous: list[str] = Field(
        description="names of the gallery that fit too equally, or one beyond the threshold"
    )
    picture: str | None
    occurrences: list[Sighting]


class People(Model):
    total: int
    offset: int
    limit: int
    generated_at: str
    model: str
    people: list[Person]
    videos: int = Field(description="videos with signatures")
    left_out: list[dict[str, str]] = Field(description="the first videos that are not, and why")
    total_left_out: int


class NameThem(Asked):
    action: Literal["rename"]
    name: str = Field(min_length=1, max_length=200, examples=["Jane Doe"])


class MergeThem(Asked):
    action: Literal["merge"]
    ids: Annotated[list[PersonId], Field(min_length=1, max_length=1000)] = Field(
        description="who is the same person"
    )


class MoveThem(Asked):
    action: Literal["reassign"]
    signature: str = Field(pattern="^[0-9a-f]{1,64}$")
    to: PersonId | Literal["new"]


class JudgeThem(Asked):
    action: Literal["split", "hide", "show"]


class Decided(Model):
    action: str
    told: str = Field(description="what was done, in words")
    people: list[Person] = Field(description="whom it concerns, as they are now")


class Videos(Model):
    total: int
    offset: int
    limit: int
    complete: bool = Field(description="false while a large folder is looked at for the first time")
    videos: list[Row]


class File(Model):
    part: str = Field(description="for /videos/{name}/files/{kind}/{part}")
    type: str
    url: str


class Artifacts(Model):
    video: str
    artifacts: dict[str, Presence]
    files: dict[str, list[File]]


class Details(Row):
    video: str
    artifacts: dict[str, Presence] | None = None
    files: dict[str, list[File]]
    documents: dict[str, dict[str, Any] | None] = Field(
        description="the records of artifacts by kind, null where not made"
    )


class Metadata(Model):
    """What ffprobe tells: `format`, `streams`, `chapters`, and when and from what it was made."""


class Report(Model):
    total: int
    counts: dict[str, int]
    stale: dict[str, int]
    coverage: dict[str, float]
    videos: list[dict[str, Any]]


class Task(Model):
    task: str
    aliases: list[str]
    kind: str | None
    summary: str
    takes: list[Literal["recursive", "force"]]
    params: dict[str, Any] = Field(description="JSON schema of `params`")


class Tasks(Model):
    tasks: list[Task]


class Config(Model):
    version: str
    roots: list[str]
    kinds: list[str]
    limits: dict[str, int]
    tasks: dict[str, dict[str, Any]]


class JobRequest(Asked):
    task: str = Field(examples=["thumbs"])
    directory: str = "."
    recursive: bool = False
    force: bool = False
    params: dict[str, Any] = Field({}, description="the task's own, see /tasks")


class Job(Model):
    """A job; the percentage is that of `current`, progress is counted in files."""

    id: str
    task: str
    directory: str
    status: Literal["queued", "running", "done", "error", "cancelled"]
    progress_current: int
    progress_total: int
    current: str | None
    percent: float | None
    failed: int = Field(description="files that failed; the result says why")
    created_at: str
    started_at: str | None
    ended_at: str | None
    error: str | None


class WholeJob(Job):
    recursive: bool
    force: bool
    params: dict[str, Any]
    messages: list[str]
    result: Any


class Jobs(Model):
    jobs: list[Job]


def answer(
    data: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Data as JSON; undecodable bytes in names are escaped, so that no name can spoil it."""
    text = json_text(data, indent=None)
    return Response(text, status, {"cache-control": "no-store", **(headers or {})}, media_type)


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """An error as RFC 9457 has it."""
    data: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase}
    data |= {"status": status, "detail": detail} | ({"errors": errors} if errors else {})
    return answer(data, status, headers, "application/problem+json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its documentation."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({400, 401, 403, 404, 413, 421, 422, 500, *statuses})
    }


# === What stands before every route ===============================================================


class App(FastAPI):
    """The application behind its guard: hosts, origins, token, sizes, headers.

    The guard stands outside of everything else, so that no answer leaves without its headers.
    """

    def __init__(self, settings: ServerSettings, **options: Any) -> None:
        super().__init__(**options)
        self.settings, self.service = settings, Service(settings)
        self.hub = Hub(self.service.board)
        self.requests: set[asyncio.Task[Any]] = set()
        self.awaited: set[CoreJob] = set()  # what requests wait for that may take long
        self.entry: Callable[[Scope, Receive, Send], Awaitable[None]] = self.guard
        if settings.cors_origins:
            self.entry = CORSMiddleware(
                self.guard,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "Range"],
                expose_headers=["Location", "Retry-After", "Content-Range", "ETag"],
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        elif scope["type"] == "http":
            await self.entry(scope, receive, send)

    async def guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what must not come in, and bound and dress what may."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(k, v) for k, v in message["headers"] if k.decode("latin-1") not in HEADERS]
                fixed = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": kept + fixed}
            await send(message)

        limit = IMPORT_LIMIT if scope["path"] == "/tags/import" else BODY_LIMIT
        refused = self.refusal(scope, headers, limit)
        if refused:
            await refused(scope, receive, dressed)
            return
        decode_path(scope)
        task = asyncio.current_task()
        assert task
        self.requests.add(task)
        try:
            await super().__call__(scope, bounded(receive, limit), dressed)
        finally:
            self.requests.discard(task)

    def refusal(self, scope: Scope, headers: Mapping[str, str], limit: int) -> Response | None:
        """What is answered to a request that goes no further."""
        settings, method = self.settings, scope["method"]
        if not settings.knows_host(headers.get("host", "")):
            return problem(421, "this server does not go by that name: see VIDEO_HOSTS")
        if settings.is_cross_site(method, headers):
            return problem(403, "requests from other sites are refused")
        if not settings.token and not is_local(scope.get("client")):
            return problem(403, "requests from other machines need a server with a token")
        if not self.is_open(scope["path"]) and not self.knows_token(method, headers):
            return problem(401, "a token is needed", {"www-authenticate": "Bearer"})
        size = headers.get("content-length", "0")
        if not size.isdigit() or len(size) > 18:
            return problem(400, "Content-Length should be a number")
        if int(size) > limit:
            return problem(413, f"at most {limit:,} bytes are taken")
        return None

    @staticmethod
    def is_open(path: str) -> bool:
        """Whether a path is there for those who do not know the token: the page and its door."""
        return path in ("/", "/health", "/session") or path.startswith("/web/")

    def knows_token(self, method: str, headers: Mapping[str, str]) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        cookie = next((value for name, _, value in pairs if name == COOKIE), "")
        known = bearer.strip() if scheme.lower() == "bearer" else ""
        return self.settings.lets_in(known, cookie, reading=method in ("GET", "HEAD"))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document with the error model, and how a token is given."""
        schema = super().openapi()
        components = schema.setdefault("components", {})
        models = components.setdefault("schemas", {})
        extra = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        models.update(extra.pop("$defs", {}) | {"Problem": extra})
        bearer = {"bearer": {"type": "http", "scheme": "bearer"}}
        cookie = {"cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE}}
        components["securitySchemes"] = bearer | cookie
        schema["security"] = [{}, {"bearer": []}, {"cookie": []}]
        return schema

    def let_go(self) -> None:
        """Cut short what is still being sent, so that the server can end."""
        for task in self.requests:
            task.cancel()


def is_local(client: tuple[str, int] | None) -> bool:
    """Whether a request came from this machine."""
    return client is None or client[0].startswith("127.") or client[0] in ("::1", "testclient")


def decode_path(scope: Scope) -> None:
    """Keep the path with its bytes as file names have them, and give the routes one without.

    Both have as many characters, so that what a route finds can be looked up in the other.
    """
    raw = scope.get("raw_path") or urllib.parse.quote(scope["path"]).encode()
    scope["file_path"] = os.fsdecode(urllib.parse.unquote_to_bytes(raw))
    scope["path"] = scope["file_path"].encode("utf-8", "replace").decode()


def bounded(receive: Receive, limit: int) -> Receive:
    """Take no more of a body than the limit, whatever its length was said to be."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPError(413, f"at most {limit:,} bytes are taken")
        return message

    return take


class Hub:
    """Lets streams wait for events of the board, which come from other threads."""

    def __init__(self, board: JobBoard) -> None:
        self.board, self.streams, self.pending = board, 0, False
        self.bell = asyncio.Event()

    def ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Something happened; called by any thread."""
        if not self.pending:
            self.pending = True
            with contextlib.suppress(RuntimeError):  # the loop has ended, and its streams with it
                loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        self.pending = False
        bell, self.bell = self.bell, asyncio.Event()
        bell.set()

    async def follow(self, last: int | None, job: str = "") -> AsyncIterator[ServerSentEvent]:
        """What happened after an event, and all that happens until the job or the server ends."""
        loop = asyncio.get_running_loop()

        def listener() -> None:
            self.ring(loop)

        self.board.listeners.add(listener)
        self.streams += 1
        try:
            while True:
                bell, over = self.bell, self.board.over
                last, events = self.board.events_after(last, job)
                for event in events:
                    yield ServerSentEvent(
                        raw_data=event.data, event=event.kind, id=str(event.number)
                    )
                    if job and event.kind == "end":
                        return
                if over:
                    return
                await bell.wait()
        finally:
            self.streams -= 1
            self.board.listeners.discard(listener)


# === What routes take =============================================================================


class AnyName(Convertor[str]):
    """A video's name in a path: any characters, folders and line breaks among them."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("name", AnyName())


def app_of(request: Request) -> App:
    app: App = request.scope["app"]
    return app


def service_of(request: Request) -> Service:
    return app_of(request).service


async def served_of(request: Request) -> Service:
    """The same for routes: what is no coroutine costs a way to another thread and back."""
    return service_of(request)


Served = Annotated[Service, Depends(served_of)]


async def directory_of(
    request: Request,
    directory: Annotated[
        str, Query(description="the folder, from the first root, or absolute in any root")
    ] = ".",
) -> str:
    """The folder that a query names, with undecodable bytes as file names have them."""
    given = urllib.parse.parse_qs(request.url.query, errors="surrogateescape")
    return given.get("directory", [directory])[-1]


Directory = Annotated[str, Depends(directory_of)]
Recursive = Annotated[bool, Query(description="also the folders below it")]
Extensions = Annotated[
    str, Query(description="file extensions, comma-separated, or * for every video type")
]


Offset = Annotated[int, Query(ge=0, le=1 << 31)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT)]


def video_of(
    request: Request,
    service: Served,
    directory: Directory,
    name: Annotated[
        str, InPath(description="the video, in or below the folder", examples=["trips/rome.mp4"])
    ],
) -> Video:
    """The video that a path names."""
    begin = len("/videos/")
    return service.video(directory, request.scope["file_path"][begin : begin + len(name)])


Named = Annotated[Video, Depends(video_of)]


async def attended(request: Request, service: Served) -> AsyncIterator[CoreJob]:
    """A run that is cancelled when nobody waits for its answer any more."""
    job, awaited = service.quiet(), app_of(request).awaited

    async def attend() -> None:
        with contextlib.suppress(HTTPError):  # whoever sends that much after a GET gets no answer
            while (await request.receive())["type"] != "http.disconnect":
                pass

    watch = asyncio.create_task(attend())
    watch.add_done_callback(lambda _: job.cancelled.set())
    awaited.add(job)
    try:
        yield job
    finally:
        awaited.discard(job)
        watch.cancel()


Attended = Annotated[CoreJob, Depends(attended)]


async def part_of(
    request: Request,
    part: Annotated[
        str,
        InPath(description="one of its files, as /artifacts lists them", examples=["rome.mp4.jpg"]),
    ],
) -> str:
    """The name that a path ends with, with undecodable bytes as file names have them."""
    return str(request.scope["file_path"])[-len(part) :]


async def stream_of(request: Request) -> int | None:
    """The number of the last event a client had; refuses where too many listen already."""
    if app_of(request).hub.streams >= STREAM_LIMIT:
        raise HTTPException(429, "too many listen already", {"retry-after": "5"})
    last = request.headers.get("last-event-id", "")
    return int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None


LastEvent = Annotated[int | None, Depends(stream_of)]


async def followed_job(service: Served, job_id: str, last: LastEvent) -> str:
    """A job that there is something to tell of; 204 lets a browser not ask again."""
    if service.board.is_told(job_id, last):
        raise HTTPException(204)
    return job_id


# === Files ========================================================================================


class Sent(FileResponse):
    """A file, read in larger pieces than usual: a video of gigabytes takes fewer turns."""

    chunk_size = 256 * 1024


def send_file(request: Request, path: str | Path, media_type: str) -> Response:
    """A file with what lets a browser keep it: ETag, 304, and ranges."""
    try:
        found = stat_of(str(path))
    except OSError:
        raise HTTPException(404, "is gone") from None
    if not stat.S_ISREG(found.st_mode):
        raise HTTPException(404, "is no file")
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    headers["last-modified"] = formatdate(found.st_mtime, usegmt=True)
    if unchanged(request, etag, found.st_mtime):
        return Response(status_code=304, headers=headers)
    check_range(request, found.st_size)
    return Sent(path, 200, headers, media_type, stat_result=found)


def unchanged(request: Request, etag: str, mtime: float) -> bool:
    """Whether the client has this version already (RFC 9110, 13.1)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
        return known.strip() == "*" or etag in tags
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return int(mtime) <= since.timestamp()
    except (ValueError, OverflowError):
        return False


def check_range(request: Request, size: int) -> None:
    """Leave out a Range header that makes no sense, as RFC 9110 asks; refuse one beyond the end."""
    wanted = request.headers.get("range", "").replace(" ", "")
    head, _, rest = wanted.partition("=")
    pairs = [part.partition("-") for part in rest.split(",")]
    numbers = [(a, b) for a, dash, b in pairs if dash and is_number(a) and is_number(b) and a + b]
    ordered = all(not (a and b) or int(a) <= int(b) for a, b in numbers)
    if head != "bytes" or len(numbers) != len(pairs) or len(pairs) > 8 or not ordered:
        kept = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
        request.scope["headers"] = kept
    elif any(int(a) >= size if a else int(b) == 0 or not size for a, b in numbers):
        raise HTTPException(416, "is beyond the end", {"content-range": f"bytes */{size}"})


def is_number(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) < 19)


def web_file(request: Request, name: str) -> Response:
    """A file of the page."""
    path = WEB / name
    media_type = WEB_TYPES.get(path.suffix)
    if "\0" in name or not media_type or not Roots([WEB]).contains(path) or not path.is_file():
        raise HTTPException(404, "there is no such file of the page")
    return send_file(request, path, media_type)


# === Routes =======================================================================================

routes = APIRouter()


@routes.get("/", include_in_schema=False)
def page(request: Request) -> Response:
    if not (WEB / "index.html").is_file():
        return Response("The API is here; its page is not installed.\n", media_type="text/plain")
    return web_file(request, "index.html")


@routes.get("/web/{name:name}", include_in_schema=False)
def page_file(request: Request, name: str) -> Response:
    return web_file(request, name)


@routes.get("/health", response_model=Health, summary="Whether the server is alive")
async def health() -> Response:
    return answer({"status": "ok", "version": index.__version__})


@routes.get("/session", response_model=Session, summary="Whether a token is needed and was given")
async def session(request: Request) -> Response:
    app = app_of(request)
    known = app.knows_token("GET", dict(request.headers))
    return answer({"required": bool(app.settings.token), "authenticated": known})


@routes.post("/session", status_code=204, summary="Trade the token for a cookie that may read")
async def open_session(service: Served, secret: Secret) -> Response:
    settings = service.settings
    if not settings.lets_in(secret.token, "", reading=False):
        await asyncio.sleep(0.5)
        raise HTTPException(401, "that is not the token", {"www-authenticate": "Bearer"})
    response = Response(status_code=204)
    if settings.token:
        response.set_cookie(COOKIE, settings.session(), httponly=True, samesite="strict")
    return response


@routes.delete("/session", status_code=204, summary="Forget the cookie")
async def close_session() -> Response:
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@routes.get("/tasks", response_model=Tasks, summary="What jobs can do, with their parameters")
def tasks(service: Served) -> Response:
    return answer({"tasks": service.tasks()})


@routes.get("/config", response_model=Config, summary="Effective defaults and limits")
def config(service: Served, directory: Directory) -> Response:
    return answer(service.config(directory))


@routes.get("/videos", response_model=Videos, summary="List videos, page by page")
def videos(
    service: Served,
    directory: Directory,
    recursive: Recursive = False,
    offset: Offset = 0,
    limit: Limit = 100,
    q: Annotated[str, Query(description=QUERY_HELP)] = "",
    sort: Literal["name", "size", "duration", "added"] = "name",
    order: Annotated[
        Literal["asc", "desc"] | None,
        Query(description="without it names ascend, and all else begins with the most"),
    ] = None,
    ext: Extensions = "",
    detail: Annotated[bool, Query(description="also artifacts, tags and performers")] = False,
    tags: Annotated[str, Query(description=f"tags that it has, {LIST_HELP}")] = "",
    performers: Annotated[str, Query(description="performers that it has, the same")] = "",
    match_any: Annotated[bool, Query(description="one of those is enough")] = False,
) -> Response:
    given = {"recursive": recursive, "sort": sort, "ext": ext}
    names = names_in("tags", tags), names_in("performers", performers)
    wanted = VideoFilter(q, *names, match_any, detail, order)
    return answer(service.videos(directory, offset, limit, wanted, given))


def names_in(field: str, text: str) -> tuple[str, ...]:
    """The names in a parameter of that name. Raises ParameterError."""
    try:
        return tuple(filter(None, split_names(text)))
    except ValueError as error:
        raise ParameterError([(field, str(error))]) from None


@routes.get(
    "/videos/suggest",
    response_model=Suggestions,
    summary="How a word of a query, or a tag, may go on",
)
def suggest(
    service: Served,
    directory: Directory,
    prefix: Annotated[str, Query(max_length=200, examples=["tag:ni"])] = "",
) -> Response:
    return answer(service.suggest(directory, prefix))


@routes.get("/search", response_model=Found, summary="Find words in all subtitles")
def search(
    service: Served,
    directory: Directory,
    text: Annotated[str, Query(max_length=10_000, examples=["moon"])],
    recursive: Recursive = False,
    offset: Offset = 0,
    limit: Limit = 100,
    lines: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="of one video")] = 20,
    ext: Extensions = "",
) -> Response:
    page = {"offset": offset, "limit": limit, "lines": lines}
    return answer(service.search(directory, text, {"recursive": recursive, "ext": ext} | page))


@routes.get(
    "/videos/{name:name}/faces",
    response_model=Faces,
    summary="The people of a video",
    responses=problems(409),
)
def faces(service: Served, directory: Directory, video: Named) -> Response:
    return answer(service.faces(directory, video))


@routes.get(
    "/faces/listing",
    response_model=People,
    summary="The people of a folder, page by page",
    responses=problems(409, 503),
)
def people(
    service: Served,
    job: Attended,
    directory: Directory,
    recursive: Recursive = False,
    offset: Offset = 0,
    limit: Limit = 200,
    hidden: Annotated[bool, Query(description="also those that were hidden")] = False,
    ext: Extensions = "",
) -> Response:
    """What the task `listing` stored or, for ten minutes, what it would: that stores nothing."""
    given = {"recursive": recursive, "ext": ext}
    return answer(service.listing(directory, offset, limit, hidden, given, job))


@routes.post(
    "/faces/people/{person}",
    response_model=Decided,
    summary="Name, merge, split or hide a person, or say whom a face shows",
    responses=problems(409),
)
def change_person(
    service: Served,
    directory: Directory,
    person: Annotated[PersonId, InPath()],
    asked: Annotated[
        NameThem | MergeThem | MoveThem | JudgeThem, Field(discriminator="action"), Body()
    ],
    recursive: Recursive = False,
) -> Response:
    whose = 0
    match asked:
        case NameThem():
            change: dict[str, Any] = {"rename": (str(person), asked.name)}
        case MergeThem():
            change = {"merge": (person, *asked.ids)}
        case MoveThem():
            change, whose = {"move": (asked.signature, str(asked.to))}, person
        case JudgeThem():
            change = {asked.action: person}
    return answer(service.change_people(directory, recursive, change, whose))


@routes.post(
    "/faces/undo",
    response_model=Decided,
    summary="Take the last decision on people back",
    responses=problems(409),
)
def undo_person(service: Served, directory: Directory, recursive: Recursive = False) -> Response:
    return answer(service.change_people(directory, recursive, {"undo": True}))


@routes.delete(
    "/faces/people/{person}",
    response_model=Decided,
    summary="Forget a person: delete their vectors and pictures for good",
    responses=problems(409),
)
def forget_person(
    service: Served,
    directory: Directory,
    person: Annotated[PersonId, InPath()],
    recursive: Recursive = False,
) -> Response:
    return answer(service.change_people(directory, recursive, {"forget": person}))


@routes.get(
    "/phash/duplicates",
    response_model=Duplicates,
    summary="Find copies; jobs of the task dupes deal with them",
    responses=problems(409, 503),
)
def duplicates(
    service: Served,
    job: Attended,
    directory: Directory,
    recursive: Recursive = False,
    threshold: Annotated[float | None, Query(ge=0, le=1)] = None,
    deep: Annotated[bool | None, Query(description="also mirrored and cut copies")] = None,
    limit: Annotated[int | None, Query(ge=1, le=PAGE_LIMIT)] = None,
    ext: Extensions = "",
) -> Response:
    wanted = {"threshold": threshold, "deep": deep, "limit": limit}
    given = {"recursive": recursive, "ext": ext} | wanted
    return answer(service.duplicates(directory, given, job))


@routes.get("/report", response_model=Report, summary="How far artifacts are made")
def report(
    service: Served, directory: Directory, recursive: Recursive = False, ext: Extensions = ""
) -> Response:
    return answer(service.report(directory, recursive, ext))


@routes.get(
    "/videos/{name:name}/artifacts",
    response_model=Artifacts,
    summary="Which artifacts a video has, with every file",
)
def artifacts(service: Served, video: Named) -> Response:
    return answer(service.artifacts(video))


@routes.get(
    "/videos/{name:name}/metadata",
    response_model=Metadata,
    summary="What ffprobe knows of a video",
    responses=problems(409),
)
def metadata(service: Served, video: Named) -> Response:
    return answer(service.document(video, "metadata"))


@routes.get(
    "/videos/{name:name}/tags",
    response_model=Tags,
    summary="Tags and performers of a video",
    responses=problems(409),
)
def tags(service: Served, video: Named) -> Response:
    return answer(service.tags(video))


@routes.post(
    "/videos/{name:name}/tags",
    response_model=Tags,
    summary="Change tags and performers",
    responses=problems(409),
)
@routes.patch(
    "/videos/{name:name}/tags",
    response_model=Tags,
    summary="Change tags and performers",
    responses=problems(409),
)
def change_tags(service: Served, video: Named, change: TagUpdate) -> Response:
    alone = change.replace and bool(change.performers_add)
    asked = TagChange(
        change.add,
        change.remove,
        change.replace,
        change.performers_add,
        change.performers_remove,
        clear_performers=alone,
    )
    return answer(service.change_tags(video, asked))


@routes.post(
    "/videos/{name:name}/rename",
    response_model=Renamed,
    summary="Rename or move a video with all that is its own",
    responses=problems(409),
)
def rename(service: Served, directory: Directory, video: Named, asked: Renaming) -> Response:
    return answer(service.rename(directory, video, asked.to, asked.dry_run))


@routes.get("/tags/export", response_model=TagExport, summary="All tags and performers")
def export_tags(service: Served, directory: Directory, recursive: Recursive = False) -> Response:
    return answer(service.export_tags(directory, recursive))


@routes.post(
    "/tags/import",
    response_model=Imported,
    summary="Add tags and performers to many videos, or replace theirs",
    responses=problems(409),
)
def import_tags(service: Served, directory: Directory, given: TagImport) -> Response:
    entries = [ImportedTags(entry.video, entry.tags, entry.performers) for entry in given.videos]
    replace = given.mode == "replace"
    return answer(service.import_tags(directory, entries, replace, given.dry_run))


@routes.get("/tags/summary", response_model=TagSummary, summary="Tags with how many have them")
def tag_summary(service: Served, directory: Directory, recursive: Recursive = False) -> Response:
    return answer(service.tag_summary(directory, recursive))


Kind = Annotated[str, InPath(description="of artifact", examples=["thumbs"])]

BINARY: dict[int | str, dict[str, Any]] = {
    status: {"description": said, "content": {"*/*": {}}}
    for status, said in ((200, "The file"), (206, "A part of it"))
}
BINARY[304] = {"description": "As the client has it"}
BINARY.update(problems(416))


@routes.get(
    "/videos/{name:name}/stream",
    response_class=Response,
    responses=BINARY,
    summary="A video, whole or by ranges",
)
def stream(request: Request, video: Named) -> Response:
    return send_file(request, video.path, MEDIA_TYPES[Path(video.path).suffix.lower()])


@routes.get(
    "/videos/{name:name}/files/{kind}",
    response_class=Response,
    responses=BINARY,
    summary="The file of an artifact that one looks at",
)
def main_file(request: Request, service: Served, video: Named, kind: Kind) -> Response:
    path = service.file(video, kind)
    return send_file(request, path, MEDIA_TYPES[path.suffix])


@routes.get(
    "/videos/{name:name}/files/{kind}/{part}",
    response_class=Response,
    responses=BINARY,
    summary="One file of an artifact",
)
def any_file(
    request: Request,
    service: Served,
    video: Named,
    kind: Kind,
    part: Annotated[str, Depends(part_of)],
) -> Response:
    path = service.file(video, kind, part)
    return send_file(request, path, MEDIA_TYPES[path.suffix])


# Players ask how long a file is before they ask for a part of it.
SENT: dict[str, Callable[..., Response]] = {
    "stream": stream,
    "files/{kind}": main_file,
    "files/{kind}/{part}": any_file,
}
for path, send in SENT.items():
    routes.head(f"/videos/{{name:name}}/{path}", include_in_schema=False)(send)


@routes.get("/videos/{name:name}", response_model=Details, summary="Everything about one video")
def details(service: Served, video: Named) -> Response:
    return answer(service.details(video))


@routes.post(
    "/jobs",
    status_code=202,
    response_model=WholeJob,
    summary="Submit a job",
    responses={**problems(429), 200: {"model": WholeJob, "description": "It waits already"}},
)
def submit(service: Served, asked: Annotated[JobRequest, Body()]) -> Response:
    switches = {"recursive": asked.recursive, "force": asked.force}
    job, new = service.submit(asked.task, asked.directory, switches, asked.params)
    told = {"location": f"/jobs/{job.id}"}
    return answer(job.as_json(whole=True), 202 if new else 200, told)


@routes.get("/jobs", response_model=Jobs, summary="List jobs, the newest first")
def jobs(service: Served) -> Response:
    return answer({"jobs": [job.as_json() for job in service.board.every()]})


@routes.get("/jobs/{job_id}", response_model=WholeJob, summary="One job with its result")
def job(service: Served, job_id: str) -> Response:
    return answer(service.board.find(job_id).as_json(whole=True))


@routes.delete(
    "/jobs/{job_id}",
    response_model=WholeJob,
    summary="Cancel a job; it says cancelled when everything is tidied up",
)
def cancel(service: Served, job_id: str) -> Response:
    return answer(service.board.cancel(job_id).as_json(whole=True))


@routes.get(
    "/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    summary="Follow one job until it ends",
    responses={**problems(429), 204: {"description": "It has ended, and the client knows that"}},
)
async def job_events(
    request: Request, job_id: Annotated[str, Depends(followed_job)], last: LastEvent
) -> AsyncIterator[ServerSentEvent]:
    async for event in app_of(request).hub.follow(last, job_id):
        yield event


@routes.get(
    "/events",
    response_class=EventSourceResponse,
    summary="Follow all jobs",
    responses=problems(429),
)
async def events(request: Request, last: LastEvent) -> AsyncIterator[ServerSentEvent]:
    async for event in app_of(request).hub.follow(last):
        yield event


# === The application ==============================================================================


def create_app(settings: ServerSettings | None = None) -> App:
    """The application for these settings, or for those in the environment."""
    app = App(
        settings or ServerSettings.from_environment(),
        title="Video library",
        version=index.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        responses=problems(),
        description=(__doc__ or "").partition("\n\n")[2],
    )
    app.add_exception_handler(HTTPError, on_http_error)
    app.add_exception_handler(RequestValidationError, on_wrong_request)
    app.add_exception_handler(UsageError, on_usage_error)
    for trouble in (VideoError, FileNotFoundError, PermissionError):
        app.add_exception_handler(trouble, on_trouble)
    app.add_exception_handler(CancelledError, on_cancelled)
    app.add_exception_handler(Exception, on_surprise)
    app.include_router(routes)
    return app


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Cancel the jobs when the server is told to end, and not only when it has ended."""
    assert isinstance(app, App)
    board, loop = app.service.board, asyncio.get_running_loop()
    before: dict[int, Any] = {}
    turns = sys.getswitchinterval()
    sys.setswitchinterval(QUICK_TURNS)

    def stop() -> None:
        board.stop()
        for job in app.awaited:
            job.cancelled.set()
        loop.call_later(index.Serve.GRACE, app.let_go)

    def on_signal(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(stop)
        if callable(handler := before[number]):
            handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        for caught in (signal.SIGINT, signal.SIGTERM):
            before[caught] = signal.signal(caught, on_signal)
    try:
        yield
    finally:
        await asyncio.to_thread(app.service.close)
        sys.setswitchinterval(turns)
        for number, handler in before.items():
            signal.signal(number, handler)


def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPError)
    if error.status_code == 204:
        return Response(status_code=204)
    return problem(error.status_code, str(error.detail), error.headers)


def on_wrong_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [
        {"field": ".".join(map(str, e["loc"][1:])) or "body", "message": str(e["msg"])}
        for e in error.errors()
    ]
    detail = "; ".join(f"{field['field']}: {field['message']}" for field in fields)
    return problem(422, detail, errors=fields)


def on_usage_error(request: Request, error: Exception) -> Response:
    status = next((s for kind, s in STATUS.items() if isinstance(error, kind)), 400)
    relative = service_of(request).roots.relative
    fields = error.fields if isinstance(error, ParameterError) else []
    errors = [{"field": name, "message": relative(message)} for name, message in fields]
    headers = {"retry-after": "5"} if status == 429 else None
    return problem(status, relative(str(error)), headers, errors)


def on_trouble(request: Request, error: Exception) -> Response:
    """What the library's own files do not allow at the moment."""
    status = 404 if isinstance(error, FileNotFoundError) else 409
    return problem(status, service_of(request).roots.relative(reason_of(error)))


def on_cancelled(request: Request, error: Exception) -> Response:
    """Who asked is gone, or the server about to be."""
    return problem(503, "stopped before the answer was found")


def on_surprise(request: Request, error: Exception) -> Response:
    return problem(500, "the server failed; its log says how")


def __getattr__(name: str) -> Any:
    """`api.app`, made from the environment when it is asked for."""
    if name == "app":
        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(name)
