"""Models of what helps to find videos: suggestions, folders and saved searches; see models.py."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from videolib.catalogue.query import QUERY_LENGTH
from videolib.core.options import VideoOrder
from videoserver.models import REFRESHING, RequestModel, ResponseModel, VideoRowOut


class FilterOut(ResponseModel):
    text: str = Field(description="a term of the query language", examples=["codec:hevc"])
    videos: int = Field(description="how many it finds")


class SuggestionsOut(ResponseModel):
    tags: list[str]
    performers: list[str]
    words: list[str] = Field(description="of the query language")
    filters: list[FilterOut] = Field(description="terms that find something")
    titles: list[VideoRowOut] = Field(description="videos with that in their name")


class FolderOut(ResponseModel):
    name: str
    path: str = Field(description="from the listed folder; empty for that itself")
    videos: int = Field(description="in the folder itself")
    total: int = Field(description="in it and below it")
    folders: int = Field(description="in it that lead to videos")


class FoldersOut(FolderOut):
    """A folder, and a page of the tree below it: each folder is followed by those in it."""

    count: int = Field(description="folders on all pages")
    offset: int
    limit: int
    complete: bool = Field(description="as in /videos")
    refreshing: bool = Field(description=REFRESHING)
    tree: list[FolderOut]


class SavedSearchIn(RequestModel):
    q: str = Field("", max_length=QUERY_LENGTH, description="as in /videos")
    sort: VideoOrder = "title"
    order: Literal["asc", "desc", ""] = ""
    seed: int = Field(0, ge=0, le=1 << 31)
    view: str = Field("", max_length=40, description="how it is shown: any word of the client")


class SavedSearchOut(ResponseModel):
    name: str
    q: str
    sort: str
    order: str
    seed: int
    view: str


class SavedSearchesOut(ResponseModel):
    searches: list[SavedSearchOut] = Field(description="sorted by name")


class SavedSearchChangeOut(ResponseModel):
    """A search as it is now and as it was: PUT of `previous` takes the change back, or DELETE where
    that is null."""

    search: SavedSearchOut | None
    previous: SavedSearchOut | None
