"""Models of what the API takes (names in ...In) and answers (names in ...Out).

FastAPI checks bodies against the former and documents the latter in /openapi.json; answers are not
converted to them, so that a large page costs no second pass. Times are seconds, sizes bytes;
`video` and `path` are relative to the listed folder.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from videolib.storage.markers import MOST_MARKERS, TITLE_LENGTH, Marker, MarkerChange
from videolib.storage.playback import Playback
from videolib.storage.tag_details import BEST_RATING, DETAILS, NOTE_LENGTH
from videolib.storage.tags import TagChange
from videolib.storage.user_records import LAST_MOMENT


class ResponseModel(BaseModel):
    """An answer; fields may be added to it."""

    model_config = ConfigDict(extra="allow")


class RequestModel(BaseModel):
    """A body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


TwoItems = Field(min_length=2, max_length=2)
Interval = Annotated[list[float], TwoItems]
Presence = bool | Literal["stale"]
Names = Annotated[list[str], Field(max_length=1000)]
MOST_NAMED = 10_000  # videos in one request
LEFT_OUT = "videos of other types than `ext` takes, counted by extension"
REFRESHING = (
    "true while all files are looked at since the server was started: this is how they were before,"
    " and an event `library` says when that is over, and whether anything changed"
)
PersonId = Annotated[int, Field(ge=1, le=999_999_999)]


# === Server =======================================================================================


class FieldErrorOut(ResponseModel):
    field: str
    message: str


class ProblemOut(ResponseModel):
    """RFC 9457: what went wrong, without paths of this machine."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["holiday.mp4: no such video"])
    errors: list[FieldErrorOut] | None = None


class HealthOut(ResponseModel):
    status: Literal["ok"]
    version: str


class SessionOut(ResponseModel):
    required: bool = Field(description="whether this server has a token")
    authenticated: bool = Field(description="whether this request knew it")


class SessionIn(RequestModel):
    token: str = Field(max_length=1000, examples=["what --token was given"])


# === Videos =======================================================================================


VERSIONS = "with detail=1, by kind: for `v` in the addresses of its files, which then never change"


class VideoFactsOut(ResponseModel):
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
    encrypted: bool | None = None


class KnownFailureOut(ResponseModel):
    """Why kinds of artifacts cannot be made of a video, as an earlier run found."""

    reason: str
    kinds: list[str]


class CardPlaybackOut(ResponseModel):
    """How far a video was watched."""

    position: float = Field(description="seconds, where to resume it")
    progress: float = Field(description="share of the video before the position, 0 to 1")
    watched: bool


class VideoRowOut(VideoFactsOut):
    """A video in a listing."""

    path: str = Field(description="from the listed folder", examples=["trips/holiday.mp4"])
    name: str
    artifacts: dict[str, Presence] | None = Field(None, description="with detail=1")
    versions: dict[str, str] | None = Field(None, description=VERSIONS)
    tags: list[str] | None = Field(None, description="with detail=1")
    performers: list[str] | None = Field(None, description="with detail=1")
    rating: float | None = Field(None, description="with detail=1, where there is one")
    favourite: bool | None = Field(None, description="with detail=1, where it is one")
    note: str | None = Field(None, description="the same")
    date: str | None = Field(None, description="the same")
    playback: CardPlaybackOut | None = Field(
        None, description="with detail=1, where it was begun or watched"
    )
    broken: list[KnownFailureOut] | None = Field(
        None, description="with detail=1, where an earlier run found the file to be at fault"
    )
    damaged: str | None = Field(
        None, description="with detail=1, where verify found it: what does not decode, and when"
    )
    rotten: str | None = Field(
        None, description="with detail=1, where verify found it: bytes that changed by themselves"
    )


class VideosOut(ResponseModel):
    total: int
    offset: int
    limit: int
    complete: bool = Field(description="false while a large folder is looked at for the first time")
    refreshing: bool = Field(description=REFRESHING)
    left_out: dict[str, int] = Field({}, description=LEFT_OUT)
    videos: list[VideoRowOut]


class NeighboursOut(ResponseModel):
    """A video's place in a listing: those beside it are null at the ends, and everywhere where the
    listing does not have it."""

    position: int | None = Field(description="from 0 on")
    total: int
    previous: VideoRowOut | None
    next: VideoRowOut | None


class VideoCardOut(VideoFactsOut):
    """A video beside others, with its thumbnail."""

    picture: str | None
    versions: dict[str, str]


class ArtifactFileOut(ResponseModel):
    part: str = Field(description="for /videos/{name}/files/{kind}/{part}")
    type: str
    url: str


class ArtifactsOut(ResponseModel):
    video: str
    artifacts: dict[str, Presence]
    files: dict[str, list[ArtifactFileOut]]
    versions: dict[str, str]


class SubtitleFileOut(ResponseModel):
    """A file of subtitles, generated or beside the video."""

    file: str
    language: str
    purpose: str
    url: str = Field(description="of the same as WebVTT")


class VideoDetailsOut(VideoRowOut):
    """A video with its artifacts, their files and their records."""

    video: str
    artifacts: dict[str, Presence] | None = None
    files: dict[str, list[ArtifactFileOut]]
    subtitles: list[SubtitleFileOut]
    documents: dict[str, dict[str, Any] | None] = Field(
        description="the records of artifacts by kind, null where not made"
    )


class CopiesOut(ResponseModel):
    """What a transcode made of a video, and what it was made of itself, as absolute paths."""

    video: str
    original: str | None
    copies: list[str]


class SoundTrackOut(ResponseModel):
    stream: int = Field(description="its index in the file, what `sound` takes")
    codec: str
    language: str
    title: str
    channels: int
    playable: bool


class TextTrackOut(ResponseModel):
    """Subtitles of text inside the file."""

    stream: int
    language: str
    purpose: str
    default: bool
    url: str


class HlsOfferOut(ResponseModel):
    """How a browser plays a video."""

    method: Literal["direct", "remux", "encode", "none"] = Field(
        description="the file itself; its streams copied into segments; encoded; not at all"
    )
    reason: str | None = Field(description="why not the file itself, or why not at all")
    url: str = Field(description="of the file or the playlist; empty where there is none")
    query: dict[str, str] = Field(description="goes behind the URL; `viewer` has to be added")
    duration: float
    encrypted: bool = Field(description="in parts at least")
    lines: int = Field(description="the most that an encoded picture has")
    sound: int | None = Field(description="the stream that is heard")
    sounds: list[SoundTrackOut]
    subtitles: list[TextTrackOut]


class MetadataOut(ResponseModel):
    """What ffprobe tells: `format`, `streams`, `chapters`, and when and from what it was made."""


class RenameIn(RequestModel):
    to: str = Field(description="from the folder", examples=["trips/rome.mp4"])
    dry_run: bool = False


class RenameOut(ResponseModel):
    video: str
    to: str
    url: str
    dry_run: bool
    moves: list[Annotated[list[str], TwoItems]] = Field(
        description="[from, to] of every file, the video's first"
    )


class ReportOut(ResponseModel):
    total: int
    left_out: dict[str, int] = Field({}, description=LEFT_OUT)
    counts: dict[str, int]
    stale: dict[str, int]
    coverage: dict[str, float]
    to_make: dict[str, int] = Field(description="neither fresh nor known to fail, by kind")
    broken: list[dict[str, Any]] = Field(description="{video, reason, kinds} of each failure")
    damaged: list[dict[str, str]] = Field(description="{video, reason}, as verify found it")
    rotten: list[dict[str, str]] = Field(description="{video, reason}, as verify found it")
    videos: list[dict[str, Any]]


class ForecastOut(ResponseModel):
    """What `finish` would make now, and how long that takes on this machine."""

    videos: int
    counts: dict[str, int] = Field(description="videos by task")
    seconds: float = Field(description="0 where nothing is known")
    unknown: list[str] = Field(description="tasks that are not in it: none was made here yet")
    time: str = Field(examples=["about 3 minutes"])
    missing: dict[str, str] = Field(description="what tasks need that is not here")


# === Tags =========================================================================================


class TagsOut(ResponseModel):
    video: str
    tags: list[str]
    performers: list[str]
    rating: float | None = Field(None, description="0 to 5")
    favourite: bool | None = Field(None, description="only where it is one")
    note: str | None = None
    date: str | None = None


class PlaybackOut(ResponseModel):
    video: str
    position: float = Field(description="seconds, where to resume it; 0: at the beginning")
    progress: float = Field(description="share of the video before the position, 0 to 1")
    watched: bool = Field(description="to its end, or marked so")
    played_at: str | None = None
    watched_at: str | None = None


class PlaybackIn(RequestModel):
    """Where a player is in a video that is `duration` long; or with `watched` what somebody says of
    it, and at which position it is to be resumed."""

    position: float = Field(0.0, ge=0, le=LAST_MOMENT, description="seconds")
    duration: float = Field(0.0, ge=0, le=LAST_MOMENT, description="seconds; 0: not known")
    watched: bool | None = None

    def change(self, playback: Playback) -> Playback:
        """A playback after this."""
        if self.watched is None:
            return playback.played(self.position, self.duration or playback.duration)
        return playback.marked(self.watched, self.position)


class MarkerItem(RequestModel):
    """A time in a video, in seconds, and what is there."""

    time: float = Field(ge=0, le=LAST_MOMENT)
    title: str = Field("", max_length=TITLE_LENGTH)


class MarkersOut(ResponseModel):
    video: str
    markers: list[MarkerItem]


class MarkersIn(RequestModel):
    """Markers that are taken away, by their times, and then some that are added."""

    add: list[MarkerItem] = Field([], max_length=MOST_MARKERS)
    remove: list[MarkerItem] = Field([], max_length=MOST_MARKERS)

    def change(self) -> MarkerChange:
        """Raises UsageError for a wrong title."""
        checked = ([Marker.checked(m.time, m.title) for m in ms] for ms in (self.add, self.remove))
        return MarkerChange(*checked)


class DetailsIn(BaseModel):
    """What a tags file has beside names; null stands for nothing."""

    rating: float | None = Field(None, ge=0, le=BEST_RATING)
    favourite: bool | None = Field(None, description="false: no longer")
    note: str | None = Field(None, max_length=NOTE_LENGTH)
    date: str | None = Field(None, examples=["2024-01-31"])

    def details(self) -> dict[str, Any]:
        """Those of the fields that were given."""
        given = self.model_dump(include=set(DETAILS))
        return {key: value for key, value in given.items() if key in self.model_fields_set}


class TagUpdateIn(RequestModel, DetailsIn):
    """Changes of the tags of a video; with `replace` those in `add` take the place of all tags, and
    those in `performers_add`, where there are any, that of all performers. Of rating, favourite,
    note and date those that are given change; null takes one away."""

    add: Names = Field([], examples=[["tag1"]])
    remove: Names = Field([], examples=[["tag2"]])
    performers_add: Names = []
    performers_remove: Names = []
    replace: bool = False


class NameChangeIn(RequestModel):
    """A change of the tags and performers of several videos."""

    videos: Annotated[list[str], Field(max_length=MOST_NAMED)] = Field(examples=[["a.mp4"]])
    add: Names = []
    remove: Names = []
    performers_add: Names = []
    performers_remove: Names = []


class BulkTagsIn(RequestModel):
    changes: Annotated[list[NameChangeIn], Field(max_length=MOST_NAMED)]

    def by_videos(self) -> list[tuple[list[str], TagChange]]:
        """Names of videos with the change of those."""
        return [
            (row.videos, TagChange(**row.model_dump(exclude={"videos"}))) for row in self.changes
        ]


class VideoErrorOut(ResponseModel):
    video: str
    error: str


class BulkTagsOut(ResponseModel):
    changed: int = Field(description="videos")
    undo: list[NameChangeIn] = Field(description="the `changes` that take these back")
    errors: list[VideoErrorOut] = Field(description="of videos that stay as they were")


class TagEntryIn(DetailsIn):
    """A video of an export; other fields that the export has are ignored."""

    video: str = Field(examples=["path/to/file.mp4"])
    tags: Names = []
    performers: Names = []


class TagImportIn(BaseModel):
    """An export to take over; other fields that it has are ignored."""

    videos: Annotated[list[TagEntryIn], Field(max_length=100_000)]
    mode: Literal["merge", "replace"] = "merge"
    dry_run: bool = False


class TagImportOut(ResponseModel):
    dry_run: bool
    matched: int
    unknown: list[str] = Field(description="videos that are not there")


class TagExportOut(ResponseModel):
    videos: list[TagsOut]
    errors: list[dict[str, str]]


class NameCountOut(ResponseModel):
    name: str
    count: int


class TagSummaryOut(ResponseModel):
    tags: list[NameCountOut]
    performers: list[NameCountOut]


# === Duplicates ===================================================================================


class DuplicatePairOut(ResponseModel):
    a: str
    b: str
    similarity: float
    kind: Literal["exact", "similar", "mirrored", "shifted"]


class DuplicateGroupOut(ResponseModel):
    keeper: str
    reason: str = Field(description="why that one is the one to keep")
    matches: list[str]
    details: dict[str, dict[str, Any]] = Field(description="what decided, by video")


class DuplicatesOut(ResponseModel):
    threshold: float
    left_out: dict[str, int] = Field({}, description=LEFT_OUT)
    pairs: list[DuplicatePairOut]
    groups: list[DuplicateGroupOut]
    total: int = Field(description="videos looked at")
    total_pairs: int
    total_groups: int
    without_hash: int = Field(description="videos whose phash is not made yet")
    without_timeline: int = Field(
        description="with deep, videos in which shifted copies cannot be sought yet"
    )
    videos: dict[str, VideoCardOut]


# === Search in subtitles ==========================================================================


class SubtitleLineOut(ResponseModel):
    start: float
    end: float
    text: str
    offsets: list[Annotated[list[int], TwoItems]] = Field(
        description="[from, to] of what was found in the text, in characters"
    )
    file: str


class VideoLinesOut(ResponseModel):
    """A video in whose subtitles the words are."""

    video: str
    url: str
    count: int = Field(description="lines found; `matches` has the first of them")
    matches: list[SubtitleLineOut]


class SearchOut(ResponseModel):
    total: int = Field(description="videos")
    offset: int
    limit: int
    searched: int = Field(description="videos that have subtitles")
    refreshing: bool = Field(description="true while some subtitles were not looked at yet")
    left_out: dict[str, int] = Field({}, description=LEFT_OUT)
    results: list[VideoLinesOut]
    errors: list[dict[str, str]] = Field(description="subtitles that could not be read")


# === People =======================================================================================


class VideoPersonOut(ResponseModel):
    """A person of one video; times are seconds."""

    signature: str
    person: int | None = Field(description="who it is in /faces/listing, where that was made")
    label: str | None
    intervals: list[Interval]
    frames: int
    time: float = Field(description="the best moment")
    box: list[float] = Field(description="x, y, width and height then, in pixels of the video")
    score: float
    picture: str | None


class FacesOut(ResponseModel):
    video: str
    model: str
    people: list[VideoPersonOut]


class OccurrenceOut(ResponseModel):
    """A video that a person is in."""

    video: str
    url: str
    signature: str
    intervals: list[Interval]
    frames: int
    picture: str | None


class PersonOut(ResponseModel):
    id: int
    label: str | None
    label_distance: float | None = Field(description="from the gallery; null for others")
    named_by_hand: bool
    hidden: bool
    ambiguous: list[str] = Field(
        description="names of the gallery that fit too equally, or one beyond the threshold"
    )
    picture: str | None
    occurrences: list[OccurrenceOut]


class PeopleOut(ResponseModel):
    total: int
    offset: int
    limit: int
    generated_at: str
    model: str
    people: list[PersonOut]
    videos: int = Field(description="videos with signatures")
    left_out: list[dict[str, str]] = Field(description="the first videos that are not, and why")
    total_left_out: int


# A change of a person as options of the command `people`, and who must have the face that is given
# to somebody else; 0: anybody.
PersonChange = tuple[dict[str, Any], int]


class RenamePersonIn(RequestModel):
    action: Literal["rename"]
    name: str = Field(min_length=1, max_length=200, examples=["Jane Doe"])

    def change(self, person: int) -> PersonChange:
        return {"rename": (str(person), self.name)}, 0


class MergePeopleIn(RequestModel):
    action: Literal["merge"]
    ids: Annotated[list[PersonId], Field(min_length=1, max_length=1000)] = Field(
        description="who is the same person"
    )

    def change(self, person: int) -> PersonChange:
        return {"merge": (person, *self.ids)}, 0


class ReassignFaceIn(RequestModel):
    action: Literal["reassign"]
    signature: str = Field(pattern="^[0-9a-f]{1,64}$")
    to: PersonId | Literal["new"]

    def change(self, person: int) -> PersonChange:
        return {"move": (self.signature, str(self.to))}, person


class MarkPersonIn(RequestModel):
    action: Literal["split", "hide", "show"]

    def change(self, person: int) -> PersonChange:
        return {self.action: person}, 0


PersonChangeIn = Annotated[
    RenamePersonIn | MergePeopleIn | ReassignFaceIn | MarkPersonIn, Field(discriminator="action")
]


class PeopleUndoIn(RequestModel):
    change: int = Field(0, ge=0, le=1 << 53, description="a decision by its number; 0: the last")


class PeopleChangeOut(ResponseModel):
    action: str
    told: str = Field(description="what was done, in words")
    warning: str = Field(description="what speaks against it; empty where nothing does")
    change: int = Field(
        description="the number of the decision, for /faces/undo; 0: it is for good"
    )
    people: list[PersonOut] = Field(description="whom it concerns, as they are now")


# === Jobs =========================================================================================


class JobIn(RequestModel):
    task: str = Field(examples=["thumbs"])
    directory: str = "."
    recursive: bool = False
    force: bool = False
    params: dict[str, Any] = Field({}, description="the task's own, see /tasks")


class TouchedOut(ResponseModel):
    """What a job has touched."""

    videos: list[str] | None = Field(description="from its folder; null: too many to name")
    kinds: list[str] = Field(description="of artifacts")


class JobOut(ResponseModel):
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
    touched: TouchedOut | None = Field(
        description="once it has ended: what it may have changed; null: anything"
    )


class JobDetailsOut(JobOut):
    recursive: bool
    force: bool
    params: dict[str, Any]
    messages: list[str]
    result: Any


class JobsOut(ResponseModel):
    jobs: list[JobOut]
