"""Parameters that routes share: which folder, video or person is meant, which part of a list, and
what FastAPI hands to a route beside them."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, HTTPException, Query, Request
from fastapi import Path as InPath
from starlette.exceptions import HTTPException as StarletteHTTPException

import index
from videolib.core.errors import ParameterError
from videolib.core.options import VideoOrder
from videolib.core.runs import Job
from videolib.core.text import NAMES_HELP, split_names
from videolib.storage.videos import Video
from videoserver import models
from videoserver.app import app_of
from videoserver.http import is_number
from videoserver.page import swagger_folder
from videoserver.service import Service, VideoFilter
from videoserver.settings import PAGE_LIMIT

CLIENT_LIMIT = 64  # clients that may follow events at a time


async def get_service(request: Request) -> Service:
    """The service. A coroutine, since FastAPI would run a plain function in a thread."""
    return app_of(request).service


ServiceDep = Annotated[Service, Depends(get_service)]


def query_text(request: Request, name: str, default: str) -> str:
    """A parameter of a query with its undecodable bytes as in file names (surrogateescape), which
    FastAPI's own value has lost."""
    parameters = urllib.parse.parse_qs(request.url.query, errors="surrogateescape")
    return parameters.get(name, [default])[-1]


async def get_directory(
    request: Request,
    directory: Annotated[
        str, Query(description="the folder, from the first root, or absolute in any root")
    ] = ".",
) -> str:
    """The folder that a query names, see `query_text`."""
    return query_text(request, "directory", directory)


DirectoryDep = Annotated[str, Depends(get_directory)]


async def get_below(
    request: Request,
    below: Annotated[str, Query(description="a folder's path from `directory`")] = "",
) -> str:
    """A folder below the listed one, see `query_text`."""
    return query_text(request, "below", below)


BelowDep = Annotated[str, Depends(get_below)]
Recursive = Annotated[bool, Query(description="also the folders below it")]
Extensions = Annotated[
    str, Query(description="file extensions, comma-separated, or * for every video type")
]
QueryText = Annotated[str, Query(alias="q", description=index.QUERY_HELP)]
Sort = Annotated[
    VideoOrder,
    Query(description="name: that with its folder; title: that without; random: see seed"),
]
Order = Annotated[
    Literal["asc", "desc"] | None,
    Query(description="without it names ascend, and all else begins with the most"),
]
Seed = Annotated[
    int,
    Query(ge=0, le=1 << 31, description="of sort=random: the same one gives the same order"),
]
Offset = Annotated[int, Query(ge=0, le=1 << 31)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT)]
Prefix = Annotated[str, Query(max_length=200, examples=["tag:ni"])]
CountedFields = Annotated[
    str,
    Query(
        max_length=500,
        description="comma-separated: in place of a word's, all filters of these fields",
        examples=["duration,vcodec"],
    ),
]
Kind = Annotated[str, InPath(description="of artifact", examples=["thumbs"])]
Version = Annotated[
    str,
    Query(
        alias="v",
        max_length=64,
        description="any text, such as the version of a listing: clients keep the answer for good",
    ),
]
StillTime = Annotated[
    float | None, Query(ge=0, le=1e7, description="seconds; without it the thumbnail is sent")
]
StillTolerance = Annotated[
    float, Query(ge=0, le=600, description="seconds it may be off where that is faster")
]
DeletionInPath = Annotated[int, InPath(ge=1, le=1 << 31, description="its id in /trash")]
TrashVersion = Annotated[
    str, Query(min_length=1, max_length=64, description="that of /trash/contents")
]
TaskNames = Annotated[str, Query(description="comma-separated; without any all that finish makes")]
PersonInPath = Annotated[models.PersonId, InPath()]


def get_video(
    request: Request,
    service: ServiceDep,
    directory: DirectoryDep,
    name: Annotated[
        str, InPath(description="the video, in or below the folder", examples=["trips/rome.mp4"])
    ],
) -> Video:
    """The video that a path names, its undecodable bytes as in file names (surrogateescape).

    `name` has lost them, but is as long and stands at the same place as in `file_path`, see
    `decode_path`. Raises NotFoundError or OutsideError.
    """
    begin = len("/videos/")
    return service.video(directory, request.scope["file_path"][begin : begin + len(name)])


VideoDep = Annotated[Video, Depends(get_video)]


async def get_part(
    request: Request,
    part: Annotated[
        str,
        InPath(description="one of its files, as /artifacts lists them", examples=["rome.mp4.jpg"]),
    ],
) -> str:
    """The file name at the end of a path, its undecodable bytes as in `get_video`."""
    return str(request.scope["file_path"])[-len(part) :]


PartDep = Annotated[str, Depends(get_part)]


async def get_job(request: Request, service: ServiceDep) -> AsyncIterator[Job]:
    """The run of a request that takes long; cancelled when the client goes or the server ends."""
    job, awaited = service.board.quiet_job(), app_of(request).awaited

    async def wait_for_disconnect() -> None:
        with contextlib.suppress(StarletteHTTPException):  # a GET with a body beyond the limit
            while (await request.receive())["type"] != "http.disconnect":
                pass

    watch = asyncio.create_task(wait_for_disconnect())
    watch.add_done_callback(lambda _: job.cancelled.set())
    awaited.add(job)
    try:
        yield job
    finally:
        awaited.discard(job)
        watch.cancel()


JobDep = Annotated[Job, Depends(get_job)]


async def get_last_event(request: Request) -> AsyncIterator[int | None]:
    """The number of the last event that a client received, if any; the client counts as one that
    follows events until it is answered.

    Raises HTTPException 429 where too many clients follow events already.
    """
    last = request.headers.get("last-event-id", "")
    with app_of(request).event_stream.client(CLIENT_LIMIT):
        yield int(last) if is_number(last) else None


LastEventDep = Annotated[int | None, Depends(get_last_event)]
SwaggerDep = Annotated[Path, Depends(swagger_folder)]


async def get_followed_job(service: ServiceDep, job_id: str, last: LastEventDep) -> str:
    """The id of a job to follow.

    Raises HTTPException 204, after which browsers ask no more, where no event will come any more.
    """
    if service.board.knows_end(job_id, last):
        raise HTTPException(204)
    return job_id


def parse_names(field: str, text: str) -> tuple[str, ...]:
    """The comma-separated names in a parameter; ParameterError names its field."""
    try:
        return tuple(filter(None, split_names(text)))
    except ValueError as error:
        raise ParameterError([(field, str(error))]) from None


def get_video_filter(
    q: QueryText = "",
    order: Order = None,
    seed: Seed = 0,
    detail: Annotated[bool, Query(description="also artifacts, tags and performers")] = False,
    tags: Annotated[str, Query(description=f"tags that it has, {NAMES_HELP}")] = "",
    performers: Annotated[str, Query(description="performers that it has, the same")] = "",
    match_any: Annotated[bool, Query(description="one of those is enough")] = False,
) -> VideoFilter:
    """Which videos a listing has. Raises ParameterError for names that are no list."""
    names = parse_names("tags", tags), parse_names("performers", performers)
    return VideoFilter(q, *names, match_any, detail, order, seed)


VideoFilterDep = Annotated[VideoFilter, Depends(get_video_filter)]


def get_duplicate_options(
    recursive: Recursive = False,
    threshold: Annotated[float | None, Query(ge=0, le=1)] = None,
    deep: Annotated[bool | None, Query(description="also mirrored and cut copies")] = None,
    prefer: Annotated[str | None, Query(description="what decides which copy to keep")] = None,
    limit: Annotated[int | None, Query(ge=1, le=PAGE_LIMIT)] = None,
    ext: Extensions = "",
) -> dict[str, Any]:
    """The options of the command `dupes`."""
    options: dict[str, Any] = {"recursive": recursive, "ext": ext}
    return options | {"threshold": threshold, "deep": deep, "prefer": prefer, "limit": limit}


DuplicateOptionsDep = Annotated[dict[str, Any], Depends(get_duplicate_options)]
