"""One pass over a video for all the artifacts that are made from sampled frames.

A FrameMaker says which frames it wants, takes each of them once, and gives its artifact.
`make_from_frames` collects the requests of several makers, decodes every frame once, hands it to
the makers that requested it, and lets each finish. An artifact never depends on the other makers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Protocol

from videolib.core.errors import Failure, attempt
from videolib.core.text import clock, plural
from videolib.media.duration import cut_off_message
from videolib.media.frames import read_frames
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videolib.media.frames import Frame, FrameRequest
    from videolib.media.reader import Media


class FrameMaker(Protocol):
    """Makes one artifact of one video from frames. May raise VideoError anywhere."""

    def requests(self) -> list[FrameRequest]:
        """The frames to take, in any order, which numbers them for `take`."""
        ...

    def take(self, frame: Frame, index: int) -> None:
        """Take the frame for request number `index`; frames come nearly in the order of time."""
        ...

    def finish(self) -> ArtifactOutput:
        """Make the artifact, after the last frame was taken."""
        ...


def make_from_frames(
    media: Media, makers: Sequence[FrameMaker | Failure]
) -> list[ArtifactOutput | Failure]:
    """The artifacts of the makers in their order, from one pass over the video.

    A Failure in place of a maker (it could not be set up) is handed through.
    """
    run = _SamplingRun(media, makers)
    broken = attempt(run.decode)
    return [run.finish(number, broken) for number in range(len(makers))]


class _SamplingRun:
    """The requests of all makers, and how many frames each has taken, or why it failed."""

    def __init__(self, media: Media, makers: Sequence[FrameMaker | Failure]) -> None:
        self.media, self.makers = media, makers
        self.failures: dict[int, Failure] = {}
        self.requests: list[FrameRequest] = []
        self.owners: list[tuple[int, int]] = []  # of each request: the maker, and its own number
        self.taken, self.requested = Counter[int](), Counter[int]()
        # Of each maker's substitutes, in seconds: the requested time and that of the frame.
        self.substitutes: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
        for number, maker in enumerate(makers):
            requests = maker if isinstance(maker, Failure) else attempt(maker.requests)
            if isinstance(requests, Failure):
                self.failures[number] = requests
                continue
            self.requests += requests
            self.owners += [(number, index) for index in range(len(requests))]
            self.requested[number] = len(requests)

    def decode(self) -> None:
        """Hand every frame to the makers that requested it; one that fails gets no more."""
        for frame, indices in read_frames(self.media, self.requests):
            for i in indices:
                number, index = self.owners[i]
                if number not in self.failures:
                    self.taken[number] += 1
                    if frame.is_substitute:
                        self.substitutes[number].append((self.requests[i].time, frame.time))
                    self._hand_over(number, frame, index)
            self.media.progress.at(self.taken.total(), len(self.requests))

    def _hand_over(self, number: int, frame: Frame, index: int) -> None:
        """Let a maker take a frame for its request `index`; a failure is kept in `failures`."""
        maker = self.makers[number]
        if not isinstance(maker, Failure):
            failure = attempt(maker.take, frame, index)
            if isinstance(failure, Failure):
                self.failures[number] = failure

    def finish(self, number: int, broken: Failure | None) -> ArtifactOutput | Failure:
        """The artifact of one maker; marked degraded where frames are missing. `broken` is the
        Failure that ended the whole pass, if one did."""
        maker, taken = self.makers[number], self.taken[number]
        if number in self.failures or isinstance(maker, Failure):
            return self.failures[number]
        if broken:
            return broken
        if not taken:
            return Failure(self._why_nothing(), broken=True)
        output = attempt(maker.finish)
        if isinstance(output, ArtifactOutput):
            output.mark_degraded(self._shortage(number))
        return output

    def _shortage(self, number: int) -> str:
        """Message about the frames of a maker that could not be decoded, or an empty string."""
        requested, substitutes = self.requested[number], self.substitutes[number]
        missing = requested - self.taken[number] + len(substitutes)
        if requested == 1 and substitutes:
            time, shown = (clock(seconds, millis=True) for seconds in substitutes[0])
            return f"the picture at {time} could not be decoded: that at {shown} was taken"
        message = f"{missing} of {plural(requested, 'frame')} could not be decoded"
        if substitutes:
            message += f", the nearest was taken in place of {len(substitutes)}"
        return message if missing else ""

    def _why_nothing(self) -> str:
        """The reason where a maker got no frame at all."""
        if self.media.cut_off is None:
            return "no frame that is wanted could be decoded: it is truncated or damaged"
        message = cut_off_message(self.media.cut_off, self.media.duration)
        return f"is {message}, before any frame that is wanted: copy it again"
