"""What failed once, and is tried first: films with recipes of their mutation."""

from __future__ import annotations

from campaign.mutations import Recipe, Step

ONCE_FAILED: tuple[tuple[str, Recipe], ...] = (
    # One packet's timestamp is hours later: Stash's hash recorded it as a frame's time.
    (
        "mpeg2.vob",
        (Step("write", 10263, argument="420007d862"), Step("swap", 35818, 188, 36550)),
    ),
    # No picture can be decoded: the adaptive detector recorded a scene that ended before it began.
    ("vp8.webm", (Step("noise", 600, 50_000, 1),)),
)
