"""The subtitle files of a video as browsers show them: as WebVTT, whatever their own format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videolib.core.errors import NotFoundError, OutsideError, VideoError
from videolib.core.text import printable, url_quoted
from videolib.media.metadata import read_metadata, summarize
from videolib.speech.files import read_shown_cues, vtt_file
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.folders import LEADS_OUT
from videolib.storage.subtitles import SubtitleFile, subtitle_files

if TYPE_CHECKING:
    from videolib.storage.folders import Roots
    from videolib.storage.videos import Video

PREFERRED = ("vtt", "srt")  # of several formats of the same subtitles; then all others


def subtitle_rows(video: Video, roots: Roots, url: str) -> list[dict[str, Any]]:
    """{file, language, purpose, url} of the subtitles of a video, whose own URL is `url`: those
    that this program generated first, and one of the same in several formats."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for subtitle in sorted(served_files(video, roots), key=rank):
        name = file_name(subtitle)
        stem = subtitle.path.rpartition(".")[0]
        row = {"file": name, "language": subtitle.language, "purpose": str(subtitle.purpose)}
        row["url"] = f"{url}/subtitles/{url_quoted(name)}"
        rows.setdefault((stem, subtitle.language, subtitle.purpose), row)
    return list(rows.values())


def served_files(video: Video, roots: Roots) -> list[SubtitleFile]:
    """The subtitle files of a video that lie in the roots."""
    return [subtitle for subtitle in subtitle_files(video) if roots.contains(subtitle.path)]


def rank(subtitle: SubtitleFile) -> tuple[bool, int]:
    """What subtitles are sorted by; those of one rank stay as they are."""
    preference = [*PREFERRED, subtitle.format].index(subtitle.format)
    return not subtitle.generated, preference


def file_name(subtitle: SubtitleFile) -> str:
    """The name of a subtitle file without its folder."""
    return subtitle.path.rpartition("/")[2]


def subtitle_as_vtt(video: Video, name: str, roots: Roots) -> bytes:
    """The subtitles in a file of a video. Raises NotFoundError where it has no such file,
    OutsideError where that leads out of the roots, VideoError where it cannot be read."""
    files = {file_name(subtitle): subtitle for subtitle in reversed(subtitle_files(video))}
    if name not in files:
        raise NotFoundError(f"{printable(name)}: no such subtitles")
    if not roots.contains(path := files[name].path):
        raise OutsideError(f"{printable(name)}: {LEADS_OUT}")
    try:
        rate = frame_rate(video) if files[name].format == "sub" else None
        return vtt_file(read_shown_cues(path, rate))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise VideoError(f"{printable(name)}: {reason or 'cannot be read'}") from error


def frame_rate(video: Video) -> float | None:
    """The frames per second of a video by its metadata, which subtitles may count; None where
    these are not known."""
    path = f"{video.sidecar_dir}/{ARTIFACTS['metadata'].record_name(video)}"
    rate: float | None = summarize(read_metadata(path) or {}).get("fps")
    return rate
