"""Models of what this server can do: tasks, kinds of artifacts, limits; see models.py."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from videoserver.models import ResponseModel


class TaskOut(ResponseModel):
    task: str
    aliases: list[str]
    kind: str | None = Field(description="of the artifacts that it makes; null: it makes none")
    summary: str
    takes: list[Literal["recursive", "force"]]
    params: dict[str, Any] = Field(description="JSON schema of `params`")


class TasksOut(ResponseModel):
    tasks: list[TaskOut]


class EntriesOut(ResponseModel):
    """The list in a record that tells how much there is of an artifact."""

    list: str = Field(examples=["scenes"])
    word: str = Field(description="what one entry is called", examples=["scene"])


class KindOut(ResponseModel):
    """A kind of artifact, as people choose among them."""

    label: str = Field(description="what people call it", examples=["Thumbnail"])
    task: str | None = Field(description="which makes it; null: none does")
    on_request: bool = Field(description="whether finish leaves it out unless told otherwise")
    slow: bool = Field(description="whether a batch makes one at a time")
    finds_faults: bool = Field(description="whether it says what is wrong with the video")
    entries: EntriesOut | None


class ConfigOut(ResponseModel):
    """Effective defaults of every task, and the limits of the server."""

    version: str
    roots: list[str]
    kinds: list[str]
    kind_details: dict[str, KindOut] = Field(description="of every one of `kinds`")
    task_by_kind: dict[str, str] = Field(description="which task makes the artifacts of a kind")
    kinds_on_request: list[str] = Field(description="what finish leaves out unless told otherwise")
    limits: dict[str, int]
    tasks: dict[str, dict[str, Any]]
