"""Part `media`: mutated films of every container and codec, through every task.

A round is a folder of films, each with a recipe of its own, and a chain of commands over it. What
somebody would complain of is a failure: its recipe is reduced, then its bytes, and the film joins
those that are mutated from then on.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
from support import contents

from campaign.corpus import ONCE_FAILED
from campaign.films import make_films
from campaign.judging import (
    Complaint,
    MemoryWatch,
    Stopwatch,
    complaints_of_artifact,
    judged_run,
)
from campaign.mutations import Recipe, apply, fewest_steps, mutations, name_of
from campaign.trials import Trials, smallest

FILMS = 100  # in a round
TIMEOUT = 60  # seconds that one video of two seconds may take, on a machine with much to do
PER_VIDEO = 5.0  # seconds that one may take on average in a round, all tasks together
# Bytes of memory of a worker: libav keeps up to 17 frames of H.264, of at most 40 million pixels
# with 1.5 bytes each, and the program a picture of 3 and one of 4 bytes a pixel.
MEMORY = 17 * 60_000_000 + 7 * 40_000_000 + 300_000_000
LATEST = 100.0  # seconds: what most mutations of a film of two seconds have to show at most
REDUCING = 40.0  # seconds for making an input smaller

FRAME_TASKS = "metadata,thumbs,sprites,phash,heatmaps,scenes"


class Mutant(NamedTuple):
    """A film, and what is done to it."""

    film: str
    recipe: Recipe

    @property
    def name(self) -> str:
        stem, _, suffix = self.film.rpartition(".")
        return f"{stem}-{name_of(self.recipe)}.{suffix}"


class Round:
    """One folder of mutants and what is run on it."""

    def __init__(self, trials: Trials, films: dict[str, bytes], mutants: list[Mutant]) -> None:
        self.trials, self.films = trials, films
        self.mutants = {mutant.name: mutant for mutant in mutants}
        self.folder = fresh_folder(trials.folder / "round")
        for mutant in mutants:
            content = apply(films[mutant.film], mutant.recipe)
            (self.folder / mutant.name).write_bytes(content)

    def run(self, number: int) -> None:
        """The tasks that see frames, one more by turn, and what reads their records."""
        before = contents(self.folder)
        watch = Stopwatch()
        for words in self.commands(number):
            self.judge(words)
        self.judge_artifacts()
        if watch.seconds > PER_VIDEO * max(len(self.mutants), 10):
            message = f"{len(self.mutants)} films took {watch.seconds:.0f} s"
            self.trials.fail(message, f"run {number} of this seed", self.folder)
        after = contents(self.folder)
        for name in before:
            if after.get(name) != before[name]:
                self.trials.fail(f"{name} was changed", f"run {number} of this seed", self.folder)

    def commands(self, number: int) -> Iterator[list[object]]:
        """The command lines of a round, about this folder."""
        rng = self.trials.rng
        yield [FRAME_TASKS, self.folder, *frame_options(self.trials)]
        names = sorted(self.mutants)
        some = rng.sample(names, min(len(names), 12))
        one = self.folder / rng.choice(names)
        out = fresh_folder(self.trials.folder / "out")
        further: list[list[list[object]]] = [
            [["previews", self.folder, "--segments", 2, "--width", 64, "--only", *some]],
            [["subtitles", self.folder, "--from-stream"]],
            [["transcode", self.folder, out, "--dry-run"], ["codecs", self.folder]],
            [["transcode", self.folder, out, "--preset", "ultrafast", "--only", *some]],
            [["compare", self.films_folder / self.mutants[name].film, self.folder / name]
             for name in some[:6]],
            [["embed", self.folder, "--sample-rate", 2], ["listing", self.folder]],
            [["phash", self.folder, "--deep"], ["dupes", self.folder, "--deep"]],
            [["finish", self.folder, "--tasks", "metadata,thumbs", "--dry-run"], ["tags", one]],
        ]  # fmt: skip
        yield from further[number % len(further)]
        yield from (["report", self.folder], ["list", self.folder, "-q", "duration:>1"])

    @property
    def films_folder(self) -> Path:
        return self.trials.folder / "films"

    def judge(self, words: list[object]) -> None:
        """Run one command line and note what is wrong with what it says."""
        words = [*words, "--json"]
        if words[0] not in ("compare", "tags"):
            words += ["--ext", "*"]
        if words[0] not in ("report", "list", "listing", "codecs", "dupes", "tags"):
            words += ["--timeout", TIMEOUT]
        judged = judged_run(words, sorted(self.mutants))
        self.trials.measured.setdefault("outcomes", Counter()).update(outcomes(judged.document))
        for complaint in judged.complaints:
            self.note(words, complaint)

    def judge_artifacts(self) -> None:
        """Look at the files that were made."""
        for name in self.mutants:
            for path in sorted((self.folder / ".artifacts").glob(f"{name}.*")):
                complaints = list(complaints_of_artifact(path, name, LATEST))
                if complaints:
                    latest = latest_timestamp(self.folder / name)
                    complaints = list(complaints_of_artifact(path, name, latest))
                for complaint in complaints:
                    self.note(["metadata,sprites,heatmaps,scenes", self.folder], complaint)

    def note(self, words: list[object], complaint: Complaint) -> None:
        """Note a failure with the smallest input that still has it, once for each kind."""
        kinds = self.trials.measured.setdefault("kinds of failures", {})
        kinds[complaint.kind] = kinds.get(complaint.kind, 0) + 1
        mutant = self.mutants.get(complaint.name)
        again = " ".join(map(str, words))
        if kinds[complaint.kind] > 1:
            return
        if mutant is None:
            self.trials.fail(f"{words[0]}: {complaint.message}", again, self.folder)
            return
        reduced = self.reduced(mutant, words, complaint)
        path = self.trials.folder / complaint.name
        path.write_bytes(reduced[1])
        self.films[f"failed-{len(kinds)}-{mutant.film}"] = reduced[1]
        message = f"{words[0]}: {mutant.film} after {list(map(tuple, reduced[0]))}"
        self.trials.fail(f"{message}: {complaint.message}", again, path)

    def reduced(
        self, mutant: Mutant, words: list[object], complaint: Complaint
    ) -> tuple[Recipe, bytes]:
        """The fewest steps of a mutant, and the shortest content, that fail in the same way."""
        folder = fresh_folder(self.trials.folder / "reduced")
        path, watch = folder / f"a.{mutant.film.rpartition('.')[2]}", Stopwatch()
        alone = [folder if word == self.folder else word for word in words]
        alone = [path if word == self.folder / mutant.name else word for word in alone]
        if "--only" in alone:
            place = alone.index("--only")
            alone[place:] = [w for w in alone[place + 1 :] if str(w) not in self.mutants]

        def fails(content: bytes) -> bool:
            if watch.seconds > REDUCING:
                return False
            path.write_bytes(content)
            shutil.rmtree(folder / ".artifacts", ignore_errors=True)
            judged = judged_run(alone, [path.name])
            return any(other.kind == complaint.kind for other in judged.complaints)

        film = self.films[mutant.film]
        recipe = fewest_steps(mutant.recipe, lambda shorter: fails(apply(film, shorter)))
        return recipe, smallest(apply(film, recipe), fails, 100)


def latest_timestamp(film: Path) -> float:
    """Seconds up to which the packets of a film are stamped, at least LATEST: a timestamp that was
    changed, with a right checksum, may say anything."""
    latest = LATEST
    with contextlib.suppress(av.FFmpegError, IndexError), av.open(str(film)) as container:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                latest = max(latest, float(end))
    return latest


def frame_options(trials: Trials) -> list[object]:
    """Options of the tasks that see frames, by chance."""
    rng = trials.rng
    options: list[object] = ["--interval", rng.choice((0.3, 1, 5)), "--workers", 2]
    options += ["--seek", rng.choice(("auto", "keyframe", "exact"))]
    options += ["--detector", rng.choice(("content", "adaptive"))]
    options += ["--algo", rng.choice(("phash", "dhash", "ahash", "stash"))]
    for flag in ("--png", "--thumbs", "--chapters", "--deep"):
        options += [flag] * rng.randrange(2)
    return options


def outcomes(document: Any) -> Iterator[str]:
    """The task and the status of every result."""
    for report in document.get("tasks", [document]) if isinstance(document, dict) else []:
        for row in report.get("results", []):
            yield f"{report.get('task')} {row.get('status')}"


def fresh_folder(path: Path) -> Path:
    """An empty folder at this place."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def first_mutants(trials: Trials, films: dict[str, bytes]) -> list[Mutant]:
    """The films as they are, those that failed once, and those of an earlier run that were kept."""
    mutants = [Mutant(film, ()) for film in films]
    mutants += [Mutant(film, recipe) for film, recipe in ONCE_FAILED if film in films]
    for number, path in enumerate(sorted(trials.kept.glob("media-*/*.*"))):
        if path.is_file():
            films[f"kept-{number}{path.suffix}"] = path.read_bytes()
            mutants.append(Mutant(f"kept-{number}{path.suffix}", ()))
    return mutants


def run(trials: Trials) -> None:
    """Mutate films until the time is over."""
    (folder := trials.folder / "films").mkdir()
    films = make_films(folder, trials)
    mutants = first_mutants(trials, films)
    with MemoryWatch() as memory:
        number = 0
        while mutants:
            Round(trials, films, mutants).run(number)
            trials.count("files", len(mutants))
            number += 1
            names = [trials.rng.choice(sorted(films)) for _ in range(FILMS * trials.go_on())]
            mutants = [Mutant(name, mutations(films[name], trials.rng)) for name in names]
    trials.measure("most memory of a process, in MB", memory.peak >> 20)
    if memory.peak > MEMORY:
        trials.fail(f"a process took {memory.peak >> 20} MB of memory", f"--seed {trials.seed}")
