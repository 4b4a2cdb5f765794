"""Manual: the headings and examples of the help and of the documentation, by command."""

from __future__ import annotations

# Headings in the help of every command, with the options below them.
SHARED_SECTIONS = {
    "which videos": "directory recursive ext only query artifacts_dir",
    "how it runs": "force changed retry dry_run workers timeout allow_codecs seek",
    "on other machines": "cluster tls_files insecure",
    "output": "output_format",
}
# By command: headings of its own, with the options below them.
SECTIONS = {
    "embed": {
        "which faces count": "sample_rate min_face_area min_score blur_threshold min_track_frames",
        "who is the same person": "max_gap match_distance cluster_eps cluster_min_samples",
        "the model": "backend face_model models_dir",
    },
    "listing": {
        "naming people by a gallery": "gallery gallery_sample_rate label_threshold",
    },
    "subtitles": {
        "the model": "model backend whisper_cpp_bin whisper_cpp_model",
        "what is heard": "language translate initial_prompt hotwords audio_stream vad",
    },
    "transcode": {
        "video": "target_v crf v_bitrate preset hardware hdr",
        "audio and subtitles": "target_a a_bitrate drop_subtitles",
    },
    "export": {
        "pictures (trickplay, bif, sheet)": "interval width cols rows seek",
        "other formats": "subtitle_format min_chapter chapter_form name",
    },
    "tags": {
        "performers by their faces": "performers min_occurrences refresh_performers",
        "all videos at once": "list rename_tag export import from force undo",
    },
    "dupes": {
        "what to do with them": "apply only keep prefer undo ignore unignore",
    },
    "rename": {
        "many at once": "batch source target regex limit force show_all",
    },
}
CAPS = "how many videos at a time"  # heading of the limits that batch and finish have for each task

# By command: lines that one might type, without the names of the program and the command.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "list": (
        "~/videos -r --show-size --sort duration",
        "~/videos -r -q 'codec:hevc duration:>10m' --format csv",
    ),
    "search": (
        "moon ~/videos -r",
        "'\"to the moon\" NOT earth' ~/videos -r --lines 3",
    ),
    "metadata": (
        "~/videos -r",
        "~/videos -r --force --workers 2",
    ),
    "thumbs": (
        "~/videos -r",
        "~/videos -r --time auto --width 640",
    ),
    "sprites": (
        "~/videos -r",
        "~/videos -r --interval 5 --width 160 --cols 8 --rows 8",
    ),
    "phash": (
        "~/videos -r",
        "~/videos -r --algo dct --frames 9 --deep",
    ),
    "heatmaps": (
        "~/videos -r",
        "~/videos -r --interval 2 --mode motion --png",
    ),
    "scenes": (
        "~/videos -r",
        "~/videos -r --threshold 0.3 --thumbs --clips",
    ),
    "previews": (
        "~/videos -r",
        "~/videos -r --segments 5 --duration 2 --format mp4 --join",
    ),
    "embed": (
        "~/videos -r",
        "~/videos -r --thumbnails --sample-rate 2",
    ),
    "listing": (
        "~/videos -r --html people.html",
        "~/videos -r --gallery ~/portraits",
    ),
    "people": (
        "~/videos --rename 3 Jane Doe",
        "~/videos --merge 3 4",
        "~/videos --undo",
    ),
    "subtitles": (
        "~/videos -r",
        "~/videos -r --model medium --language de --format vtt,srt",
        "movies --from-stream",
    ),
    "verify": (
        "~/videos -r",
        "~/videos -r --quick",
    ),
    "codecs": (
        "~/videos -r",
        "~/videos -r --target-v hevc --allowed-profiles Main",
    ),
    "transcode": (
        "~/videos ~/mp4 -r --dry-run",
        "~/videos ~/mp4 -r --target-v hevc --crf 26 --min-saving 10%",
    ),
    "compare": (
        "original.mp4 smaller.mp4",
        "original.mp4 smaller.mp4 --png quality.png --no-vmaf",
    ),
    "export": (
        "~/videos -r --format nfo,trickplay",
        "~/videos -r --format m3u8 -q tag:night --to ~/lists",
    ),
    "tags": (
        "movie.mp4 --set action,night --rating 4",
        "~/videos -r -q tag:night --add-performers 'Jane Doe'",
        "~/videos -r --list",
    ),
    "dupes": (
        "~/videos -r --compute --html dupes.html",
        "~/videos -r --apply trash",
        "~/videos --undo",
    ),
    "rename": (
        "old.mp4 new.mp4",
        "--batch -d ~/videos -r --source IMG_ --target holiday_",
        "-d ~/videos --undo",
    ),
    "orphans": (
        "~/videos -r",
        "~/videos -r --relink --delete",
    ),
    "trash": (
        "~/videos",
        "~/videos --empty",
    ),
    "report": (
        "~/videos -r",
        "~/videos -r --json",
    ),
    "batch": (
        "~/videos -r --tasks meta,thumbs,sprites",
        "~/videos -r --tasks subtitles,scenes --max-subtitles 1",
    ),
    "finish": (
        "~/videos -r",
        "~/videos -r --tasks meta,thumbs --dry-run",
    ),
    "watch": (
        "~/videos -r",
        "~/videos -r --tasks meta,thumbs,previews --hours 22-6 --idle",
    ),
    "serve": (
        "~/videos",
        "~/videos --port 9000 --watch",
    ),
    "scheduler": (
        "",
        "--host 10.0.0.1 --tls-files ca.pem,cert.pem,key.pem",
    ),
    "worker": (
        "tcp://127.0.0.1:8786",
        "tcp://127.0.0.1:8786 --slots 2 --only thumbs,sprites",
    ),
    "doctor": (
        "",
        "--json",
    ),
    "completion": (
        "bash",
        "fish | source",
    ),
}


def heading(command: str, option: str) -> str:
    """What an option of a command stands below in its help; an empty text for its main ones."""
    sections = SECTIONS.get(command, {}) | SHARED_SECTIONS
    found = (title for title, names in sections.items() if option in names.split())
    return next(found, CAPS if option.startswith("max_") and command in ("batch", "finish") else "")


def examples_text(command: str, spelled: str) -> str:
    """The examples of a command as lines, where one calls it so."""
    lines = [f"  {spelled} {example}".rstrip() for example in EXAMPLES.get(command, ())]
    return "\n".join(lines)
