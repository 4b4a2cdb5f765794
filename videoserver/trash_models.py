"""Models of the trash: what is deleted, brought back, and deleted for good; see models.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from videoserver.models import MOST_NAMED, RequestModel, ResponseModel


class DeletionIn(RequestModel):
    videos: Annotated[list[str], Field(min_length=1, max_length=MOST_NAMED)] = Field(
        examples=[["trips/rome.mp4"]]
    )


class DeletionOut(ResponseModel):
    """Videos that went to the trash together, with all that is their own."""

    id: int = Field(description="for /trash/{id}/undo")
    command: Literal["delete", "dupes"] = Field(description="what moved them there")
    videos: list[str]
    files: int = Field(description="that are in the trash, with the artifacts of the videos")
    size: int
    made_at: str
    interrupted: bool = Field(description="a part of them was not moved yet; undo takes it back")


class TrashOut(ResponseModel):
    deletions: list[DeletionOut] = Field(description="that can be taken back, the last one first")


class TrashContentsOut(ResponseModel):
    """All that lies in the trash: deleted videos, copies and orphans."""

    videos: int
    files: int = Field(description="with the artifacts of the videos")
    size: int
    version: str = Field(description="for DELETE /trash; another one when anything comes or goes")


class EmptiedTrashOut(ResponseModel):
    videos: int = Field(description="that are gone for good")
    files: int
    size: int
    problems: list[str] = Field(description="about what could not be deleted")


class RestoredOut(ResponseModel):
    videos: list[str]
    files: int = Field(description="that are back")
    problems: list[str] = Field(description="about files that are not")
