"""The trash of folders: videos that the API moves there, brings back, or deletes for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from index import ListVideos
from videolib.core.errors import ConflictError, VideoError
from videolib.organize.deletion import delete_videos, deletions, restore
from videolib.organize.emptying import TrashContents, empty_trash

if TYPE_CHECKING:
    from videolib.storage.folders import Roots
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.videos import Video
    from videoserver.commands import CommandBuilder
    from videoserver.jobs import JobBoard


class TrashService:
    """Deletions of videos in the folders of requests, and the way back.

    Methods raise ConflictError where something on the disk is in the way: nothing is changed then.
    """

    def __init__(self, commands: CommandBuilder, board: JobBoard, roots: Roots) -> None:
        self.commands, self.board, self.roots = commands, board, roots

    def paths(self, directory: str) -> LibraryPaths:
        """The folders of a request's library. Raises OutsideError where its journal would be out of
        the roots."""
        return self.commands.build(ListVideos, directory).library_paths()

    def delete(self, directory: str, names: Iterable[str]) -> dict[str, Any]:
        """Move videos of a folder to the trash together: {id, videos, files, size, ...}.

        Raises NotFoundError or OutsideError where one of them is no video of the folder.
        """
        command = self.commands.build(ListVideos, directory)
        folder = self.roots.folder(directory)
        names = dict.fromkeys(names)
        videos = [self.roots.video(folder, name, command.artifacts_dir) for name in names]
        try:
            deletion = delete_videos(command.library_paths(), videos, self.board.quiet_job())
        except VideoError as error:
            raise ConflictError(str(error)) from None
        self.tell_changed(videos)
        return deletion.as_json()

    def list(self, directory: str) -> dict[str, Any]:
        """What was deleted in a folder and can be had back, the last first: {deletions}."""
        rows = deletions(self.paths(directory))
        return {"deletions": [deletion.as_json() for deletion in rows]}

    def contents(self, directory: str) -> dict[str, Any]:
        """All that lies in the trash of a folder and of those below: {videos, files, size,
        version}."""
        return TrashContents.of(self.paths(directory), self.roots).as_json()

    def empty(self, directory: str, version: str) -> dict[str, Any]:
        """Delete all that for good: {videos, files, size, problems}. `version`: as `contents`
        gave it."""
        paths, job = self.paths(directory), self.board.quiet_job()
        try:
            return empty_trash(paths, job, self.roots, version).as_json()
        except VideoError as error:
            raise ConflictError(str(error)) from None

    def restore(self, directory: str, number: int) -> dict[str, Any]:
        """Bring back what was deleted under a number: {videos, files, problems}.

        Raises NotFoundError where there is nothing of that number.
        """
        command = self.commands.build(ListVideos, directory)
        try:
            restored = restore(command.library_paths(), number)
        except VideoError as error:
            raise ConflictError(str(error)) from None
        library = command.library()
        self.tell_changed(library.video(name) for name in restored.videos)
        return restored.as_json()

    def tell_changed(self, videos: Iterable[Video]) -> None:
        """Tell the catalogues which videos went or came."""
        self.commands.catalogue_pool.changed(*(video.path for video in videos))
