"""Crowds: many processes on one library at once, a server and the command line together.

Every trial ends with the same questions: are all updates there, is every file whole, is every
catalogue intact, and has no process said anything that it should not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from support import digest, leftovers

from campaign.programs import Ended, broken_catalogues, make_library, run_together, server
from campaign.trials import Trials

WRITERS = 50  # of one tag file
PROCESSES = 10  # on one library
# Commands that change no name, so that any of them may run beside any other.
LINES: tuple[tuple[str, ...], ...] = (
    ("meta",),
    ("thumbs,phash",),
    ("meta,thumbs,sprites,phash",),
    ("heatmaps", "--force"),
    ("finish", "--tasks", "meta,thumbs,phash"),
    ("report", "--json"),
    ("list", "--json", "-q", "duration:>1s"),
    ("orphans", "--json"),
    ("dupes", "--json"),
    ("tags", "--set", "seen"),
    ("codecs", "--json"),
)


def run(trials: Trials) -> None:
    parts: list[Callable[[Trials, Path], None]] = [
        tag_writers,
        commands_together,
        server_and_commands,
        renames_and_tags,
        renames_of_one_video,
    ]
    number = 0
    while trials.go_on():
        trials.rng.shuffle(parts)
        for part in parts:
            if trials.go_on():
                number += 1
                part(trials, trials.folder / str(number))


def again(trials: Trials) -> str:
    return f"python -m tests.campaign crowds --seconds {trials.seconds:.0f} --seed {trials.seed}"


def check(
    trials: Trials, scratch: Path, runs: Iterable[Ended], codes: Sequence[int] = (0,)
) -> None:
    """Note every run that ended as it should not, and what is left of any."""
    for ended in runs:
        trials.count(f"processes: {ended.words[0]}")
        if trouble := ended.trouble(codes):
            trials.fail(trouble, again(trials))
    for broken in broken_catalogues(scratch / "cache"):
        trials.fail(f"a catalogue is damaged: {broken}", again(trials))
    root = scratch / "library"
    if left := leftovers(root):
        trials.fail(f"left lying about: {left}", again(trials), root)
    for path in root.rglob("*.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError as error:
            trials.fail(f"{path.name} is no JSON: {error}", again(trials), path)


def contents(root: Path) -> dict[str, str]:
    """The videos of a folder by their content, with their names."""
    return {f"{path.stat().st_ino} {digest(path)}": path.name for path in root.glob("*.mp4")}


def tags_of(root: Path, video: str) -> set[str]:
    path = root / ".artifacts" / f"{video}.tags.json"
    return set(json.loads(path.read_bytes())["tags"]) if path.exists() else set()


# === Trials =======================================================================================


def tag_writers(trials: Trials, scratch: Path) -> None:
    """Processes that each add a tag of their own to one video, and a server that is asked for as
    many more."""
    root = make_library(scratch, "library", 1)
    names = [f"tag {number}" for number in range(2 * WRITERS)]
    lines = [("tags", root / "v0.mp4", "--set", name) for name in names[:WRITERS]]
    with server(root, scratch / "cache") as running, ThreadPoolExecutor(8) as threads:
        with httpx.Client(base_url=running.url, timeout=120) as client:

            def post(name: str) -> int:
                return client.post("/videos/v0.mp4/tags", json={"add": [name]}).status_code

            answers = threads.map(post, names[WRITERS:])
            check(trials, scratch, run_together(lines, scratch / "cache"))
            wrong = [status for status in answers if status != 200]
        trials.count("tags written by a server", WRITERS)
        if wrong or running.trouble():
            trials.fail(f"a server's answers: {wrong} {running.trouble()}", again(trials))
    if lost := set(names) - tags_of(root, "v0.mp4"):
        trials.fail(f"{len(lost)} of {len(names)} tags were lost", again(trials), root)


def commands_together(trials: Trials, scratch: Path) -> None:
    """Commands on one library at once; afterwards a run finds nothing left to do."""
    root = make_library(scratch, "library", trials.rng.randint(1, 6))
    before = contents(root)
    chosen = [trials.rng.choice(LINES) for _ in range(PROCESSES)]
    lines = [(words[0], root, *words[1:]) for words in chosen]
    check(trials, scratch, run_together(lines, scratch / "cache"))
    made = [name for words in chosen for name in words[0].split(",") if name in ("meta", "thumbs")]
    if made:
        line = (",".join(sorted(set(made))), root, "--json")
        (ended,) = run_together([line], scratch / "cache")
        check(trials, scratch, [ended])
        document = json.loads(ended.output or "{}")
        tasks = document.get("tasks", [document])
        if any(task.get("counts", {}).get("made") for task in tasks):
            trials.fail(f"made again after {chosen}: {ended.output[:300]}", again(trials), root)
    if contents(root) != before:
        trials.fail(f"the videos changed by {chosen}", again(trials), root)


def server_and_commands(trials: Trials, scratch: Path) -> None:
    """Jobs of a server, and the same by processes; each with its own tags."""
    root = make_library(scratch, "library", 4)
    before = contents(root)
    tasks = trials.rng.sample(["meta", "thumbs", "phash", "sprites", "heatmaps", "dupes"], 4)
    lines = [(task, root) for task in tasks] + [("tags", root, "--set", "of processes")]
    with server(root, scratch / "cache") as running, httpx.Client(timeout=120) as client:
        jobs = []
        for task in tasks:
            response = client.post(f"{running.url}/jobs", json={"task": task, "directory": "."})
            jobs.append(response.json()["id"])
        for number in range(4):
            url = f"{running.url}/videos/v{number}.mp4/tags"
            client.post(url, json={"add": ["of a server"]}).raise_for_status()
        check(trials, scratch, run_together(lines, scratch / "cache"))
        for job in jobs:
            trials.count("jobs")
            document = wait_for_job(client, f"{running.url}/jobs/{job}")
            if document["status"] != "done":
                trials.fail(f"a job among processes: {document}", again(trials), root)
        listed = client.get(f"{running.url}/videos?detail=1").json()["videos"]
        if any(set(video["tags"]) != {"of processes", "of a server"} for video in listed):
            trials.fail(f"tags were lost: {listed}", again(trials), root)
        if running.trouble():
            trials.fail(running.trouble(), again(trials))
    if contents(root) != before:
        trials.fail("the videos changed", again(trials), root)


def wait_for_job(client: httpx.Client, url: str) -> dict[str, object]:
    """A job that has ended; its events are followed until then."""
    with client.stream("GET", f"{url}/events") as response:
        for _ in response.iter_lines():
            continue
    return dict(client.get(url).json())


def renames_and_tags(trials: Trials, scratch: Path) -> None:
    """Videos that are renamed while others are tagged: all contents and all tags are there in the
    end, each under one name."""
    root = make_library(scratch, "library", 6)
    before = contents(root)
    words = ("tags", root, "--set")
    lines: list[tuple[object, ...]] = [
        ("rename", root / f"v{n}.mp4", root / f"w{n}.mp4", "-d", root) for n in range(6)
    ]
    lines += [(*words, f"tag {number}") for number in range(4)]
    lines += [("orphans", root, "--relink"), ("list", root, "--json"), ("meta", root)]
    trials.rng.shuffle(lines)
    runs = run_together(lines, scratch / "cache")
    # A video may be gone, under this name, for a command that meets it while it is renamed.
    check(trials, scratch, runs, (0, 1))
    after = contents(root)
    if before.keys() != after.keys():
        trials.fail(f"videos were lost: {sorted(after.values())}", again(trials), root)
    renamed = {
        Path(run.words[1]).name for run in runs if run.words[0] == "rename" and run.code == 0
    }
    for name in renamed:
        if not (root / name.replace("v", "w")).exists():
            trials.fail(f"{name} was renamed, says its run, and is not there", again(trials), root)
    # Tags that a run said it gave without a failure are with each video.
    whole = {run.words[3] for run in runs if run.words[0] == "tags" and run.code == 0}
    check(trials, scratch, run_together([("orphans", root, "--relink")], scratch / "cache"))
    for name in after.values():
        if not whole <= tags_of(root, name):
            lost = sorted(whole - tags_of(root, name))
            trials.fail(f"{name} has lost {lost}", again(trials), root)


def renames_of_one_video(trials: Trials, scratch: Path) -> None:
    """One video that many want to rename: one of them does."""
    root = make_library(scratch, "library", 1)
    before = contents(root)
    video = root / "v0.mp4"
    lines = [("rename", video, root / f"to{n}.mp4", "-d", root) for n in range(PROCESSES)]
    runs = run_together(lines, scratch / "cache")
    check(trials, scratch, runs, (0, 1, 2))
    after = contents(root)
    won = [Path(run.words[2]).name for run in runs if run.code == 0]
    if before.keys() != after.keys() or list(after.values()) != won:
        trials.fail(f"renamed by {won}, and now {after}", again(trials), root)
