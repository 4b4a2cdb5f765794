"""The library over HTTP: every route, what it takes, and what it answers.

    uvicorn api:app            with VIDEO_ROOTS, VIDEO_TOKEN ... in the environment
    python index.py serve      the same with flags

Every answer that is not data is an RFC 9457 problem. Paths name a video by its name in or below
`directory`, percent-encoded byte for byte; what a listing gives as `url` is that already.
"""

# How a request is answered: the guard in videoserver/app.py lets it pass, FastAPI checks it against
# the signature of its route (videoserver/parameters.py) and the models in videoserver/models.py,
# and the route asks the Service (videoserver/service.py) for plain data, which it sends as JSON.
# Errors of the library become problems in videoserver/app.py. FastAPI publishes the summary and the
# docstring of a route.

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.convertors import register_url_convertor

import index
from videolib.catalogue.saved_searches import SavedSearch
from videolib.media.frames import FrameRequest
from videolib.organize.tagging import ImportedTags
from videolib.storage.tags import TagChange
from videoserver import finding_models, models, task_models, trash_models
from videoserver.app import COOKIE, SECURITY_HEADERS, App, app_of, lifespan
from videoserver.downloads import FOREVER, FileDownload, bytes_response, vtt_response
from videoserver.files import MEDIA_TYPES
from videoserver.hls.parameters import (
    PLAYLIST_TYPE,
    SEGMENT_TYPE,
    AbilitiesDep,
    SegmentQueryDep,
    segment_params,
)
from videoserver.http import POLICY, AnyPathConvertor, json_response, problems
from videoserver.page import page_file_response, page_policy, page_response, versioned, web_folder
from videoserver.parameters import (
    BelowDep,
    CountedFields,
    DeletionInPath,
    DirectoryDep,
    DuplicateOptionsDep,
    Extensions,
    JobDep,
    Kind,
    LastEventDep,
    Limit,
    Offset,
    Order,
    PartDep,
    PersonInPath,
    Prefix,
    QueryText,
    Recursive,
    Seed,
    ServiceDep,
    Sort,
    StillTime,
    StillTolerance,
    SwaggerDep,
    TaskNames,
    TrashVersion,
    Version,
    VideoDep,
    VideoFilterDep,
    get_followed_job,
    parse_names,
)
from videoserver.service import VideoFilter
from videoserver.settings import PAGE_LIMIT, ServerSettings
from videoserver.stills import WIDTHS as STILL_WIDTHS
from videoserver.stills import still_form
from videoserver.subtitles import subtitle_as_vtt

register_url_convertor("name", AnyPathConvertor())  # before the routes whose paths name it

# === Routes: the pages and the session ============================================================

routes = APIRouter(responses=problems())


@routes.get("/", include_in_schema=False)
def page(service: ServiceDep) -> Response:
    if not (web_folder() / "index.html").is_file():
        return Response("The API is here; its page is not installed.\n", media_type="text/plain")
    service.hls.prepare()  # who looks at a library plays something soon
    return page_response("index.html", page_policy(SECURITY_HEADERS[POLICY]))


@routes.get("/web/{name:name}", include_in_schema=False)
def page_file(name: str) -> Response:
    return page_file_response(web_folder(), *versioned(name))


@routes.get("/docs", include_in_schema=False)
def documentation(swagger: SwaggerDep) -> Response:
    return page_response("docs.html")


@routes.get("/docs/{name}", include_in_schema=False)
def documentation_file(swagger: SwaggerDep, name: str) -> Response:
    return page_file_response(swagger, name)


@routes.get("/health", response_model=models.HealthOut, summary="Whether the server is alive")
async def health() -> Response:
    return json_response({"status": "ok", "version": index.__version__})


@routes.get(
    "/session", response_model=models.SessionOut, summary="Whether a token is needed and was given"
)
async def session(request: Request) -> Response:
    app = app_of(request)
    authenticated = app.is_authorized("GET", dict(request.headers))
    return json_response({"required": bool(app.settings.token), "authenticated": authenticated})


@routes.post("/session", status_code=204, summary="Trade the token for a cookie that may read")
async def open_session(service: ServiceDep, body: models.SessionIn) -> Response:
    settings = service.settings
    if not settings.authorizes(os.fsencode(body.token), b"", reading=False):
        await asyncio.sleep(0.5)  # slows down guessing
        raise HTTPException(401, "that is not the token", {"www-authenticate": "Bearer"})
    response = Response(status_code=204)
    if settings.token:
        response.set_cookie(COOKIE, settings.session_cookie(), httponly=True, samesite="strict")
    return response


@routes.delete("/session", status_code=204, summary="Forget the cookie")
async def close_session() -> Response:
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


# === Routes: videos ===============================================================================


@routes.get("/videos", response_model=models.VideosOut, summary="List videos, page by page")
def videos(
    service: ServiceDep,
    directory: DirectoryDep,
    video_filter: VideoFilterDep,
    recursive: Recursive = False,
    offset: Offset = 0,
    limit: Limit = 100,
    sort: Sort = "name",
    ext: Extensions = "",
) -> Response:
    options = {"recursive": recursive, "sort": sort, "ext": ext}
    return json_response(service.videos(directory, offset, limit, video_filter, options))


@routes.get(
    "/videos/suggest",
    response_model=finding_models.SuggestionsOut,
    summary="How a word of a query, or a tag, may go on",
)
def suggest(
    service: ServiceDep,
    directory: DirectoryDep,
    prefix: Prefix = "",
    fields: CountedFields = "",
    ext: Extensions = "",
) -> Response:
    counted = parse_names("fields", fields)
    return json_response(service.finding.suggest(directory, prefix, counted, ext))


@routes.get("/search", response_model=models.SearchOut, summary="Find words in all subtitles")
def search(
    service: ServiceDep,
    directory: DirectoryDep,
    text: Annotated[str, Query(max_length=10_000, examples=["moon"])],
    recursive: Recursive = False,
    offset: Offset = 0,
    limit: Limit = 100,
    lines: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="of one video")] = 20,
    ext: Extensions = "",
) -> Response:
    page = {"offset": offset, "limit": limit, "lines": lines}
    options = {"recursive": recursive, "ext": ext} | page
    return json_response(service.finding.search(directory, text, options))


@routes.get(
    "/folders",
    response_model=finding_models.FoldersOut,
    summary="The tree of folders, with how many videos are in each",
)
def folders(
    service: ServiceDep,
    directory: DirectoryDep,
    below: BelowDep,
    depth: Annotated[int, Query(ge=1, le=100, description="levels below that folder")] = 1,
    offset: Offset = 0,
    limit: Limit = PAGE_LIMIT,
    q: QueryText = "",
    ext: Extensions = "",
) -> Response:
    page = {"depth": depth, "offset": offset, "limit": limit}
    return json_response(service.finding.folders(directory, below, q, page, ext))


@routes.get(
    "/searches",
    response_model=finding_models.SavedSearchesOut,
    summary="The searches that were saved for a folder",
    responses=problems(409),
)
def saved_searches(service: ServiceDep, directory: DirectoryDep) -> Response:
    return json_response(service.finding.saved_searches(directory))


@routes.put(
    "/searches/{name:name}",
    response_model=finding_models.SavedSearchChangeOut,
    summary="Save a search, in place of the one of that name",
    responses=problems(409),
)
def save_search(
    service: ServiceDep, directory: DirectoryDep, name: str, body: finding_models.SavedSearchIn
) -> Response:
    search = SavedSearch(name, **body.model_dump())
    return json_response(service.finding.save_search(directory, search))


@routes.delete(
    "/searches/{name:name}",
    response_model=finding_models.SavedSearchChangeOut,
    summary="Forget a saved search",
    responses=problems(409),
)
def delete_search(service: ServiceDep, directory: DirectoryDep, name: str) -> Response:
    return json_response(service.finding.delete_search(directory, name))


@routes.get("/report", response_model=models.ReportOut, summary="How far artifacts are made")
def report(
    service: ServiceDep, directory: DirectoryDep, recursive: Recursive = False, ext: Extensions = ""
) -> Response:
    return json_response(service.report(directory, recursive, ext))


@routes.get("/forecast", response_model=models.ForecastOut, summary="How long finish would take")
def forecast(
    service: ServiceDep,
    job: JobDep,
    directory: DirectoryDep,
    recursive: Recursive = False,
    ext: Extensions = "",
    tasks: TaskNames = "",
) -> Response:
    options = {"recursive": recursive, "ext": ext}
    return json_response(service.forecast(directory, parse_names("tasks", tasks), options, job))


@routes.get(
    "/videos/{name:name}/artifacts",
    response_model=models.ArtifactsOut,
    summary="Which artifacts a video has, with every file",
)
def artifacts(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.files.artifacts(video))


@routes.get(
    "/videos/{name:name}/metadata",
    response_model=models.MetadataOut,
    summary="What ffprobe knows of a video",
    responses=problems(409),
)
def metadata(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.files.record(video, "metadata"))


@routes.get(
    "/videos/{name:name}/neighbours",
    response_model=models.NeighboursOut,
    summary="The videos before and after one among those that a query finds",
)
def neighbours(
    service: ServiceDep,
    directory: DirectoryDep,
    video: VideoDep,
    recursive: Recursive = False,
    q: QueryText = "",
    sort: Sort = "name",
    order: Order = None,
    seed: Seed = 0,
    ext: Extensions = "",
) -> Response:
    options = {"recursive": recursive, "sort": sort, "ext": ext}
    video_filter = VideoFilter(q, direction=order, seed=seed)
    return json_response(service.neighbours(directory, video, video_filter, options))


@routes.post(
    "/videos/{name:name}/rename",
    response_model=models.RenameOut,
    summary="Rename or move a video with all that is its own",
    responses=problems(409),
)
def rename(
    service: ServiceDep, directory: DirectoryDep, video: VideoDep, body: models.RenameIn
) -> Response:
    return json_response(service.rename(directory, video, body.to, body.dry_run))


# === Routes: tags =================================================================================


@routes.get(
    "/videos/{name:name}/tags",
    response_model=models.TagsOut,
    summary="Tags and performers of a video",
    responses=problems(409),
)
def tags(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.tags(video))


@routes.post(
    "/videos/{name:name}/tags",
    response_model=models.TagsOut,
    summary="Change tags and performers",
    responses=problems(409),
)
@routes.patch(
    "/videos/{name:name}/tags",
    response_model=models.TagsOut,
    summary="Change tags and performers",
    responses=problems(409),
)
def change_tags(service: ServiceDep, video: VideoDep, body: models.TagUpdateIn) -> Response:
    change = TagChange(
        body.add,
        body.remove,
        body.replace,
        body.performers_add,
        body.performers_remove,
        clear_performers=body.replace and bool(body.performers_add),
        details=body.details(),
    )
    return json_response(service.change_tags(video, change))


@routes.get(
    "/videos/{name:name}/playback",
    response_model=models.PlaybackOut,
    summary="How far a video was watched",
    responses=problems(409),
)
def playback(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.playback(video))


@routes.patch(
    "/videos/{name:name}/playback",
    response_model=models.PlaybackOut,
    summary="Note where a player is, or that a video was watched",
    responses=problems(409),
)
def change_playback(service: ServiceDep, video: VideoDep, body: models.PlaybackIn) -> Response:
    return json_response(service.playback(video, body.change))


@routes.get(
    "/videos/{name:name}/markers",
    response_model=models.MarkersOut,
    summary="The markers that a user set in a video",
    responses=problems(409),
)
def markers(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.markers(video))


@routes.patch(
    "/videos/{name:name}/markers",
    response_model=models.MarkersOut,
    summary="Set markers in a video, or take some away",
    responses=problems(409),
)
def change_markers(service: ServiceDep, video: VideoDep, body: models.MarkersIn) -> Response:
    return json_response(service.markers(video, body.change()))


@routes.get("/tags/export", response_model=models.TagExportOut, summary="All tags and performers")
def export_tags(
    service: ServiceDep, directory: DirectoryDep, recursive: Recursive = False
) -> Response:
    return json_response(service.export_tags(directory, recursive))


@routes.post(
    "/tags/import",
    response_model=models.TagImportOut,
    summary="Add tags and performers to many videos, or replace theirs",
    responses=problems(409),
)
def import_tags(service: ServiceDep, directory: DirectoryDep, body: models.TagImportIn) -> Response:
    entries = [
        ImportedTags(entry.video, entry.tags, entry.performers, entry.details())
        for entry in body.videos
    ]
    replace = body.mode == "replace"
    return json_response(service.import_tags(directory, entries, replace, body.dry_run))


@routes.post(
    "/tags/change",
    response_model=models.BulkTagsOut,
    summary="Change tags and performers of many videos",
    responses=problems(409),
)
def change_tags_of_many(
    service: ServiceDep, directory: DirectoryDep, body: models.BulkTagsIn
) -> Response:
    return json_response(service.change_tags_of_many(directory, body.by_videos()))


@routes.get(
    "/tags/summary", response_model=models.TagSummaryOut, summary="Tags with how many have them"
)
def tag_summary(
    service: ServiceDep, directory: DirectoryDep, recursive: Recursive = False
) -> Response:
    return json_response(service.tag_summary(directory, recursive))


# === Routes: the trash ============================================================================


@routes.get(
    "/trash", response_model=trash_models.TrashOut, summary="What was deleted and can come back"
)
def trash(service: ServiceDep, directory: DirectoryDep) -> Response:
    return json_response(service.trash.list(directory))


@routes.post(
    "/trash",
    response_model=trash_models.DeletionOut,
    summary="Delete videos: move them to the trash with all that is their own",
    responses=problems(409),
)
def delete_many(
    service: ServiceDep, directory: DirectoryDep, body: trash_models.DeletionIn
) -> Response:
    return json_response(service.trash.delete(directory, body.videos))


@routes.get(
    "/trash/contents",
    response_model=trash_models.TrashContentsOut,
    summary="How much is in the trash",
)
def trash_contents(service: ServiceDep, directory: DirectoryDep) -> Response:
    return json_response(service.trash.contents(directory))


@routes.delete(
    "/trash",
    response_model=trash_models.EmptiedTrashOut,
    summary="Delete all that is in the trash for good",
    responses=problems(409),
)
def empty_trash(service: ServiceDep, directory: DirectoryDep, version: TrashVersion) -> Response:
    return json_response(service.trash.empty(directory, version))


@routes.post(
    "/trash/{deletion}/undo",
    response_model=trash_models.RestoredOut,
    summary="Bring back what was deleted",
    responses=problems(409),
)
def restore(service: ServiceDep, directory: DirectoryDep, deletion: DeletionInPath) -> Response:
    return json_response(service.trash.restore(directory, deletion))


# === Routes: people and duplicates ================================================================


@routes.get(
    "/videos/{name:name}/faces",
    response_model=models.FacesOut,
    summary="The people of a video",
    responses=problems(409),
)
def faces(service: ServiceDep, directory: DirectoryDep, video: VideoDep) -> Response:
    return json_response(service.people.of_video(directory, video))


@routes.get(
    "/faces/listing",
    response_model=models.PeopleOut,
    summary="The people of a folder, page by page",
    responses=problems(409, 503),
)
def people(
    service: ServiceDep,
    job: JobDep,
    directory: DirectoryDep,
    recursive: Recursive = False,
    offset: Offset = 0,
    limit: Limit = 200,
    hidden: Annotated[bool, Query(description="also those that were hidden")] = False,
    ext: Extensions = "",
) -> Response:
    """What the task `listing` stored or, for ten minutes, what it would: that stores nothing."""
    options = {"recursive": recursive, "ext": ext}
    return json_response(service.people.of_folder(directory, offset, limit, hidden, options, job))


@routes.post(
    "/faces/people/{person}",
    response_model=models.PeopleChangeOut,
    summary="Name, merge, split or hide a person, or say whom a face shows",
    responses=problems(409),
)
def change_person(
    service: ServiceDep,
    directory: DirectoryDep,
    person: PersonInPath,
    body: Annotated[models.PersonChangeIn, Body()],
    recursive: Recursive = False,
) -> Response:
    return json_response(service.people.change(directory, recursive, *body.change(person)))


@routes.post(
    "/faces/undo",
    response_model=models.PeopleChangeOut,
    summary="Take a decision on people back, the last one where none is named",
    responses=problems(409),
)
def undo_person(
    service: ServiceDep,
    directory: DirectoryDep,
    body: Annotated[models.PeopleUndoIn, Body(default_factory=models.PeopleUndoIn)],
    recursive: Recursive = False,
) -> Response:
    return json_response(service.people.undo(directory, recursive, body.change))


@routes.delete(
    "/faces/people/{person}",
    response_model=models.PeopleChangeOut,
    summary="Forget a person: delete their vectors and pictures for good",
    responses=problems(409),
)
def forget_person(
    service: ServiceDep,
    directory: DirectoryDep,
    person: PersonInPath,
    recursive: Recursive = False,
) -> Response:
    return json_response(service.people.change(directory, recursive, {"forget": person}))


@routes.get(
    "/phash/duplicates",
    response_model=models.DuplicatesOut,
    summary="Find copies; jobs of the task dupes deal with them",
    responses=problems(409, 503),
)
def duplicates(
    service: ServiceDep,
    job: JobDep,
    directory: DirectoryDep,
    options: DuplicateOptionsDep,
) -> Response:
    return json_response(service.duplicates(directory, options, job))


# === Routes: files ================================================================================


FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"*/*": {}}},
    206: {"description": "A part of it", "content": {"*/*": {}}},
    304: {"description": "As the client has it"},
    **problems(416),
}


@routes.get(
    "/videos/{name:name}/stream",
    response_class=Response,
    responses=FILE_RESPONSES,
    summary="A video, whole or by ranges",
)
def stream(video: VideoDep) -> Response:
    return FileDownload(video.path, MEDIA_TYPES[Path(video.path).suffix.lower()])


@routes.get(
    "/videos/{name:name}/files/{kind}",
    response_class=Response,
    responses=FILE_RESPONSES,
    summary="The file of an artifact that one looks at",
)
def main_file(service: ServiceDep, video: VideoDep, kind: Kind, version: Version = "") -> Response:
    path = service.files.path(video, kind)
    return FileDownload(path, MEDIA_TYPES[path.suffix], fixed=bool(version))


@routes.get(
    "/videos/{name:name}/files/{kind}/{part}",
    response_class=Response,
    responses=FILE_RESPONSES,
    summary="One file of an artifact",
)
def any_file(
    service: ServiceDep, video: VideoDep, kind: Kind, part: PartDep, version: Version = ""
) -> Response:
    path = service.files.path(video, kind, part)
    return FileDownload(path, MEDIA_TYPES[path.suffix], fixed=bool(version))


@routes.get(
    "/videos/{name:name}/picture",
    response_class=Response,
    responses={
        200: {"description": "The picture", "content": {"image/webp": {}, "image/jpeg": {}}},
        **problems(409, 429),
    },
    summary="A video's thumbnail in a small size, or a moment of it",
)
def picture(
    request: Request,
    service: ServiceDep,
    video: VideoDep,
    width: Annotated[int, Query(ge=1, le=STILL_WIDTHS[-1], description="in pixels, about")] = 384,
    time: StillTime = None,
    tolerance: StillTolerance = 0.0,
    version: Version = "",
) -> Response:
    form = still_form(width, request.headers.get("accept", ""))
    if time is None:
        still = service.stills.thumbnail(video, form)
    else:
        still = service.stills.moment(video, FrameRequest(time, tolerance), form)
    headers = {"cache-control": FOREVER if version else "private, no-cache", "vary": "Accept"}
    return Response(still.content, 200, headers, still.media_type)


# HEAD of these files: players ask how long a file is before they ask for a part of it.
FILE_ROUTES: dict[str, Callable[..., Response]] = {
    "stream": stream,
    "files/{kind}": main_file,
    "files/{kind}/{part}": any_file,
}
for path, route in FILE_ROUTES.items():
    routes.head(f"/videos/{{name:name}}/{path}", include_in_schema=False)(route)


# === Routes: playing ==============================================================================


@routes.get(
    "/videos/{name:name}/hls",
    response_model=models.HlsOfferOut,
    summary="How a browser plays a video",
    responses=problems(409, 429, 503),
)
def hls_offer(
    service: ServiceDep,
    video: VideoDep,
    job: JobDep,
    abilities: AbilitiesDep,
    sound: Annotated[int | None, Query(description="index of the stream to be heard")] = None,
    excluded: Annotated[str, Query(description="methods that failed already")] = "",
) -> Response:
    return json_response(service.hls.offer(video, abilities, sound, excluded.split(","), job))


@routes.get(
    "/videos/{name:name}/hls/index.m3u8",
    response_class=Response,
    summary="The playlist of a video in segments",
    responses=problems(409, 429, 503),
)
def hls_playlist(
    request: Request,
    service: ServiceDep,
    video: VideoDep,
    job: JobDep,
    query: SegmentQueryDep,
    begin: Annotated[float, Query(ge=0, description="where one begins to watch")] = 0.0,
) -> Response:
    text = service.hls.playlist(video, query, segment_params(request.url.query), begin, job)
    return Response(text, headers={"cache-control": "no-store"}, media_type=PLAYLIST_TYPE)


@routes.get(
    "/videos/{name:name}/hls/init.mp4",
    response_class=Response,
    summary="What a player needs before the segments",
    responses={**FILE_RESPONSES, **problems(409, 416, 429, 503)},
)
def hls_init(
    request: Request,
    service: ServiceDep,
    video: VideoDep,
    job: JobDep,
    query: SegmentQueryDep,
    number: Annotated[int, Query(ge=0, description="of the segment that is asked for next")] = 0,
) -> Response:
    content = service.hls.init(video, query, number, job)
    return bytes_response(request, content, SEGMENT_TYPE, f'"{query.version}-init"')


@routes.get(
    "/videos/{name:name}/hls/subtitles/{stream:int}.vtt",
    response_class=Response,
    summary="Subtitles of text inside a video",
    responses=problems(409, 429, 503),
)
def hls_subtitles(
    request: Request, service: ServiceDep, video: VideoDep, job: JobDep, stream: int
) -> Response:
    return vtt_response(service.hls.subtitles(video, stream, job))


@routes.get(
    "/videos/{name:name}/subtitles/{part}",
    response_class=Response,
    summary="A file of subtitles as WebVTT",
    responses=problems(409),
)
def subtitle_file(service: ServiceDep, video: VideoDep, part: PartDep) -> Response:
    return vtt_response(subtitle_as_vtt(video, part, service.roots))


@routes.get(
    "/videos/{name:name}/hls/{number:int}.m4s",
    response_class=Response,
    summary="A segment of a video",
    responses={**FILE_RESPONSES, **problems(409, 416, 429, 503)},
)
def hls_segment(
    request: Request,
    service: ServiceDep,
    video: VideoDep,
    job: JobDep,
    query: SegmentQueryDep,
    number: int,
) -> Response:
    content = service.hls.segment(video, query, number, job)
    return bytes_response(request, content, SEGMENT_TYPE, f'"{query.version}-{number}"')


@routes.get(
    "/videos/{name:name}/copies",
    response_model=models.CopiesOut,
    summary="What transcodes made of a video, and its original",
)
def copies(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.copies.links(video))


# After all other routes of a video: its pattern matches their paths, too.
@routes.get(
    "/videos/{name:name}",
    response_model=models.VideoDetailsOut,
    summary="Everything about one video",
)
def details(service: ServiceDep, video: VideoDep) -> Response:
    return json_response(service.files.details(video))


@routes.delete(
    "/videos/{name:name}",
    response_model=trash_models.DeletionOut,
    summary="Delete a video: move it to the trash with all that is its own",
    responses=problems(409),
)
def delete_video(service: ServiceDep, directory: DirectoryDep, video: VideoDep) -> Response:
    return json_response(service.trash.delete(directory, [video.rel]))


# === Routes: jobs =================================================================================


@routes.get(
    "/tasks", response_model=task_models.TasksOut, summary="What jobs can do, with their parameters"
)
def tasks(service: ServiceDep) -> Response:
    return json_response({"tasks": service.tasks()})


@routes.get(
    "/config", response_model=task_models.ConfigOut, summary="Effective defaults and limits"
)
def config(service: ServiceDep, directory: DirectoryDep) -> Response:
    return json_response(service.config(directory))


@routes.post(
    "/jobs",
    status_code=202,
    response_model=models.JobDetailsOut,
    summary="Submit a job",
    responses={
        **problems(429),
        200: {"model": models.JobDetailsOut, "description": "It waits already"},
    },
)
def submit(service: ServiceDep, body: Annotated[models.JobIn, Body()]) -> Response:
    switches = {"recursive": body.recursive, "force": body.force}
    job, is_new = service.submit(body.task, body.directory, switches, body.params)
    headers = {"location": f"/jobs/{job.id}"}
    return json_response(job.as_json(whole=True), 202 if is_new else 200, headers)


@routes.get("/jobs", response_model=models.JobsOut, summary="List jobs, the newest first")
def jobs(service: ServiceDep) -> Response:
    return json_response({"jobs": [job.as_json() for job in service.board.newest_first()]})


@routes.get(
    "/jobs/{job_id}", response_model=models.JobDetailsOut, summary="One job with its result"
)
def job(service: ServiceDep, job_id: str) -> Response:
    return json_response(service.board.find(job_id).as_json(whole=True))


@routes.delete(
    "/jobs/{job_id}",
    response_model=models.JobDetailsOut,
    summary="Cancel a job; it says cancelled when everything is tidied up",
)
def cancel(service: ServiceDep, job_id: str) -> Response:
    return json_response(service.board.cancel(job_id).as_json(whole=True))


@routes.get(
    "/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    summary="Follow one job until it ends",
    responses={**problems(429), 204: {"description": "It has ended, and the client knows that"}},
)
async def job_events(
    request: Request, job_id: Annotated[str, Depends(get_followed_job)], last: LastEventDep
) -> AsyncIterator[ServerSentEvent]:
    async for event in app_of(request).event_stream.follow(last, job_id):
        yield event


@routes.get(
    "/events",
    response_class=EventSourceResponse,
    summary="Follow all jobs",
    responses=problems(429),
)
async def events(request: Request, last: LastEventDep) -> AsyncIterator[ServerSentEvent]:
    async for event in app_of(request).event_stream.follow(last):
        yield event


# === The application ==============================================================================


def create_app(settings: ServerSettings | None = None) -> App:
    """The application for these settings; without any, for those in the environment."""
    return App(
        settings or ServerSettings.from_environment(),
        title="Video library",
        version=index.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        description=(__doc__ or "").partition("\n\n")[2],
        # As they are: those of an included router are made anew, which the first request waits for.
        routes=routes.routes,
    )


def __getattr__(name: str) -> Any:
    """`api.app`, made from the environment when it is first asked for."""
    if name == "app":
        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(name)
