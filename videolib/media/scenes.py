"""The scenes of a video, detected by PySceneDetect's algorithms on frames that `Media` decodes.

`detect_scenes` makes the artifact: one of DETECTORS gives the cuts, these become markers and
scenes, and `illustrate` adds pictures and clips.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import BrokenVideoError
from videolib.media.choices import SceneDetector
from videolib.media.clips import ClipFormat, Excerpt, encode_clip
from videolib.media.duration import cut_off_message
from videolib.media.frames import decode_forward, timestamps_around
from videolib.media.geometry import Orientation
from videolib.media.pictures import HDR_EOTFS, reformatter, rgb_picture
from videolib.media.reader import Media
from videolib.media.scene_pictures import scene_pictures
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter


# What is 1 on the normalized scale of thresholds and scores, in the unit of each detector: their
# defaults, 27 and 3, are 0.4.
UNITS: Mapping[SceneDetector, float] = {"content": 67.5, "adaptive": 7.5}
CLIP_FORMAT = ClipFormat("mp4", "libx264", {"preset": "veryfast", "crf": "26"})

SCORED_SIDE = 256  # pixels: PySceneDetect's DEFAULT_MIN_WIDTH, though it measures the longer side
SHORTEST_SCENE = 0.6  # seconds, the default of the scenedetect program

# Shares of the threshold between which a draft's score does not decide. Blocks that no loop filter
# smooths add up within a group of pictures, most in the dark, where they have any hue. Measured
# where the full score exceeds 8, on 17 noisy synthetic films (200x150 to 1280x720, crf 23 to 36)
# and seven real ones: 1,498 full scores were 0.60 to 1.15 times the draft's, the extremes in a fade
# to black; 59 of keyframes, where only the frame before has blocks, were 0.84 times and more but
# for two near black (0.53, 0.73). Scores of picked pixels were at least 0.98 times those of all.
DRAFT_SHARES = (0.85, 1.7)
DRAFT_SHARES_OF_KEYFRAMES = (0.85, 1.25)
PICKED_SHARE = 0.83  # of the threshold; a score of picked pixels below it decides

NO_PICTURE = "no picture in it could be decoded: it is truncated or damaged"

# Of each cut the timestamp of the first frame after it, and the score in the detector's unit.
Cuts = list[tuple[int, float]]


class SceneIllustration(NamedTuple):
    """What is stored to show every scene: with `thumbs` a picture, see scene_pictures, and its
    beginning as a clip of `clip_duration` seconds (0: none), both `width` pixels wide."""

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

    Markers are those of PySceneDetect's own run. So are scores near the threshold and all of the
    adaptive detector; clearly higher content scores are those of a fast decode, see `content_cuts`.

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
    pictures = scene_pictures(media, scenes, illustration.width) if illustration.thumbs else {}
    for index, picture in pictures.items():
        name = f"scene_{index + 1:03}.jpg"
        files[name] = picture
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


def content_cuts(media: Media, threshold: float) -> Cuts:
    """Cuts where the content detector's score reaches `threshold`, exact to the frame.

    A draft, decoded without loop filter and non-reference frames, takes a third of the work and
    decides the clear cases. Where frames were left out beside a possible cut, and where the score
    is near the threshold, the frames are decoded in full and scored again.
    """
    steps, sizes = draft_scores(media, threshold)
    timeline = sorted(sizes)
    numbers = {pts: number for number, pts in enumerate(timeline)}
    scores: dict[int, float] = {}
    unsure: list[tuple[int, int]] = []
    for step in steps:
        before, pts, score, _ = step
        skipped = timeline[numbers[before] + 1 : numbers[pts]]
        # A non-reference frame is small, unless it shows what its neighbours do not: a flash.
        flash = any(sizes[p] > max(sizes[before], sizes[pts]) for p in skipped)
        if step.is_near(threshold) or (skipped and (flash or score > threshold)):
            unsure.append((before, pts))
        else:
            scores[pts] = score
    # Steps behind the same keyframe share one decode.
    for _, spans in itertools.groupby(unsure, lambda span: bisect.bisect(media.keyframes, span[0])):
        places = {n for first, last in spans for n in range(numbers[first], numbers[last] + 1)}
        scores |= full_scores(media, timeline, sorted(places))
    return filtered_cuts(media, scores | {timeline[0]: 0.0}, threshold)


class DraftStep(NamedTuple):
    """The content score of a frame of the draft, its timestamp, and that of the frame before."""

    before: int
    pts: int
    score: float
    is_keyframe: bool

    def is_near(self, threshold: float) -> bool:
        """Whether only the score of frames decoded in full says if it reaches the threshold."""
        low, high = DRAFT_SHARES_OF_KEYFRAMES if self.is_keyframe else DRAFT_SHARES
        return low * threshold < self.score < high * threshold


def draft_scores(media: Media, threshold: float) -> tuple[list[DraftStep], dict[int, int]]:
    """The steps from frame to frame of a draft, and the size in bytes of every packet by its
    timestamp."""
    steps: list[DraftStep] = []
    sizes: dict[int, int] = {}
    before: DraftFrame | None = None
    with Media(media.video, media.allow_codecs, draft=True) as draft:
        draft.clock = media.clock  # to be made once
        draft.stream.codec_context.skip_frame = "NONREF"
        for packet in itertools.chain(draft.packets(draft.start), [None]):
            if packet and packet.pts is not None:
                sizes[packet.pts] = packet.size
            for raw in draft.decode(packet):
                if raw.pts is None or raw.pts not in sizes:
                    continue
                if before and raw.pts <= before.pts:
                    continue  # a piece that is repeated in a damaged file is no new scene
                frame = DraftFrame(raw, raw.pts)
                if before:
                    score = draft_score(before, frame, threshold)
                    steps.append(DraftStep(before.pts, raw.pts, score, bool(raw.key_frame)))
                before = frame
                media.progress.at(media.seconds(raw.pts), media.duration)
        media.note_reading(draft)
    if not before:
        raise BrokenVideoError(NO_PICTURE)
    return steps, sizes


class DraftFrame:
    """A frame of the draft with its pixels in hue, saturation and value, made when asked for."""

    def __init__(self, raw: VideoFrame, pts: int) -> None:
        self.raw, self.pts = raw, pts

    @functools.cached_property
    def picked(self) -> Any:
        """Single pixels picked from the frame, which take a third of the time of `scored`."""
        return picked_hsv(self.raw)

    @functools.cached_property
    def scored(self) -> Any:
        """The pixels that PySceneDetect scores."""
        return hsv_of(scored_picture(self.raw))


def draft_score(before: DraftFrame, after: DraftFrame, threshold: float) -> float:
    """The content score of `after`, of picked pixels where these are clearly below `threshold`."""
    score = content_score(before.picked, after.picked)
    if score < PICKED_SHARE * threshold:
        return score
    return content_score(before.scored, after.scored)


def scored_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) at which PySceneDetect's SceneManager scores frames of this size."""
    factor = max(max(width, height) / SCORED_SIDE, 1.0)
    return max(round(width / factor), 1), max(round(height / factor), 1)


def scored_picture(raw: VideoFrame) -> Any:
    """A frame as the very pixels that PySceneDetect scores: BGR of shape (height, width, 3).

    They are those of its default backend, OpenCV's VideoCapture: converted by swscale at full size
    with the flags of a bicubic scaler, turned upright, then `cv2.resize`d. Only HDR is not: it is
    tone-mapped as in every picture, since the detector's threshold was found on SDR.
    """
    import cv2

    if raw.color_trc in HDR_EOTFS:
        rgb = rgb_picture(raw, Orientation(), *scored_size(raw.width, raw.height))
        return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    frame = reformatter().reformat(raw, format="bgr24", interpolation="BICUBIC")
    turns = round(raw.rotation / 90) % 4  # OpenCV does not mirror
    stored: Any = frame.to_ndarray()
    pixels = Orientation(turns).upright(stored)
    height, width = pixels.shape[:2]
    size = scored_size(width, height)
    if size == (width, height):
        return pixels
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)


def picked_hsv(raw: VideoFrame) -> Any:
    """Pixels picked from a frame at the size of `scored_picture` before it is turned upright, as
    `hsv_of` gives them."""
    if raw.color_trc in HDR_EOTFS:
        return hsv_of(scored_picture(raw))
    width, height = scored_size(raw.width, raw.height)
    frame = picker().reformat(raw, width, height, "bgr24", interpolation="POINT")
    return hsv_of(frame.to_ndarray())


@functools.cache
def picker() -> VideoReformatter:
    """The reformatter of picked pixels: one that is used at two sizes in turn makes its tables anew
    each time, which costs more than either picture."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def hsv_of(bgr: Any) -> Any:
    """BGR pixels as 8-bit hue, saturation and value, as OpenCV has them."""
    import cv2

    return cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)


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
        after = hsv_of(scored_picture(frame.raw))
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
    """Cuts of PySceneDetect's adaptive detector, which compares a score with those around it.

    Raises BrokenVideoError where no picture can be decoded.
    """
    from scenedetect.detectors import AdaptiveDetector

    detector = AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=SHORTEST_SCENE)
    cuts: list[Any] = []
    scores: dict[int, float] = {}
    pixels: Any = None
    before: Any = None
    for packet in itertools.chain(media.packets(media.start), [None]):
        for raw in media.decode(packet):
            if raw.pts is None:
                continue
            media.progress.at(media.seconds(raw.pts), media.duration)
            bgr = scored_picture(raw)
            pixels = bgr if pixels is None else sized_as(pixels, bgr)
            cuts += detector.process_frame(timecode(media, raw.pts), pixels)
            after = hsv_of(pixels)
            scores[raw.pts] = 0.0 if before is None else content_score(before, after)
            before = after
    if not scores:
        raise BrokenVideoError(NO_PICTURE)
    return adaptive_ratios(scores, [cut.pts for cut in cuts], detector.window_width)


def adaptive_ratios(scores: Mapping[int, float], cuts: Sequence[int], window: int) -> Cuts:
    """Each cut with its content score divided by the mean of those of `window` frames on either
    side, at most 255, as the adaptive detector compares it with its threshold."""
    timeline, values = list(scores), list(scores.values())
    ratios: Cuts = []
    for pts in cuts:
        number = timeline.index(pts)
        around = values[number - window : number] + values[number + 1 : number + window + 1]
        mean = sum(around) / len(around)
        ratios.append((pts, min(values[number] / mean, 255.0) if mean >= 1e-5 else 255.0))
    return ratios


DETECTORS: dict[str, Callable[[Media, float], Cuts]] = {
    "content": content_cuts,
    "adaptive": adaptive_cuts,
}


def chapters_file(scenes: Iterable[Mapping[str, Any]]) -> str:
    """Scenes, {start, end} in seconds and a title if they have one, as chapters in ffmpeg's
    metadata format."""
    lines = [";FFMETADATA1"]
    for number, scene in enumerate(scenes, 1):
        start, end = round(scene["start"] * 1000), round(scene["end"] * 1000)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}"]
        title = re.sub(r"([=;#\\])", r"\\\1", scene.get("title", f"Scene {number}"))
        lines.append(f"title={title}")
    return "\n".join(lines) + "\n"
