"""Part `sidecars`: whatever lies beside the videos, mutated, through everything that reads it.

A library with every kind of sidecar is made once. In each trial one or two of its files are
mutated in a copy, and a few commands and requests go over it: none may fail in a way that nobody
thought of, and what its owner could mend by hand is not overwritten.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import support
from support import contents
from support.served import Served, serving

from campaign.documents import before_renaming, is_sound, mutated
from campaign.films import make_films
from campaign.judging import SURPRISES, Complaint, Judged, Stopwatch, judged_run
from campaign.trials import Trials, smallest

FILM = "h264.mp4"
VIDEOS = ("a.mp4", "b.mp4", "sub/c.mp4")
REDUCING = 20.0  # seconds for making an input smaller
SECONDS_FOR_RUN = 30.0  # that one command may take on a library of three films
# What users write, or decide, and no run can make again. Corrupt ones stay as they are.
OF_USERS = (".tags.json", ".people.json", ".ignored.json", ".searches.json", "videorc.json")

WORDS = {
    "vtt": "WEBVTT\n\n00:00:00.100 --> 00:00:01.000\nsome words\n\n1\n00:01.000 --> 00:01.900\n",
    "srt": "1\n00:00:00,100 --> 00:00:01,000\nsome <i>words</i>\n\n2\n00:00:01,000 --> 00:00:01,900"
    "\nmore\n",
}  # fmt: skip
IMPORT = {"videos": [{"video": v, "tags": ["night"], "performers": ["Ann"]} for v in VIDEOS]}
CONFIG = {"workers": {"thumbs": 2}, "sprites": {"interval": 1.0, "cols": 5}}


class Reader(NamedTuple):
    """A command line, in which DIR stands for the library, or a path that a server is asked for;
    and parts of the names of the sidecars that it is about."""

    line: str
    names: tuple[str, ...] = ("",)

    def words(self, root: Path) -> list[str]:
        return [word.replace("DIR", str(root)) for word in shlex.split(self.line)]


READERS = (
    Reader("list DIR -r"),
    Reader("list DIR -r -q 'tag:night duration:>1 -performer:bob'"),
    Reader("list DIR -r -q 'words has:tags missing:subtitles performer:Ann'", ("json",)),
    Reader("report DIR -r"),
    Reader("search words DIR -r", ("vtt", "srt", "json", "catalogue")),
    Reader("tags DIR -r"),
    Reader("tags DIR -r --list", ("tags", "catalogue")),
    Reader("tags DIR -r --set new", ("tags", "catalogue")),
    Reader("tags DIR -r --remove night", ("tags", "catalogue")),
    Reader("tags DIR -r --performers", ("tags", "faces")),
    Reader("tags DIR -r --rename-tag night day", ("tags", "journal")),
    Reader("tags DIR -r --import DIR/import.json", ("import", "tags")),
    Reader("tags DIR -r --import DIR/import.json --force", ("import", "tags", "journal")),
    Reader("tags DIR -r --undo", ("journal",)),
    Reader("rename DIR/a.mp4 DIR/z.mp4", ("json", "journal", "vtt")),
    Reader("rename -d DIR --recover", ("journal",)),
    Reader("rename -d DIR --undo", ("journal",)),
    Reader("rename -d DIR --batch --source a --target y --force", ("json", "journal")),
    Reader("orphans DIR -r"),
    Reader("orphans DIR -r --relink", ("json", "journal")),
    Reader("orphans DIR -r --delete", ("json", "journal")),
    Reader("orphans DIR -r --undo", ("journal",)),
    Reader("dupes DIR -r", ("phash", "ffprobe", "ignored", "tags")),
    Reader("dupes DIR -r --deep", ("phash", "ignored")),
    Reader("dupes DIR -r --ignore a.mp4 sub/c.mp4", ("ignored",)),
    Reader("dupes DIR -r --unignore a.mp4 b.mp4", ("ignored",)),
    Reader("dupes DIR -r --apply trash", ("phash", "tags", "journal", "ignored")),
    Reader("listing DIR -r --no-embed", ("faces",)),
    Reader("listing DIR -r --no-embed --rebuild", ("faces",)),
    Reader("people DIR -r", ("faces",)),
    Reader("people DIR -r --rename 1 Bea", ("faces",)),
    Reader("people DIR -r --merge 1 2", ("faces",)),
    Reader("people DIR -r --forget 1", ("faces",)),
    Reader("people DIR -r --undo", ("faces",)),
    Reader("finish DIR -r --dry-run", ("json", "jpg", "vtt")),
    Reader("metadata,thumbs,sprites,heatmaps,scenes,phash,previews DIR -r --dry-run"),
    Reader("subtitles DIR -r --dry-run", ("vtt", "srt", "subtitles")),
    Reader("metadata DIR -r", ("failed", "ffprobe")),
    Reader("list DIR -r --config DIR/videorc.json", ("videorc",)),
    Reader("sprites DIR -r --dry-run", ("videorc",)),
)  # fmt: skip
REQUESTS = (
    "/videos?detail=1&recursive=true",
    "/report?recursive=true",
    "/search?text=words&recursive=true",
    "/tags/export?recursive=true",
    "/tags/summary?recursive=true",
    "/faces/listing?recursive=true",
    "/phash/duplicates?recursive=true",
    "/videos/a.mp4",
    "/videos/a.mp4/artifacts",
    "/videos/a.mp4/metadata",
    "/videos/a.mp4/tags",
    "/videos/a.mp4/faces",
    "/videos/a.mp4/files/sprites",
    "/videos/a.mp4/files/scenes",
    "/videos/a.mp4/files/subtitles",
)


def signatures(video: str, record: dict[str, Any]) -> dict[str, Any]:
    """A record of `embed` with two people in it."""
    rows = []
    for number in range(2):
        vector = [1.0 if place == number else 0.0 for place in range(record["dimension"])]
        packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        row: dict[str, Any] = {"id": f"{number}{ord(video[-5]):02x}".ljust(16, "0")}
        row |= {"intervals": [[0.0, 1.0]], "frames": 2, "time": 0.5, "quality": 0.9, "score": 0.9}
        rows.append(row | {"box": [8, 8, 40, 40], "vector": packed, "apart": []})
    return record | {"signatures": rows}


def make_library(folder: Path, film: bytes) -> None:
    """Three films with every kind of sidecar, made by the program as far as it can."""
    for name in VIDEOS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(film)
    (folder / "broken.mp4").write_bytes(b"no video at all")
    all_tasks = "metadata,thumbs,sprites,phash,heatmaps,scenes,previews,embed"
    flags = ("--deep", "--segments", 1, "--width", 32, "--interval", 1, "--chapters")
    needed(all_tasks, folder, "-r", *flags)
    needed("finish", folder, "-r", "--tasks", "metadata,thumbs")
    for name in VIDEOS:
        video, sidecars = folder / name, (folder / name).parent / ".artifacts"
        record = sidecars / f"{video.name}.faces.signatures.json"
        record.write_text(json.dumps(signatures(name, json.loads(record.read_text())), indent=2))
        for suffix, text in WORDS.items():
            (sidecars / f"{video.name}.{suffix}").write_text(text)
        needed("tags", video, "--set", f"night,{video.stem}", "--add-performers", "Ann")
    (folder / "b.de.srt").write_text(WORDS["srt"])
    needed("listing", folder, "-r", "--no-embed")
    needed("people", folder, "-r", "--rename", 1, "Ann")
    needed("people", folder, "-r", "--hide", 2)
    needed("dupes", folder, "-r", "--ignore", "a.mp4", "b.mp4")
    (folder / ".artifacts/gone.mp4.ffprobe.json").write_text("{}")
    needed("orphans", folder, "-r", "--delete")
    needed("tags", folder, "-r", "--rename-tag", "c", "d")
    needed("rename", folder / "b.mp4", folder / "bb.mp4")
    needed("rename", folder / "bb.mp4", folder / "b.mp4")
    (folder / "import.json").write_text(json.dumps(IMPORT))
    (folder / "videorc.json").write_text(json.dumps(CONFIG))


def needed(*words: object) -> None:
    """Run a command that prepares something."""
    judged = judged_run(words)
    if judged.run is None or judged.run.code not in (0, 1):
        raise AssertionError(f"{words}: {judged.run or judged.complaints}")


class SidecarTrials:
    """The library, its copy that a server serves, and what is tried on that."""

    def __init__(self, trials: Trials, served: Served, template: Path, root: Path) -> None:
        self.trials, self.served, self.template, self.root = trials, served, template, root
        self.mutated_catalogues: list[Path] = []
        self.originals = {
            name: content
            for name, content in contents(template).items()
            if name.endswith((".json", ".vtt", ".srt", ".ffmeta", ".jpg"))
        }
        journals = template / ".artifacts/.journal"
        for path in sorted(p for p in journals.iterdir() if p.is_file() and p.stat().st_size):
            self.originals[str(path.relative_to(template))] = path.read_bytes()

    def reset(self, changed: Mapping[str, bytes]) -> None:
        """Make the copy as the library is, but for these files."""
        for entry in self.root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(self.template, self.root, dirs_exist_ok=True, symlinks=True)
        for name, content in changed.items():
            (self.root / name).write_bytes(content)

    def need_answers(self) -> None:
        """Try every reader on the library as it is: those that refuse would prove nothing later."""
        for reader in (*READERS, *map(Reader, REQUESTS)):
            self.reset({})
            complaints, run = self.read(reader)[1:]
            refused = [Complaint(run.err)] if run and run.code not in (0, 1) else []
            for complaint in complaints + refused:
                self.trials.fail(f"unchanged library: {complaint.message}", reader.line)

    def once(self) -> None:
        """One trial."""
        rng = self.trials.rng
        changed: dict[str, bytes] = {}
        for _ in range(rng.choice((1, 1, 1, 2))):
            name = rng.choice(sorted(self.originals))
            changed[name] = mutated(name, self.originals[name], rng)
        if rng.random() < 0.05:
            self.mutate_catalogues()
        readers = [r for r in READERS if any(part in name for part in r.names for name in changed)]
        readers = rng.sample(readers, min(len(readers), 3))
        readers += [Reader(rng.choice(REQUESTS))] * (rng.random() < 0.3)
        self.trials.count("files", len(changed))
        for reader in readers:
            watch = Stopwatch()
            for complaint in self.complaints(changed, reader):
                self.note(changed, complaint, reader)
            if watch.seconds > SECONDS_FOR_RUN:
                self.note(changed, Complaint(f"took {watch.seconds:.0f} s"), reader)
        self.put_back_catalogues()

    def mutate_catalogues(self) -> None:
        """Change bytes of the catalogues in the cache, until they are put back."""
        for path in sorted(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.sqlite")):
            self.mutated_catalogues.append(path)
            path.write_bytes(mutated(path.name, path.read_bytes(), self.trials.rng))
            self.trials.count("catalogues")

    def put_back_catalogues(self) -> None:
        """Remove the catalogues that were changed: the next reader fills new ones, as the first of
        a library does."""
        for path in self.mutated_catalogues:
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()
        self.mutated_catalogues.clear()

    def read(self, reader: Reader) -> Judged:
        """What a command, or the server, says of the library as it is."""
        if not reader.line.startswith("/"):
            return judged_run([*reader.words(self.root), "--json"], VIDEOS)
        response = self.served.client.get(reader.line)
        status, text = response.status_code, response.text
        is_wrong = status >= 500 or (status >= 400 and SURPRISES.search(text))
        complaints = [Complaint(f"{status} {text[:300]}")] if is_wrong else []
        return Judged(None, complaints, support.Run(int(status >= 400) * 2, text, text))

    def complaints(self, changed: Mapping[str, bytes], reader: Reader) -> list[Complaint]:
        """What is wrong with an answer about the library with these changes, or with what was done
        to them."""
        self.reset(changed)
        complaints = self.read(reader).complaints
        files = [path.read_bytes() for path in self.root.rglob("*") if path.is_file()]
        kept = {before_renaming(content) for content in files}
        complaints += [
            Complaint("was overwritten though it could be mended", Path(name).name)
            for name, content in changed.items()
            if name.endswith(OF_USERS) and content.strip()
            if before_renaming(content) not in kept
            if not is_sound(content, self.originals[name])
        ]
        return complaints

    def note(self, changed: dict[str, bytes], complaint: Complaint, reader: Reader) -> None:
        """Note a failure once, with the files that are to blame as short as they can be."""
        kinds = self.trials.measured.setdefault("kinds of failures", {})
        key = f"{reader.line}: {complaint.kind}"
        kinds[key] = kinds.get(key, 0) + 1
        if kinds[key] > 1:
            return
        blamed, watch = dict(changed), Stopwatch()

        def fails(files: Mapping[str, bytes]) -> bool:
            in_time = watch.seconds < REDUCING
            return in_time and any(
                other.kind == complaint.kind for other in self.complaints(files, reader)
            )

        for name in changed:
            others = {other: content for other, content in blamed.items() if other != name}
            if others and fails(others):
                blamed = others
        for name in blamed:
            blamed[name] = shortest(blamed, name, fails)
        self.reset(blamed)
        texts = {name: content[:200] for name, content in blamed.items()}
        self.trials.fail(f"{complaint.message} {texts}", reader.line, self.root)


def shortest(
    files: Mapping[str, bytes], name: str, fails: Callable[[Mapping[str, bytes]], bool]
) -> bytes:
    """The shortest content of one of the files with which they still fail."""
    return smallest(files[name], lambda content: fails({**files, name: content}), 60)


def run(trials: Trials) -> None:
    """Mutate sidecars until the time is over."""
    os.environ["XDG_CACHE_HOME"] = str(trials.folder / "cache")
    template, root, films = (trials.folder / name for name in ("template", "library", "films"))
    for folder in (template, root, films):
        folder.mkdir()
    make_library(template, make_films(films, trials, only=(FILM,))[FILM])
    with serving(root) as served:
        sidecar_trials = SidecarTrials(trials, served, template, root)
        sidecar_trials.need_answers()
        while trials.go_on():
            sidecar_trials.once()
