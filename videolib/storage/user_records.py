"""Records of what a user did with a video, in a JSON file beside its tags: playback, own markers.

They are no artifacts: no video has to have one, and none is stale when its video changed. An editor
gets the record as it is now, while no other process changes it; keys that nobody here knows stay.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import EDITED_JSON, json_bytes, parse_json
from videolib.core.errors import VideoError
from videolib.core.files import make_folder, read_optional_file, remove, replace_file
from videolib.core.locks import locked
from videolib.core.text import printable
from videolib.storage.videos import need_video, source_identity

if TYPE_CHECKING:
    from videolib.storage.artifacts import Artifact
    from videolib.storage.journal import Journal
    from videolib.storage.videos import Video

HEAD = ("video", "source")  # which say nothing of what the user did
LAST_MOMENT = 10.0**9  # seconds: no film is longer, whatever a record or a player says

Record = dict[str, Any]
RecordEditor = Callable[[Record], None]  # changes a record in place


def moment_of(value: object) -> float | None:
    """The moment of a video that a record names, in seconds; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LAST_MOMENT else None


def user_record_path(video: Video, artifact: Artifact) -> Path:
    return Path(video.sidecar_dir, artifact.record_name(video))


def read_user_record(video: Video, artifact: Artifact) -> Record:
    """The record of that kind, empty where there is none. Raises VideoError for a corrupt one."""
    return parse_user_record(video, artifact, read_optional_file(user_record_path(video, artifact)))


def parse_user_record(video: Video, artifact: Artifact, content: bytes | None) -> Record:
    """The record in a file's content. Raises VideoError for a corrupt one."""
    try:
        record = {} if content is None else parse_json(content, EDITED_JSON)
        if not isinstance(record, dict):
            raise ValueError("it is not an object")
    except ValueError as error:
        name = printable(artifact.record_name(video))
        raise VideoError(f"{name} is corrupt ({error}): mend it or move it away") from None
    return record


class UserRecordEdit(NamedTuple):
    """A change of a record: the record after it, and the content of its file before and after it;
    None stands for no file."""

    path: Path
    record: Record
    old: bytes | None
    new: bytes | None

    @classmethod
    def of(cls, video: Video, artifact: Artifact, editor: RecordEditor) -> UserRecordEdit:
        """Raises VideoError where the file is corrupt, and what the editor raises."""
        path = user_record_path(video, artifact)
        old = read_optional_file(path)
        record = parse_user_record(video, artifact, old)
        before = dict(record)
        editor(record)
        if record == before:
            return cls(path, record, old, old)
        if not record.keys() - HEAD:
            return cls(path, record, old, None)
        record = {"video": video.rel, "source": source_identity(video)} | {
            key: value for key, value in record.items() if key not in HEAD
        }
        return cls(path, record, old, json_bytes(record))


def update_user_record(video: Video, artifact: Artifact, editor: RecordEditor) -> Record:
    """Change a record of a video; gives the new one.

    Raises VideoError where the video is gone or the file corrupt, what the editor raises, OSError.
    """
    need_video(video)
    sidecar_dir = Path(video.sidecar_dir)
    if not sidecar_dir.is_dir():
        edit = UserRecordEdit.of(video, artifact, editor)
        if edit.new is None:
            return edit.record
        make_folder(sidecar_dir)
    with locked(sidecar_dir):
        edit = UserRecordEdit.of(video, artifact, editor)
        if edit.new is None and edit.old is not None:
            remove(edit.path)
        elif edit.new is not None and edit.new != edit.old:
            replace_file(edit.path, edit.new)
    return edit.record


def journal_user_record(
    video: Video, artifact: Artifact, editor: RecordEditor, journal: Journal
) -> None:
    """Plan to change a record of a video. Raises VideoError where it is corrupt."""
    edit = UserRecordEdit.of(video, artifact, editor)
    if edit.new != edit.old:
        journal.replace(str(edit.path), edit.old, edit.new)
