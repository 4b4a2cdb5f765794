"""Downmixing: the channels of a sound as one, at the rate that speech models take.

Channels in opposite phase, as a microphone wired the wrong way makes them, cancel each other out in
a mix. Where they do, the louder one is taken in place of both. That is decided for each second,
since one scene of a film may be recorded so and the others not, and for each pair of channels, lest
the music left and right of a voice in the centre take its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

    from videolib.core.arrays import Samples

SAMPLE_RATE = 16_000  # samples per second
BLOCK = SAMPLE_RATE  # samples over which energies are compared

# The share of each channel in a mix, by libav's names of channels, as in ITU-R BS.775 and in
# libswresample. What comes from behind or above has OTHER_SHARE, effects of low frequency none.
SHARES = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "BC": 0.7071, "FLC": 1.0, "FRC": 1.0}
SHARES |= {"LFE": 0.0, "LFE2": 0.0}
OTHER_SHARE = 0.5
PAIRS = (("FL", "FR"), ("BL", "BR"), ("SL", "SR"), ("DL", "DR"))
# A mix with less than this part of the energy that unrelated channels would add up to is one in
# which they cancel out. It is 0 for a channel and its negative, 1 for unrelated ones.
CANCELLED = 0.2
LOUDER = 2.0  # times the energy of the channel taken last that another needs to take its place


class Downmixer:
    """The mono samples of frames that have one format, layout and rate."""

    def __init__(self, frame: AudioFrame) -> None:
        from av.audio.resampler import AudioResampler

        self.format = frame_format(frame)
        self.resampler = AudioResampler("s16p", frame.layout, SAMPLE_RATE)
        self.shares = channel_shares(frame)
        self.waiting: list[Samples] = []  # of shape (channels, samples), less than a block in all
        self.groups = channel_groups(frame)
        self.taken = [0] * len(self.groups)  # of each group the channel taken last, in the group

    def takes(self, frame: AudioFrame) -> bool:
        """Whether a frame is like those before it."""
        return frame_format(frame) == self.format

    def samples(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """What a frame adds, in blocks; None: the rest."""
        import numpy as np

        pieces = self.resampler.resample(frame)
        self.waiting += [piece.to_ndarray().astype(np.int16, copy=False) for piece in pieces]
        length = sum(piece.shape[1] for piece in self.waiting)
        if length < BLOCK and frame is not None:
            return
        sound, self.waiting = np.concatenate(self.waiting or [np.zeros((1, 0), "i2")], axis=1), []
        for start in range(0, length, BLOCK):
            block = sound[:, start : start + BLOCK]
            if frame is not None and block.shape[1] < BLOCK:
                self.waiting = [block]
            else:
                yield block[0] if len(block) == 1 else self._mixed(block)

    def _mixed(self, block: Samples) -> Samples:
        """A block of several channels as one: each group that cancels out is its loudest alone."""
        import numpy as np

        channels = block.astype(np.float32) * self.shares[:, np.newaxis]
        for number, group in enumerate(self.groups):
            energies = np.square(channels[group]).sum(axis=1)
            if np.square(channels[group].sum(axis=0)).sum() >= CANCELLED * energies.sum():
                continue
            if energies.max() > LOUDER * energies[self.taken[number]]:
                self.taken[number] = int(energies.argmax())
            loudest = block[group[self.taken[number]]]
            channels[group] = self.shares[group, np.newaxis] * loudest
        mix: Samples = channels.sum(axis=0).round().astype(np.int16)
        return mix


def frame_format(frame: AudioFrame) -> tuple[str, str, int]:
    """Names of the sample format and the layout, and the rate in Hz."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def channel_shares(frame: AudioFrame) -> NDArray[np.float32]:
    """The share of each channel of a frame in a mix; their sum is 1."""
    import numpy as np

    names = [channel.name for channel in frame.layout.channels]
    shares = np.array([SHARES.get(name, OTHER_SHARE) for name in names], np.float32)
    if not shares.any():
        shares[:] = 1.0  # nothing but low frequencies
    shares /= shares.sum()
    return shares


def channel_groups(frame: AudioFrame) -> list[list[int]]:
    """The groups of channels that may cancel out: those left and right, then all together."""
    names = [channel.name for channel in frame.layout.channels]
    pairs = [[names.index(name) for name in pair] for pair in PAIRS if {*pair} <= {*names}]
    return [*pairs, list(range(len(names)))]
