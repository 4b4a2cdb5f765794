"""Keyframes by the index of a container: which is nearest to a time, and the packet that has it.

An index may mislead: MP4's has decoding timestamps, while the delay until a frame is shown varies
in open GOPs; and a seek may land elsewhere, as in MP4 whose edit list begins inside a GOP. So what
a seek finds is compared with the index entry that was meant.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from videolib.media.packets import timestamp_of

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

    from videolib.media.reader import Media

ROUNDING = 0.002  # seconds by which an index and its packets may disagree: FLV's has milliseconds
# Seconds by which the delays of two keyframes may differ: 16 frames, the most that codecs reorder.
DELAY_SPREAD = 0.7
SAMPLED_KEYFRAMES = 3  # their delays tell whether delays vary in a file


class KeyframeFinder:
    """Finds keyframes of one video. Keyframes are named by their timestamps in Media.keyframes."""

    def __init__(self, media: Media) -> None:
        self.media = media
        self.presented: dict[int, int] = {}  # when keyframes that were looked at are shown
        self.delays_vary: bool | None = None  # None: nobody needed to know yet

    def nearest(self, target: int) -> int | None:
        """The keyframe that is shown nearest to a timestamp; None: the container has no index."""
        keyframes = self.media.keyframes
        at = bisect.bisect_left(keyframes, target)
        neighbours = keyframes[max(at - 1, 0) : at + 1]
        if len(neighbours) == 2 and self.is_close_call(neighbours[0], neighbours[1], target):
            neighbours.sort(key=lambda keyframe: abs(self.presentation(keyframe) - target))
            return neighbours[0]
        return min(neighbours, key=lambda keyframe: abs(keyframe - target), default=None)

    def is_close_call(self, left: int, right: int, target: int) -> bool:
        """Whether two keyframes are so nearly as far from a timestamp that delays, which vary in
        this file, may decide which is nearer."""
        distance = abs(left + right - 2 * target) * self.media.tick
        if not self.media.index_delay or distance > DELAY_SPREAD:
            return False
        if self.delays_vary is None:
            sampled = self.media.keyframes[1 : 1 + SAMPLED_KEYFRAMES]
            self.delays_vary = any(self.presentation(k) != k for k in sampled)
        return self.delays_vary

    def presentation(self, keyframe: int) -> int:
        """When a keyframe is shown, by its own packet."""
        if keyframe not in self.presented:
            packet = self.packet(keyframe)
            pts = packet.pts if packet else None
            self.presented[keyframe] = keyframe if pts is None else pts
        return self.presented[keyframe]

    def packet(self, keyframe: int) -> Packet[VideoStream] | None:
        """The packet of a keyframe; None where no seek finds it.

        A seek that lands too early is tried again half way to the next keyframe, which a wrong
        shift does not reach; where keyframes are nearer than that, the packets between are read.
        """
        keyframes = self.media.keyframes
        following = keyframes[bisect.bisect_right(keyframes, keyframe) :][:1] or [keyframe]
        for target in (keyframe, (keyframe + following[0]) // 2):
            packet = next((p for p in self.media.packets(target) if p.is_keyframe), None)
            if packet and self.is_entry(packet, keyframe):
                return packet
        for packet in self.media.packets(keyframe):
            timestamp = timestamp_of(packet)
            if packet.is_keyframe and self.is_entry(packet, keyframe):
                return packet
            if timestamp is not None and timestamp > following[0]:
                break
        return None

    def is_entry(self, packet: Packet[VideoStream], keyframe: int) -> bool:
        """Whether the index entry of a keyframe means this packet."""
        entry = keyframe - self.media.index_delay
        return any(
            timestamp is not None and abs(timestamp - entry) * self.media.tick < ROUNDING
            for timestamp in (packet.dts, packet.pts)
        )
