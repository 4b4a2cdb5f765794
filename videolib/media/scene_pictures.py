"""The picture of each scene: its first frame or, where that is blank or still becomes another in a
fade or a dissolve, the first one after it that shows something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.media.frames import FrameRequest, read_frames
from videolib.media.pictures import jpeg

if TYPE_CHECKING:
    from videolib.media.reader import Media

LATER = (0.4, 0.8, 1.6, 3.2, 6.4)  # seconds after a cut at which a picture is looked for
# What follows a frame is looked at in two steps of the first length (s), and two of the second:
# dissolves may be as short as four frames, fades so slow that no two neighbours differ.
STEPS = (0.05, 0.15)
COMPARED = (64, 36)  # pixels, width and height
QUALITY = 4  # of the JPEG, on ffmpeg's scale

# All in levels of luma, 0 to 255, measured on a trailer with four fades through black, and on eight
# real films joined by dissolves and fades: in these, two steps correlate by 0.88 and more, and are
# larger than 3; in motion, in pans and zooms, and between hard cuts they correlate by 0.7 at most.
LEAST_CONTRAST = 6.0  # standard deviation; fades end in less
LEAST_STEP, LEAST_CORRELATION = 1.5, 0.78
LAST_STEP, STEP_RATIO = 8.0, 4.0  # of the last step of a dissolve, before which all moves less


class Look(NamedTuple):
    """A frame as a JPEG, whether it is blank, and whether it is on the way to another picture."""

    picture: bytes
    is_blank: bool
    is_blend: bool


def scene_pictures(
    media: Media, scenes: Sequence[Mapping[str, Any]], width: int
) -> dict[int, bytes]:
    """JPEGs, by the number of their scene, at most from the middle of it; scenes whose frames
    cannot be decoded have none. `scenes`: {start, end} in seconds."""
    chosen, unsettled = dict[int, Look](), list(range(len(scenes)))
    blank = set[int]()  # scenes that begin so: any later picture is better
    for delay in (0.0, *LATER):
        times = {
            number: scenes[number]["start"] + delay
            for number in unsettled
            if delay <= (scenes[number]["end"] - scenes[number]["start"]) / 2
        }
        looks = look_at(media, times, width)
        for number, look in looks.items():
            is_settled = not (look.is_blank or look.is_blend)
            if number not in chosen:
                blank |= {number} if look.is_blank else set()
            if number not in chosen or is_settled or number in blank:
                chosen[number] = look
        unsettled = [n for n, look in looks.items() if look.is_blank or look.is_blend]
    return {number: look.picture for number, look in chosen.items()}


def look_at(media: Media, times: Mapping[int, float], width: int) -> dict[int, Look]:
    """The frames at these times (s), as far as they can be decoded."""
    import numpy as np

    delays = [0.0, *(step * count for step in STEPS for count in (1, 2))]
    numbers = list(times)
    requests = [FrameRequest(times[number] + delay) for number in numbers for delay in delays]
    pictures, lumas = dict[int, bytes](), dict[int, dict[int, Any]]()
    for frame, indices in read_frames(media, requests) if requests else ():
        for index in indices:
            number, place = numbers[index // len(delays)], index % len(delays)
            lumas.setdefault(number, {})[place] = frame.luma(*COMPARED).astype(np.float32)
            if place == 0:
                pictures[number] = jpeg(frame.rgb(width), QUALITY)
    return {
        number: Look(picture, is_blank(lumas[number][0]), is_blend(lumas[number]))
        for number, picture in pictures.items()
    }


def is_blank(luma: Any) -> bool:
    """Whether a picture is black, white or of another single colour."""
    return float(luma.std()) < LEAST_CONTRAST


def is_blend(lumas: Mapping[int, Any]) -> bool:
    """Whether the first of these pictures is on the way to another; `lumas`: it, and those after
    each of STEPS and twice as long."""
    triples = [(0, 1 + 2 * number, 2 + 2 * number) for number in range(len(STEPS))]
    return any(
        is_on_the_way(*(lumas[place] for place in triple))
        for triple in triples
        if all(place in lumas for place in triple)
    )


def is_on_the_way(first: Any, second: Any, third: Any) -> bool:
    """Whether pictures become another: what changes in one step changes in the next again, for a
    blend adds the same each time; or the first step is the last."""
    import numpy as np

    steps = second - first, third - second
    sizes = [float(np.abs(step).mean()) for step in steps]
    if min(sizes) < LEAST_STEP:
        return sizes[0] > LAST_STEP
    product = float((steps[0] * steps[1]).sum())
    correlation = product / float(np.sqrt((steps[0] ** 2).sum() * (steps[1] ** 2).sum()))
    return correlation > LEAST_CORRELATION or sizes[0] > max(LAST_STEP, STEP_RATIO * sizes[1])
