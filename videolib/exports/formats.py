"""What a format of exports has to give: the contract of the files of this folder.

Most formats make files beside each video from its sidecars (SidecarFormat), some from its frames
(FrameFormat), and some one file for all videos that a query finds (ListFormat). Each is a frozen
dataclass; its fields are its parameters, named as the options of the command, and are recorded.

Names are those of files in the folder of the video. One that ends in `/` is a folder, whose content
is a dict of paths in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from videolib.core.errors import VideoError

if TYPE_CHECKING:
    from videolib.exports.sources import VideoSource
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker

Content = bytes | dict[str, bytes]  # of a file, or of a folder


class NothingToExportError(VideoError):
    """A video lacks what the format is made of; the message says what would make it."""


class AlreadyThereError(NothingToExportError):
    """What the format would make is beside the video already, by somebody else."""


@dataclasses.dataclass(frozen=True)
class Format:
    """What all formats have."""

    # Folders of the format's own below --to, which it then needs; names begin with one of them.
    subfolders: ClassVar[tuple[str, ...]] = ()
    # Whether names are hashes of the video: a file that is there is then as good as one of ours,
    # and exact copies share it.
    named_by_hash: ClassVar[bool] = False
    # Whether `merged` can complete a file that somebody else wrote.
    merges: ClassVar[bool] = False

    def names(self, source: VideoSource) -> list[str]:
        """The names of what will be made, from what is cheap to know: `source` may have no open
        video. Raises NothingToExportError, and VideoError where it cannot be made."""
        raise NotImplementedError

    def merged(self, existing: bytes, content: bytes) -> bytes:
        """Somebody else's file, which is UTF-8, completed by what is in ours. Raises VideoError."""
        raise NotImplementedError

    @property
    def params(self) -> dict[str, Any]:
        """The parameters as they stand in a record."""
        fields = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The format with those of the settings that it has fields for."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in names})


@dataclasses.dataclass(frozen=True)
class ExportFormat(Format):
    """A format with files for each video."""

    # Packages that the worker loads beforehand, beside what opens a video.
    imports: ClassVar[tuple[str, ...]] = ()


@dataclasses.dataclass(frozen=True)
class SidecarFormat(ExportFormat):
    """A format that is made of sidecars, without a look at frames."""

    def content(self, source: VideoSource) -> dict[str, Content]:
        """The content of each of `names`. Raises VideoError."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class FrameFormat(ExportFormat):
    """A format that is made of frames: in the same pass as other artifacts of the run."""

    imports: ClassVar[tuple[str, ...]] = ("av", "numpy", "cv2")

    def maker(self, source: VideoSource, media: Media) -> FrameMaker:
        """What takes the frames; its ArtifactOutput has the content of each of `names` as
        `files`. Raises VideoError."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class ListFormat(Format):
    """A format with one file for all videos that a query finds, in the folder of the library."""

    suffix: ClassVar[str]

    def content(self, sources: Sequence[VideoSource], folder: str, query: str) -> bytes:
        """The content of the file, which will be in `folder` (absolute). Raises VideoError.

        `sources` are in the order of names; `query` is the one that found them, or "".
        """
        raise NotImplementedError
