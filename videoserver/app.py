"""The application that carries the routes of `api`: the guard before them, the answers to their
exceptions, and how the server starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from index import Serve
from videolib.core.confinement import confined_to
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
from videolib.core.runs import Job
from videoserver.compression import Compressor
from videoserver.connections import BEGUN, limited_connections, logged_once_per_second
from videoserver.downloads import ShortFileError
from videoserver.http import (
    POLICY,
    EventStream,
    decode_path,
    is_local,
    is_number,
    limit_body,
    problem_response,
)
from videoserver.models import ProblemOut
from videoserver.service import Service
from videoserver.settings import ServerSettings

BODY_LIMIT = 1 << 20  # bytes of the body of a request
IMPORT_LIMIT = 16 << 20  # of one that imports tags
SWITCH_INTERVAL = 0.001  # seconds that a computing thread may hold up one that answers
COOKIE = "session"  # the name of the session cookie
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    POLICY: (  # the page has one of its own
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# The status of the answer by the class of an error; 400 for any other UsageError.
STATUS: dict[type[UsageError], int] = {
    ParameterError: 422,
    NotFoundError: 404,
    OutsideError: 403,
    CorruptError: 409,
    ConflictError: 409,
    BusyError: 429,
}


class App(FastAPI):
    """The application behind its guard, which checks host, origin, token and size of a request.

    The guard is around all other middleware but CORS, so that every answer has the security
    headers, also those to refused requests and to unexpected errors.
    """

    def __init__(self, settings: ServerSettings, **options: Any) -> None:
        super().__init__(**options)
        self.settings, self.service = settings, Service(settings)
        self.event_stream = EventStream(self.service.board)
        self.requests: set[asyncio.Task[Any]] = set()  # the requests that are being answered
        self.awaited: set[Job] = set()  # the runs for whose results requests wait
        self.entry: Callable[[Scope, Receive, Send], Awaitable[None]] = self.guard
        if settings.cors_origins:
            self.entry = CORSMiddleware(
                self.guard,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "Range"],
                expose_headers=["Location", "Retry-After", "Content-Range", "ETag"],
            )
        self.add_exception_handler(HTTPException, on_http_error)
        self.add_exception_handler(RequestValidationError, on_validation_error)
        self.add_exception_handler(UsageError, on_usage_error)
        for error_class in (VideoError, FileNotFoundError, PermissionError):
            self.add_exception_handler(error_class, on_video_error)
        self.add_exception_handler(CancelledError, on_cancelled)
        self.add_exception_handler(Exception, on_unexpected_error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        elif scope["type"] == "http":
            await self.entry(scope, receive, send)

    async def guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it; limits its body, and adds the security headers."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        limit = IMPORT_LIMIT if scope["path"] == "/tags/import" else BODY_LIMIT
        refusal = self.refusal(scope, headers, limit)
        if refusal:
            await refusal(scope, receive, with_security_headers(scope, send))
            return
        decode_path(scope)
        task = asyncio.current_task()
        assert task
        self.requests.add(task)
        try:
            # A ShortFileError ends the answer below its Content-Length: uvicorn cuts it off.
            with contextlib.suppress(ShortFileError), confined_to(self.service.roots.paths):
                sender = Compressor(scope, headers, with_security_headers(scope, send))
                await super().__call__(scope, limit_body(receive, limit), sender)
        except* anyio.BrokenResourceError:
            pass  # who followed the events has left, with more of them on the way
        finally:
            self.requests.discard(task)

    def refusal(self, scope: Scope, headers: Mapping[str, str], limit: int) -> Response | None:
        """The answer to a request that must not reach a route; None for one that may pass."""
        settings, method = self.settings, scope["method"]
        if not settings.knows_host(headers.get("host", "")):
            return problem_response(421, "this server does not go by that name: see VIDEO_HOSTS")
        if settings.is_cross_site(method, headers):
            return problem_response(403, "requests from other sites are refused")
        if not settings.token and not is_local(scope.get("client")):
            return problem_response(403, "requests from other machines need a server with a token")
        if not self.is_open(scope["path"]) and not self.is_authorized(method, headers):
            return problem_response(401, "a token is needed", {"www-authenticate": "Bearer"})
        size = headers.get("content-length", "0")
        if not is_number(size):
            return problem_response(400, "Content-Length should be a number")
        if int(size) > limit:
            return problem_response(413, f"at most {limit:,} bytes are taken")
        return None

    @staticmethod
    def is_open(path: str) -> bool:
        """Whether a path needs no token: the files of the page, and what it calls without one."""
        return path in ("/", "/health", "/session") or path.startswith("/web/")

    def is_authorized(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request has the token or, where it only reads, the session cookie."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        cookie = next((value for name, _, value in pairs if name == COOKIE), "")
        bearer = credentials.strip(" \t") if scheme.lower() == "bearer" else ""
        # Headers were decoded as Latin-1, which keeps every byte.
        secrets = bearer.encode("latin-1"), cookie.encode("latin-1")
        return self.settings.authorizes(*secrets, reading=method in ("GET", "HEAD"))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the model of errors and the ways to give a token; its
        operations are in groups by the first part of their path."""
        schema = super().openapi()
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                operation["tags"] = [path.split("/")[1]]
        components = schema.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}) | {"ProblemOut": problem})
        bearer = {"bearer": {"type": "http", "scheme": "bearer"}}
        cookie = {"cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE}}
        components["securitySchemes"] = bearer | cookie
        schema["security"] = [{}, {"bearer": []}, {"cookie": []}]
        return schema

    def cancel_requests(self) -> None:
        """Cut short the answers that are still being sent, so that the server can end."""
        for task in self.requests:
            task.cancel()


def app_of(request: Request) -> App:
    """The application that a request came to."""
    app: App = request.scope["app"]
    return app


def with_security_headers(scope: Scope, send: Send) -> Send:
    """`send` that adds the security headers to a response, those that it has not itself, and says
    that it begins."""
    on_begun = scope.get("extensions", {}).get(BEGUN, {}).get("call")

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            fixed = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
            others = [header for header in fixed if header[0] not in own]
            message = {**message, "headers": [*message["headers"], *others]}
        await send(message)
        if on_begun:
            on_begun()

    return send_with_headers


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """What is done when the server starts, and when it ends.

    A signal to end cancels the jobs at once: uvicorn first waits for open requests, and those that
    follow jobs end only when the jobs do. Requests that are still open after Serve.GRACE seconds
    are cancelled.
    """
    assert isinstance(app, App)
    service, awaited, loop = app.service, app.awaited, asyncio.get_running_loop()
    handlers: dict[int, Any] = {}
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)

    def stop() -> None:
        service.board.stop()
        for job in awaited:
            job.cancelled.set()
        loop.call_later(Serve.GRACE, app.cancel_requests)

    def on_signal(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(stop)
        if callable(handler := handlers[number]):
            handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        for stopping in (signal.SIGINT, signal.SIGTERM):
            handlers[stopping] = signal.signal(stopping, on_signal)
    service.watch()
    try:
        with logged_once_per_second(), limited_connections():
            yield
    finally:
        await asyncio.to_thread(service.close)
        sys.setswitchinterval(switch_interval)
        for number, handler in handlers.items():
            signal.signal(number, handler)


# === Exceptions ===================================================================================


def on_http_error(request: Request, error: Exception) -> Response:
    """The status that a route raised, as a problem."""
    assert isinstance(error, HTTPException)
    if error.status_code == 204:
        return Response(status_code=204)
    return problem_response(error.status_code, str(error.detail), error.headers)


def on_validation_error(request: Request, error: Exception) -> Response:
    """422 with the wrong fields."""
    assert isinstance(error, RequestValidationError)
    fields = [
        {"field": ".".join(map(str, e["loc"][1:])) or "body", "message": str(e["msg"])}
        for e in error.errors()
    ]
    detail = "; ".join(f"{field['field']}: {field['message']}" for field in fields)
    return problem_response(422, detail, errors=fields)


def on_usage_error(request: Request, error: Exception) -> Response:
    """What is wrong with a request, with the status of the error's class."""
    status = next((s for kind, s in STATUS.items() if isinstance(error, kind)), 400)
    relative = app_of(request).service.roots.relative
    fields = error.fields if isinstance(error, ParameterError) else []
    errors = [{"field": name, "message": relative(message)} for name, message in fields]
    headers = {"retry-after": "5"} if status == 429 else None
    return problem_response(status, relative(str(error)), headers, errors)


def on_video_error(request: Request, error: Exception) -> Response:
    """404 for a file that is gone, 409 for what the state of the library's files does not allow."""
    status = 404 if isinstance(error, FileNotFoundError) else 409
    return problem_response(status, app_of(request).service.roots.relative(reason_of(error)))


def on_cancelled(request: Request, error: Exception) -> Response:
    """503: the client has gone, or the server is about to end."""
    return problem_response(503, "stopped before the answer was found")


def on_unexpected_error(request: Request, error: Exception) -> Response:
    """500 without any detail, which is in the server's log."""
    return problem_response(500, "the server failed; its log says how")
