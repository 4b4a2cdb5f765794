"""Orphans: artifacts whose video is gone. They are put with it again, or moved to the trash.

`find_orphans` -> `match_orphans` (videos that have moved without their artifacts) ->
`settle_orphans` (through the journal) -> OrphanReport.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import is_folder, remove, stat_of
from videolib.core.text import plural, printable
from videolib.organize.folder_index import FolderIndex, without_corrupt_mark
from videolib.organize.rewriting import VideoMove, add_moves, exported_moves, moved_name
from videolib.storage.artifacts import SIDECAR_KINDS
from videolib.storage.exported import exported_names
from videolib.storage.folders import LEADS_OUT, Library, folders_below
from videolib.storage.journal import Journal
from videolib.storage.markers import merge_markers
from videolib.storage.names import SIDECARS, VIDEO_EXTENSIONS, is_video_name, sidecar_key
from videolib.storage.playback import merge_playback
from videolib.storage.sidecars import SidecarDir, abandoned_paths
from videolib.storage.tags import merge_tags
from videolib.storage.videos import Video, source_identity

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.steps import LibraryPaths


class Orphan(NamedTuple):
    """The artifacts of a video that is gone."""

    video: Video  # as it was
    files: dict[str, str]  # name of each artifact in the sidecar folder -> its kind

    def source(self) -> tuple[int, str, Any] | None:
        """Size in bytes, oshash and mtime in ns of the video, from the first record that has them.

        The record of tags is read first. None where no record has them.
        """
        records = [name for name in self.files if name.endswith(".json")]
        for name in sorted(records, key=lambda name: self.files[name] != "tags"):
            source = (read_json(f"{self.video.sidecar_dir}/{name}") or {}).get("source")
            if isinstance(source, dict):
                size, oshash = source.get("size"), source.get("oshash")
                if isinstance(size, int) and isinstance(oshash, str) and oshash:
                    return size, oshash, source.get("mtime_ns")
        return None

    def as_json(self) -> dict[str, Any]:
        kinds = list(dict.fromkeys(self.files.values()))
        return {"video": self.video.rel, "kinds": kinds, "files": sorted(self.files)}


# === Orphans ======================================================================================


def find_orphans(job: Job, library: Library) -> tuple[list[Orphan], list[str]]:
    """The orphans of a library, and the paths of temporaries that dead runs left behind.

    Sidecar folders without any video beside them are searched, too. What cannot be read is added to
    the library's `problems`.
    """
    root = str(library.root.absolute()).rstrip("/")
    artifacts_root = str((library.artifacts_dir or library.root).absolute()).rstrip("/")
    orphans: list[Orphan] = []
    temporaries: list[str] = []

    def unreadable(error: OSError) -> None:
        rel = str(error.filename)[len(artifacts_root) + 1 :] or "./"
        library.problems.append((rel, f"cannot be listed: {error.strerror}"))

    folders = folders_below(artifacts_root, unreadable)
    for folder in folders if library.recursive else itertools.islice(folders, 1):
        job.check()
        sidecar_dir = f"{folder}/{SIDECARS}"
        below = f"{folder[len(artifacts_root) + 1 :]}/".removeprefix("/")
        if not is_folder(sidecar_dir) or leads_out(library, sidecar_dir, below):
            continue
        try:
            orphans += orphans_in(f"{root}/{below}".rstrip("/"), below, sidecar_dir)
            temporaries += abandoned_paths(sidecar_dir)
        except OSError as error:
            unreadable(error)
    return orphans, temporaries


def leads_out(library: Library, sidecar_dir: str, below: str) -> bool:
    """Whether links in a sidecar folder lead out of the roots; they are added to the problems."""
    outward = library.roots.links_out_of(sidecar_dir) if library.roots else []
    library.problems += [(f"{below}{SIDECARS}{name}", LEADS_OUT) for name in outward]
    return bool(outward)


def orphans_in(folder: str, below: str, sidecar_dir: str) -> list[Orphan]:
    """The orphans in the sidecar folder of a folder, sorted by name.

    `below` is the path of the folder from the root: "", or with a slash at its end. Raises OSError.
    """
    index = FolderIndex()
    present = [name for name in index.names(folder) if is_video_name(name)]
    owned: set[str] = set()
    for name in present:
        owned.update(index.sidecars(Video(f"{folder}/{name}", below + name, sidecar_dir)))
    keys = {sidecar_key(name) for name in present}
    orphans: dict[str, Orphan] = {}
    for name in sorted(SidecarDir(sidecar_dir)):
        if name not in owned and (owner := owner_of(name)) and owner[0] not in keys:
            key, kind = owner
            video = Video(f"{folder}/{key}", below + key, sidecar_dir)
            orphans.setdefault(key, Orphan(video, {})).files[name] = kind
    return list(orphans.values())


def owner_of(name: str) -> tuple[str, str] | None:
    """The name of the video and the kind of artifact that a file name stands for.

    Where it could be that of several videos, the longest name is taken. None where it is not the
    name of an artifact.
    """
    base = without_corrupt_mark(name)
    for text in dict.fromkeys((base, base.removeprefix("."))):
        for dot in reversed([match.start() for match in re.finditer(r"\.", text)]):
            video = Video(text[:dot], text[:dot], "")
            if is_video_name(video.name):
                for kind, artifact in SIDECAR_KINDS.items():
                    if artifact.owned(video, [base]):
                        return video.name, kind
    return None


# === Their videos =================================================================================


class OrphanMatches(NamedTuple):
    """Where the videos of orphans are now."""

    targets: dict[str, Video]  # path where a video was -> the video where it is now
    ambiguous: list[tuple[Orphan, list[Video]]]  # orphans for which it could be any of several

    def messages(self) -> list[tuple[str, str]]:
        """(name, message) of each ambiguous orphan."""
        how = "give the right one that name again, and then another with rename"
        return [
            (orphan.video.rel, f"could be any of {', '.join(v.rel for v in videos)}: {how}")
            for orphan, videos in self.ambiguous
        ]


def match_orphans(job: Job, videos: Iterable[Video], orphans: Iterable[Orphan]) -> OrphanMatches:
    """The videos of orphans, found among `videos` by size and oshash.

    Of several videos the only one with the same mtime is taken, else the only one with the same
    name, else the only one without artifacts.
    """
    index, matches = FolderIndex(), OrphanMatches({}, [])
    sources = [(orphan, source) for orphan in orphans if (source := orphan.source())]
    candidates = videos_of_sizes(job, videos, {source[0] for _, source in sources})
    for orphan, (size, oshash, mtime_ns) in sources:
        same = candidates.get((size, oshash), [])
        narrowed = (
            [video for video, _ in same],
            [video for video, time in same if time == mtime_ns],
            [video for video, _ in same if video.name == orphan.video.name],
            [video for video, _ in same if not index.sidecars(video)],
        )
        if target := next((videos[0] for videos in narrowed if len(videos) == 1), None):
            matches.targets[orphan.video.path] = target
        elif same:
            matches.ambiguous.append((orphan, narrowed[0]))
    return matches


def videos_of_all_types(library: Library) -> Iterator[Video]:
    """The videos of a library, whatever its extensions."""
    extensions = VIDEO_EXTENSIONS | library.extensions
    artifacts_dir, roots = library.artifacts_dir, library.roots
    yield from Library(
        library.root, library.recursive, extensions, artifacts_dir, roots
    ).all_videos()


def videos_of_sizes(
    job: Job, videos: Iterable[Video], sizes: Collection[int]
) -> dict[tuple[int, str], list[tuple[Video, int]]]:
    """(size, oshash) -> (video, mtime in ns) of each video with one of these sizes in bytes."""
    by_source: dict[tuple[int, str], list[tuple[Video, int]]] = {}
    for video in videos if sizes else ():
        job.check()
        with contextlib.suppress(OSError):
            if stat_of(video.path).st_size in sizes:
                source = source_identity(video)
                key = (source["size"], source.get("oshash", ""))
                by_source.setdefault(key, []).append((video, source["mtime_ns"]))
    return by_source


# === Changes ======================================================================================


def settle_orphans(
    job: Job,
    paths: LibraryPaths,
    orphans: Sequence[Orphan],
    targets: Mapping[str, Video],
    delete: bool,
) -> dict[str, list[str]]:
    """Put orphans with their videos and, with `delete`, move the other files to the trash.

    `targets` are as in OrphanMatches. Returns the names of the files that stay because their place
    is taken, by the path where their video was. Raises VideoError where nothing was changed.
    """
    matched = [(o, targets[o.video.path]) for o in orphans if o.video.path in targets]
    lost = [orphan for orphan in orphans if orphan.video.path not in targets]
    if not matched and not (delete and lost):
        return {}
    sidecar_dirs = {video.sidecar_dir for video in [*(o.video for o in orphans), *targets.values()]}
    facts = {"relinked": len(matched), "deleted": len(lost) * delete}
    with Journal(paths, "orphans", facts, sidecar_dirs) as journal:
        left = relink(journal, matched)
        for orphan in orphans if delete else ():
            path = orphan.video.path
            folders = dict.fromkeys(orphan.files, orphan.video.sidecar_dir)
            exported = exported_names(orphan.video, own=True)
            folders |= dict.fromkeys(exported, path.rpartition("/")[0])
            names = left.pop(path, []) if path in targets else list(folders)
            for name in filter(folders.get, names):
                journal.trash(f"{folders[name]}/{name}")
            if strange := [name for name in names if name not in folders]:
                left[path] = strange
        journal.commit(job)
    return left


def relink(journal: Journal, pairs: Iterable[tuple[Orphan, Video]]) -> dict[str, list[str]]:
    """Plan to put orphans with their videos, and to merge tags where the video has some.

    Returns the same as `settle_orphans`.
    """
    moves, taken = list[VideoMove](), set[str]()
    left: dict[str, list[str]] = {}
    merged: dict[tuple[Video, str], list[Video]] = {}
    for orphan, target in pairs:
        files = []
        for name, kind in orphan.files.items():
            path = f"{target.sidecar_dir}/{moved_name(name, orphan.video, target)}"
            if path not in taken and not os.path.lexists(path):
                taken.add(path)
                files.append((f"{orphan.video.sidecar_dir}/{name}", path))
            elif path not in taken and name == mergeable_name(kind, orphan.video):
                merged.setdefault((target, kind), []).append(orphan.video)
                journal.trash(f"{orphan.video.sidecar_dir}/{name}")
            else:
                left.setdefault(orphan.video.path, []).append(name)
        for old, new in exported_moves(orphan.video, target):
            if new not in taken and not os.path.lexists(new):
                taken.add(new)
                files.append((old, new))
            else:
                left.setdefault(orphan.video.path, []).append(old.rpartition("/")[2])
        moves.append(VideoMove(orphan.video, target, files))
    add_moves(journal, moves)
    for (target, kind), sources in merged.items():
        MERGES[kind](target, sources, journal)
    return left


# Kinds of which two files become one, where a video has its own already.
MERGES = {"tags": merge_tags, "playback": merge_playback, "markers": merge_markers}


def mergeable_name(kind: str, video: Video) -> str:
    """The name of the file of a kind that can be merged with another; "" for other kinds."""
    return SIDECAR_KINDS[kind].record_name(video) if kind in MERGES else ""


def follow_moves(
    job: Job, library: Library, paths: LibraryPaths, gone: Iterable[str], videos: Iterable[Video]
) -> list[tuple[str, str]]:
    """Put the artifacts of videos that went with those of `videos` that they have become.

    `gone` are paths from the root. Returns (old, new) of each that was found. Raises VideoError
    where nothing was changed, OSError.
    """
    names = frozenset(gone)
    folders = sorted({rel[: rel.rfind("/") + 1] for rel in names})
    root = str(library.root.absolute()).rstrip("/")
    orphans = [
        orphan
        for below in folders
        for orphan in orphans_in(f"{root}/{below}".rstrip("/"), below, library.sidecar_dir(below))
        if orphan.video.rel in names
    ]
    return relink_moved(job, paths, orphans, videos)


def relink_moved(
    job: Job, paths: LibraryPaths, orphans: Sequence[Orphan], videos: Iterable[Video]
) -> list[tuple[str, str]]:
    """Put orphans with those of `videos` that are theirs; returns and raises as `follow_moves`."""
    targets = match_orphans(job, videos, orphans).targets
    settle_orphans(job, paths, orphans, targets, delete=False)
    matched = [orphan.video for orphan in orphans if orphan.video.path in targets]
    return [(video.rel, targets[video.path].rel) for video in matched]


def resolve_orphans(
    job: Job, library: Library, paths: LibraryPaths, relink: bool, delete: bool
) -> OrphanReport:
    """Find what a library has of videos that are gone, and do with it what is asked for. Raises
    VideoError where nothing was changed."""
    orphans, temporaries = find_orphans(job, library)
    matches = OrphanMatches({}, [])
    if relink:
        matches = match_orphans(job, videos_of_all_types(library), orphans)
    left = settle_orphans(job, paths, orphans, matches.targets, delete)
    for path in temporaries if delete else ():
        remove(path)
    found = (orphans, temporaries, matches.targets, left, library.problems)
    return OrphanReport(*found, matches.messages(), relink, delete)


# === Report =======================================================================================


class OrphanReport(NamedTuple):
    """The orphans of a library, and what was done with them.

    `targets` and `left` are as in `settle_orphans`, `unmatched` as OrphanMatches has messages;
    `relink` and `delete` say what was asked for.
    """

    orphans: Sequence[Orphan]
    temporaries: Sequence[str]
    targets: Mapping[str, Video]
    left: Mapping[str, list[str]]
    problems: Sequence[tuple[str, str]]
    unmatched: Sequence[tuple[str, str]]
    relink: bool
    delete: bool

    @property
    def failed(self) -> bool:
        """Whether something was left or could not be read."""
        return any(self.left.values()) or bool(self.problems)

    def rows(self) -> list[dict[str, Any]]:
        """{video, kinds, files, action, target?, left?} of each orphan."""
        rows: list[dict[str, Any]] = []
        for orphan in self.orphans:
            path = orphan.video.path
            relinked = path in self.targets
            action = "relinked" if relinked else "deleted" if self.delete else "found"
            row = orphan.as_json() | {"action": action}
            row |= {"target": self.targets[path].rel} if relinked else {}
            rows.append(row | ({"left": self.left[path]} if path in self.left else {}))
        return rows

    def as_json(self) -> dict[str, Any]:
        rows = self.rows()
        counts = dict(Counter(row["action"] for row in rows))
        errors = [{"video": name, "error": reason} for name, reason in self.problems]
        return {
            "total": len(rows),
            "counts": counts,
            "orphans": rows,
            "temporaries": len(self.temporaries),
            "errors": errors,
        }

    def text(self) -> str:
        rows = self.rows()
        counts = Counter(row["action"] for row in rows)
        summary = f"{plural(len(rows), 'video')} gone"
        actions = ", ".join(f"{n:,} {action}" for action, n in counts.items() if action != "found")
        if actions:
            summary += f", {actions}: --undo takes it back"
        elif rows and not self.relink:
            summary += ": --relink looks for them, --delete moves what they left to the trash"
        lines = [*map(orphan_line, rows), summary]
        swept = "removed" if self.delete else "found: --delete removes them"
        lines += [f"temporaries: {len(self.temporaries):,} {swept}"] if self.temporaries else []
        return "\n".join(lines)


def orphan_line(row: Mapping[str, Any]) -> str:
    """A row of OrphanReport as text."""
    target = f" -> {row['target']}" if "target" in row else ""
    files = f"{plural(len(row['files']), 'file')} ({', '.join(row['kinds'])})"
    left = f"; left, since their names are taken: {', '.join(row.get('left', ()))}"
    left += ": --delete moves these to the trash"
    return printable(f"{row['video']}{target}: {files}{left if 'left' in row else ''}")
