"""Tags, performers, ratings, favourites, notes and dates in the files of other programs.

A reader in SOURCES takes a file apart into ForeignTags; `read_source` finds the files and the
videos of a library that they are about.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import parse_json
from videolib.core.errors import Failure, UsageError, VideoError, attempt
from videolib.core.text import printable
from videolib.core.xml import xml_root
from videolib.storage.tag_details import BEST_RATING, details_in

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from videolib.organize.tagging import ImportedTags

LARGEST_FILE = 64 << 20  # bytes of a file that is read as XML, JSON or text
LARGEST_ZIP = 1 << 30  # bytes of all that is unpacked from a zip
PERFORMER_NAMESPACES = ("performer", "person", "actor", "star")  # of hydrus
FACE_TAGS = "people/"  # the folded root below which digiKam keeps whose faces are in a picture

DC, XMP = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/xap/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DIGIKAM_TAGS = "{http://www.digikam.org/ns/1.0/}TagsList"
LIGHTROOM_TAGS = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
PEOPLE_SHOWN = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage"
REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
XMP_DATES = (
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal",
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated",
    f"{{{XMP}}}CreateDate",
)


class ForeignTags(NamedTuple):
    """What a file says of one video, whose path may be of another machine, or without its
    extension."""

    video: str
    tags: Sequence[str]
    performers: Sequence[str]
    details: Mapping[str, Any]


class TagSource(NamedTuple):
    """The entries of an import, and the errors {video, error} of files that cannot be used."""

    entries: list[ImportedTags]
    errors: list[dict[str, str]]


def read_source(name: str, path: Path, root: Path, rels: Sequence[str]) -> TagSource:
    """What files of the source `name`, one of SOURCES, say of videos of a library.

    `path` is such a file or a folder of them, `rels` are the paths of the library's videos from its
    folder `root`. Raises UsageError where there is no such file.
    """
    from videolib.organize.tagging import ImportedTags

    source, resolver = SOURCES[name], VideoResolver(root, rels)
    if not path.exists():
        raise UsageError(f"{printable(str(path))}: there is no such file or folder")
    entries, errors = [], []
    for file in source_files(path, source):
        rows = attempt(source.read, file)
        if isinstance(rows, Failure):
            errors.append({"video": str(file), "error": rows.reason})
            continue
        for row in rows:
            video = attempt(resolver.resolve, row)
            if isinstance(video, Failure):
                errors.append({"video": row.video, "error": video.reason})
            else:
                entries.append(ImportedTags(video, row.tags, row.performers, row.details))
    if not entries and not errors:
        raise UsageError(f"{printable(str(path))}: has no file {source.pattern}")
    return TagSource(entries, errors)


def source_files(path: Path, source: SourceFormat) -> list[Path]:
    """The files to read, in the order of their names."""
    if not path.is_dir() or (source.takes_folder and source.takes_folder(path)):
        return [path]
    return sorted(file for file in path.rglob(source.pattern) if file.is_file())


class VideoResolver:
    """Finds the video of a library that a path of another program means."""

    def __init__(self, root: Path, rels: Sequence[str]) -> None:
        self.root, self.rels = os.path.abspath(root), frozenset(rels)  # noqa: PTH100 no links
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for rel in rels:
            name = PurePath(rel).name
            self.by_name[name].append(rel)
            self.by_stem[PurePath(name).stem].append(rel)

    def resolve(self, row: ForeignTags) -> str:
        """The path of the video from the library's folder.

        One below that folder means that very video; another one whose end it shares longest, since
        the other program may see the folder at another place. Raises VideoError where none or
        several fit.
        """
        path = row.video.replace("\\", "/")
        within = os.path.relpath(path, self.root) if path.startswith(f"{self.root}/") else ""
        name = PurePath(path).name
        candidates = self.by_name.get(name) or self.by_stem.get(name, [])
        if within:
            folder = PurePath(within).parent
            candidates = [rel for rel in candidates if PurePath(rel).parent == folder]
        longest = max((shared_folders(rel, path) for rel in candidates), default=0)
        best = [rel for rel in candidates if shared_folders(rel, path) == longest]
        if not best:
            raise VideoError("no such video here")
        if len(best) > 1:
            names = ", ".join(map(printable, sorted(best)[:3]))
            raise VideoError(f"may mean each of {len(best)} videos: {names}")
        return best[0]


def shared_folders(rel: str, path: str) -> int:
    """The number of folders, counted from the end, in which two paths are the same."""
    count = 0
    pairs = zip(PurePath(rel).parts[-2::-1], PurePath(path).parts[-2::-1], strict=False)
    for first, second in pairs:
        if first != second:
            break
        count += 1
    return count


# === Kodi, Jellyfin, Emby: NFO ====================================================================


def read_nfo(path: Path) -> list[ForeignTags]:
    """An NFO of a film. Raises VideoError, OSError."""
    root = xml_root(content_of(path))
    if root.tag not in ("movie", "episodedetails", "musicvideo", "video"):
        raise VideoError(f"is an NFO of a {printable(root.tag[:40])}, not of a video")
    tags = [*texts(root, "tag"), *texts(root, "genre")]
    performers = [name for actor in root.iter("actor") for name in texts(actor, "name")]
    rating = next((value for key in ("userrating", "rating") for value in texts(root, key)), "")
    dates = (value for key in ("premiered", "aired", "year") for value in texts(root, key))
    note = next(iter(texts(root, "plot")), "")
    details = details_of(scaled(rating, 10), note, next(dates, ""))
    details |= details_in({"favourite": next(iter(texts(root, "isuserfavorite")), None)})
    return [ForeignTags(str(path.absolute().with_suffix("")), tags, performers, details)]


def texts(element: Element, tag: str) -> list[str]:
    """The texts of an element's children of that name, without empty ones."""
    values = ("".join(child.itertext()).strip() for child in element.findall(tag))
    return [" ".join(value.split()) if tag != "plot" else value for value in values if value]


def content_of(path: Path) -> bytes:
    """The bytes of a file. Raises VideoError for one that is too large, OSError."""
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise VideoError(f"is larger than {LARGEST_FILE >> 20} MiB")
    return content


def scaled(text: object, most: float) -> float | None:
    """A rating that another program counts from 0 to `most`, counted as here; None for none."""
    match = re.fullmatch(r"\s*(\d{1,3}(?:[.,]\d+)?)\s*", str(text))
    number = float(match[1].replace(",", ".")) if match else 0.0
    return number * BEST_RATING / most if 0 < number <= most else None


def details_of(rating: float | None, note: object = "", date: object = "") -> dict[str, Any]:
    """A rating, a note and a date, those of them that are of use; a date may have a time behind."""
    day = re.match(r"\d{4}(-\d\d(-\d\d)?)?", str(date).replace(":", "-"))
    return details_in({"rating": rating, "note": note, "date": day[0] if day else ""})


# === Immich, digiKam, Lightroom: XMP ==============================================================


def read_xmp(path: Path) -> list[ForeignTags]:
    """An XMP file beside a video, NAME.EXT.xmp. Raises VideoError, OSError."""
    root = xml_root(content_of(path))
    labels = (
        xmp_values(root, DIGIKAM_TAGS)
        or [tag.replace("|", "/") for tag in xmp_values(root, LIGHTROOM_TAGS)]
        or xmp_values(root, f"{{{DC}}}subject")
    )
    faces = [tag for tag in labels if tag.lower().startswith(FACE_TAGS)]
    performers = [tag[len(FACE_TAGS) :].rpartition("/")[2] for tag in faces]
    performers += [*xmp_faces(root), *xmp_values(root, PEOPLE_SHOWN)]
    rating = next(iter(xmp_values(root, f"{{{XMP}}}Rating")), "")
    dates = (value for name in XMP_DATES for value in xmp_values(root, name))
    note = next(iter(xmp_values(root, f"{{{DC}}}description")), "")
    details = details_of(scaled(rating, BEST_RATING), note, next(dates, ""))
    tags = [tag for tag in labels if tag not in faces and tag.lower() + "/" != FACE_TAGS]
    return [ForeignTags(str(path.absolute().with_suffix("")), tags, performers, details)]


def xmp_values(root: Element, name: str) -> list[str]:
    """The values of a property, which is an attribute, a text, or a list of items."""
    values = [element.get(name, "") for element in root.iter(f"{{{RDF}}}Description")]
    for element in root.iter(name):
        items = list(element.iter(f"{{{RDF}}}li"))
        values += ["".join(item.itertext()) for item in items or [element]]
    return [value.strip() for value in values if value.strip()]


def xmp_faces(root: Element) -> list[str]:
    """The names of regions that are faces, by the Metadata Working Group's guidelines 2.0."""
    names = []
    for element in root.iter():
        name, kind = (xmp_field(element, f"{{{REGIONS}}}{field}") for field in ("Name", "Type"))
        if name and kind in ("", "Face"):
            names.append(name)
    return names


def xmp_field(element: Element, name: str) -> str:
    """A field of a structure, which is an attribute or a child."""
    return element.get(name) or (element.findtext(name) or "").strip()


# === hydrus =======================================================================================


def read_hydrus(path: Path) -> list[ForeignTags]:
    """A text file beside a video, NAME.EXT.txt, with a tag in each line. Raises VideoError."""
    try:
        lines = content_of(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise VideoError("is not UTF-8") from None
    tags, performers, details = list[str](), list[str](), dict[str, Any]()
    for line in filter(None, map(str.strip, lines)):
        namespace, colon, value = (part.strip() for part in line.partition(":"))
        if colon and value and namespace.lower() in PERFORMER_NAMESPACES:
            performers.append(value)
        elif colon and namespace.lower() == "rating" and (rating := scaled(value, BEST_RATING)):
            details = details_of(rating)
        else:
            tags.append(line)
    return [ForeignTags(str(path.absolute().with_suffix("")), tags, performers, details)]


# === Stash ========================================================================================


def read_stash(path: Path) -> list[ForeignTags]:
    """The scenes of an export of Stash's metadata: a zip, its folder, or one scene's JSON. Raises
    VideoError, OSError."""
    if path.is_dir():
        files = sorted((path / "scenes").glob("*.json"))
        documents: Iterator[Any] = (json_document(content_of(file), file.name) for file in files)
    elif zipfile.is_zipfile(path):
        documents = zipped_scenes(path)
    else:
        documents = iter([json_document(content_of(path), path.name)])
    return [row for scene in documents for row in stash_scene(scene)]


def zipped_scenes(path: Path) -> Iterator[Any]:
    """The JSON documents of the scenes in a zip. Raises VideoError for one that is damaged, or that
    unpacks to more than LARGEST_ZIP."""
    remaining = LARGEST_ZIP
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not re.search(r"(^|/)scenes/[^/]+\.json$", member.filename):
                    continue
                remaining -= member.file_size
                if member.file_size > LARGEST_FILE or remaining < 0:
                    raise VideoError(f"unpacks to more than {LARGEST_ZIP >> 20} MiB")
                yield json_document(archive.read(member), member.filename)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise VideoError(f"is no zip that can be read ({error})") from None


def json_document(content: bytes, name: str) -> Any:
    try:
        return parse_json(content)
    except ValueError as error:
        raise VideoError(f"{printable(name)} is not JSON ({error})") from None


def stash_scene(scene: Any) -> list[ForeignTags]:
    """A scene's tags for each of its files. Raises VideoError for what is no scene."""
    files = scene.get("files") if isinstance(scene, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise VideoError('is no scene of Stash: it has no list of "files"')
    tags, performers = (strings(scene.get(key)) for key in ("tags", "performers"))
    rating = scaled(scene.get("rating"), 100)
    details = details_of(rating, scene.get("details"), scene.get("date"))
    return [ForeignTags(file, tags, performers, details) for file in files]


def strings(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def is_stash_export(folder: Path) -> bool:
    """Whether a folder is an unpacked export, to be read as a whole."""
    return (folder / "scenes").is_dir()


class SourceFormat(NamedTuple):
    """The files of a source: the pattern of their names, and how one is read. Some take a folder as
    a whole."""

    pattern: str
    read: Callable[[Path], list[ForeignTags]]
    takes_folder: Callable[[Path], bool] | None = None


SOURCES: dict[str, SourceFormat] = {
    "nfo": SourceFormat("*.nfo", read_nfo),
    "stash": SourceFormat("*.zip", read_stash, is_stash_export),
    "xmp": SourceFormat("*.xmp", read_xmp),
    "hydrus": SourceFormat("*.txt", read_hydrus),
}
