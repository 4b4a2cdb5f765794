"""The scenes of a video, detected by PySceneDetect's algorithms on frames that `Media` decodes.

`detect_scenes` makes the artifact: one of DETECTORS gives the cuts, these become markers and
scenes, and `illustrate` adds pictures and clips.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError
from videolib.media.choices import SceneDetector
from videolib.media.clips import ClipFormat, Excerpt, encode_clip
from videolib.media.duration import cut_off_message
from videolib.media.frames import FrameRequest, decode_forward, read_frames, timestamps_around
from videolib.media.pictures import HDR_EOTFS, jpeg, rgb_picture
from videolib.media.reader import Media
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


# What is 1 on the normalized scale of thresholds and scores, in the unit of each detector: their
# defaults, 27 and 3, are 0.4.
UNITS: Mapping[SceneDetector, float] = {"content": 67.5, "adaptive": 7.5}
CLIP_FORMAT = ClipFormat("mp4", "libx264", {"preset": "veryfast", "crf": "26"})


class SceneIllustration(NamedTuple):
    """What is stored to show every scene: with `thumbs` its first frame, and its beginning as a
    clip of `clip_duration` seconds (0: none), both `width` pixels wide."""

    width: int
    thumbs: bool
    clip_duration: float


def detect_scenes(
    media: Media,
    detector: SceneDetector,
    threshold: float,
    limit: int,
    illustration: SceneIllustration,
    chapters: bool,
) -> ArtifactOutput:
    """The artifact: the scenes of a video and the markers between them.

    `threshold` is normalized, see UNITS; `limit` keeps that many of the strongest markers (0: all);
    `chapters`: also a file of chapters. Raises VideoError where no picture can be decoded.
    """
    unit = UNITS[detector]
    cuts = DETECTORS[detector](media, threshold * unit)
    if limit:
        cuts = sorted(sorted(cuts, key=lambda cut: -cut[1])[:limit])
    markers = [marker_row(media.seconds(pts), score / unit) for pts, score in cuts]
    read_end = media.seconds(media.read_end)
    cut_off = media.is_cut_off_before(media.declared_end - 1, media.read_end)
    # There may also be more frames than the header declares.
    is_longer = bool(markers) and markers[-1]["time"] >= media.duration
    scenes = scenes_between(markers, read_end if cut_off or is_longer else media.duration)
    parameters = {"threshold": threshold, "detector": detector}
    output = ArtifactOutput(parameters | {"markers": markers, "scenes": scenes})
    if illustration.thumbs or illustration.clip_duration:
        output.files[".{}.scenes/"] = illustrate(media, illustration, scenes, markers)
    if chapters:
        output.files["{}.scenes.ffmeta"] = chapters_file(scenes).encode()
    shortage = cut_off_message(read_end, media.duration) if cut_off else ""
    output.mark_degraded(shortage or media.damage_note)
    return output


def marker_row(seconds: float, score: float) -> dict[str, Any]:
    """A marker as JSON, its time rounded up to the microsecond: seeking to it must not find the
    frame before it."""
    return {"time": math.ceil(seconds * 1e6) / 1e6, "score": round(score, 4)}


def scenes_between(markers: Sequence[Mapping[str, Any]], end: float) -> list[dict[str, Any]]:
    """The scenes, from one marker to the next, as {start, end} in seconds."""
    bounds = [0.0, *(marker["time"] for marker in markers), end]
    return [
        {"start": start, "end": stop}
        for start, stop in itertools.pairwise(bounds)
        if stop > start or not markers
    ]


def illustrate(
    media: Media,
    illustration: SceneIllustration,
    scenes: Sequence[dict[str, Any]],
    markers: Sequence[dict[str, Any]],
) -> dict[str, bytes]:
    """The pictures and clips of the scenes, by file name; `scenes` and `markers` are given their
    paths."""
    files: dict[str, bytes] = {}
    folder = f".{media.video.key}.scenes"
    first_frames = [FrameRequest(scene["start"]) for scene in scenes if illustration.thumbs]
    for frame, indices in read_frames(media, first_frames) if first_frames else ():
        for index in indices:
            name = f"scene_{index + 1:03}.jpg"
            files[name] = jpeg(frame.rgb(illustration.width), 4)
            scenes[index]["thumb"] = f"{folder}/{name}"
    for index, scene in enumerate(scenes if illustration.clip_duration else ()):
        name = f"scene_{index + 1:03}.mp4"
        length = min(illustration.clip_duration, scene["end"] - scene["start"])
        excerpt = Excerpt(media, scene["start"], length)
        files[name] = encode_clip(excerpt, (illustration.width // 2 * 2, None), CLIP_FORMAT).content
        scene["clip"] = f"{folder}/{name}"
    by_start = {scene["start"]: scene for scene in scenes}
    for marker in markers:
        scene = by_start[marker["time"]]
        marker |= {key: scene[key] for key in ("thumb", "clip") if key in scene}
    return files


# Of each cut the timestamp of the first frame after it, and the score in the detector's unit.
Cuts = list[tuple[int, float]]

SHORTEST_SCENE = 0.6  # seconds, the default of the scenedetect program
UNSURE = 0.15  # share of the threshold within which a draft's score does not decide


def content_cuts(media: Media, threshold: float) -> Cuts:
    """Cuts where the content detector's score reaches `threshold`, exact to the frame.

    A draft, decoded without loop filter and non-reference frames, takes a third of the work and
    decides the clear cases. Where frames were left out beside a possible cut, and where the score
    is near the threshold, the frames are decoded in full and scored again.
    """
    steps, sizes = draft_scores(media)
    timeline = sorted(sizes)
    numbers = {pts: number for number, pts in enumerate(timeline)}
    scores: dict[int, float] = {}
    unsure: list[tuple[int, int]] = []
    for before, pts, score in steps:
        skipped = timeline[numbers[before] + 1 : numbers[pts]]
        # A non-reference frame is small, unless it shows what its neighbours do not: a flash.
        flash = any(sizes[p] > max(sizes[before], sizes[pts]) for p in skipped)
        is_near = abs(score - threshold) < UNSURE * threshold
        if is_near or (skipped and (flash or score > threshold)):
            unsure.append((before, pts))
        else:
            scores[pts] = score
    # Steps behind the same keyframe share one decode.
    for _, spans in itertools.groupby(unsure, lambda span: bisect.bisect(media.keyframes, span[0])):
        wanted = {n for first, last in spans for n in range(numbers[first], numbers[last] + 1)}
        scores |= full_scores(media, timeline, sorted(wanted))
    return filtered_cuts(media, scores | {timeline[0]: 0.0}, threshold)


def draft_scores(media: Media) -> tuple[list[tuple[int, int, float]], dict[int, int]]:
    """Scores of a draft as (timestamp of the frame before, timestamp, score), and the size in bytes
    of every packet by timestamp."""
    steps: list[tuple[int, int, float]] = []
    sizes: dict[int, int] = {}
    before: tuple[int, Any] | None = None
    with Media(media.video, media.allow_codecs, draft=True) as draft:
        draft.stream.codec_context.skip_frame = "NONREF"
        for packet in itertools.chain(draft.packets(draft.start), [None]):
            if packet and packet.pts is not None:
                sizes[packet.pts] = packet.size
            for raw in draft.decode(packet):
                if raw.pts not in sizes or (before and raw.pts <= before[0]):
                    continue  # a piece that is repeated in a damaged file is no new scene
                hsv = small_hsv(raw)
                if before:
                    steps.append((before[0], raw.pts, content_score(before[1], hsv)))
                before = (raw.pts, hsv)
                media.progress.at(media.seconds(raw.pts), media.duration)
        media.note_reading(draft)
    if not before:
        raise VideoError("no picture in it could be decoded: it is truncated or damaged")
    return steps, sizes


def small_hsv(raw: VideoFrame) -> Any:
    """A frame at the size that PySceneDetect scores (256 wide at most): pixels of shape (height,
    width, 3), 8-bit hue, saturation and value as OpenCV has them."""
    import cv2

    width = min(raw.width, 256)
    height = max(round(raw.height * width / raw.width), 1)
    if raw.color_trc in HDR_EOTFS:
        return cv2.cvtColor(rgb_picture(raw, 0, width, height), cv2.COLOR_RGB2HSV)
    # Picked pixels, not averaged ones: the detector's threshold was found on such pictures.
    pixels = raw.reformat(width, height, "bgr24", interpolation="POINT").to_ndarray()
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)


def content_score(before: Any, after: Any) -> float:
    """Mean absolute difference of hue, saturation and value, 0 to 255, as PySceneDetect's
    ContentDetector weights them."""
    import cv2

    return float(cv2.norm(before, sized_as(before, after), cv2.NORM_L1) / before.size)


def sized_as(model: Any, pixels: Any) -> Any:
    """Pixels at the size of `model`: in some broadcasts and calls it changes within the video."""
    import cv2

    if pixels.shape == model.shape:
        return pixels
    return cv2.resize(pixels, model.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def full_scores(media: Media, timeline: Sequence[int], numbers: Sequence[int]) -> dict[int, float]:
    """Scores, by timestamp, of frames decoded in full: `numbers` are sorted places in `timeline`,
    and a frame is scored where the one before it is among them."""
    begin = timestamps_around(media, timeline[numbers[0]], timeline[numbers[0]]).begin
    scores: dict[int, float] = {}
    before: Any = None
    follows = {timeline[n]: previous + 1 == n for previous, n in itertools.pairwise(numbers)}
    for frame, _ in decode_forward(media, begin, {timeline[number]: [] for number in numbers}):
        after = small_hsv(frame.raw)
        if before is not None and follows.get(frame.pts):
            scores[frame.pts] = content_score(before, after)
        before = after
    return scores


def filtered_cuts(media: Media, scores: Mapping[int, float], threshold: float) -> Cuts:
    """The frames whose scores reach the threshold, merged where closer than SHORTEST_SCENE."""
    from scenedetect.detector import FlashFilter

    flash_filter = FlashFilter(FlashFilter.Mode.MERGE, SHORTEST_SCENE)
    cuts = itertools.chain.from_iterable(
        flash_filter.filter(timecode(media, pts), scores[pts] >= threshold)
        for pts in sorted(scores)
    )
    return [(cut.pts, scores[cut.pts]) for cut in cuts]


def timecode(media: Media, pts: int) -> Any:
    """A timestamp as a FrameTimecode of PySceneDetect, right also where the frame rate varies."""
    from fractions import Fraction

    from scenedetect.common import FrameTimecode, Timecode

    moment = Timecode(pts, Fraction(media.stream.time_base or 1))
    return FrameTimecode(moment, fps=max(float(media.stream.average_rate or 25), 0.001))


def adaptive_cuts(media: Media, threshold: float) -> Cuts:
    """Cuts of PySceneDetect's adaptive detector, which compares a score with those around it."""
    import cv2
    from scenedetect.detectors import AdaptiveDetector
    from scenedetect.stats_manager import StatsManager

    detector = AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=SHORTEST_SCENE)
    detector.stats_manager = StatsManager()
    cuts: list[Any] = []
    pixels: Any = None
    for packet in itertools.chain(media.packets(media.start), [None]):
        for raw in media.decode(packet):
            if raw.pts is not None:
                media.progress.at(media.seconds(raw.pts), media.duration)
                bgr = cv2.cvtColor(small_hsv(raw), cv2.COLOR_HSV2BGR)
                pixels = bgr if pixels is None else sized_as(pixels, bgr)
                cuts += detector.process_frame(timecode(media, raw.pts), pixels)
    ratio = detector.get_metrics()[-1]
    return [(cut.pts, float(detector.stats_manager.get_metrics(cut, [ratio])[0])) for cut in cuts]


DETECTORS: dict[str, Callable[[Media, float], Cuts]] = {
    "content": content_cuts,
    "adaptive": adaptive_cuts,
}


def chapters_file(scenes: Iterable[Mapping[str, float]]) -> str:
    """The scenes as chapters in ffmpeg's metadata format."""
    lines = [";FFMETADATA1"]
    for number, scene in enumerate(scenes, 1):
        start, end = round(scene["start"] * 1000), round(scene["end"] * 1000)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}"]
        lines.append(f"title=Scene {number}")
    return "\n".join(lines) + "\n"
