"""The encoders of a transcode: which of them work here, and their options for speed and quality.

`choose_encoder` tries those of the installed ffmpeg. `effort_options` and `quality_options` write
`EncoderSettings` in the options that each encoder has; stream_options adds those of a stream. What
can be asked for is in targets; which codecs a file has is in codecs; clips are encoded in clips.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.files import file_identity, stat_if_any
from videolib.core.processes import need_tool, run_tool
from videolib.media.targets import ACCELERATORS, PRESETS

if TYPE_CHECKING:
    from videolib.media.targets import AudioCodec, Hardware, Preset, VideoCodec

SOFTWARE_ENCODERS = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
AUDIO_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}  # the others have their codec's name


def audio_encoder_for(codec: str) -> str:
    """The name of ffmpeg's encoder for an audio codec."""
    return AUDIO_ENCODERS.get(codec, codec)


class Encoder(NamedTuple):
    """A video encoder by its name in ffmpeg, and the hardware it runs on (`none`: software)."""

    name: str
    hardware: str

    @classmethod
    def of(cls, codec: str, hardware: str) -> Encoder:
        """The encoder for a codec on that hardware."""
        if hardware == "none":
            return cls(SOFTWARE_ENCODERS[codec], hardware)
        return cls(f"{codec}_{hardware}", hardware)

    def device(self) -> list[str]:
        """ffmpeg's options before the input that name the device; empty where none is needed."""
        return ["-vaapi_device", "/dev/dri/renderD128"] if self.hardware == "vaapi" else []

    def upload(self, ten_bits: bool) -> list[str]:
        """The last filters of the graph: conversion to a pixel format that the encoder takes and,
        for VAAPI, the upload to the device."""
        if self.hardware == "none":
            return ["format=yuv420p10le" if ten_bits else "format=yuv420p"]
        pixels = "format=p010le" if ten_bits else "format=nv12"
        return [pixels, "hwupload"] if self.hardware == "vaapi" else [pixels]

    def try_out(self, audio_encoder: str) -> None:
        """Encode one black frame and one frame of silence. Raises VideoError where that fails.

        Once software has done it, it is not tried again in this process; hardware may go away.
        """
        ffmpeg = need_tool("ffmpeg")
        if self.hardware == "none":
            status = stat_if_any(ffmpeg)
            encode_one_frame_once(status and file_identity(status), ffmpeg, self, audio_encoder)
        else:
            encode_one_frame(ffmpeg, self, audio_encoder)


def encode_one_frame(ffmpeg: str, encoder: Encoder, audio_encoder: str) -> None:
    """Encode one black frame and one frame of silence. Raises VideoError where that fails."""
    run_tool(
        [
            *(ffmpeg, "-v", "error", "-nostdin", *encoder.device()),
            *("-f", "lavfi", "-i", "color=black:size=256x256:rate=25"),
            *("-f", "lavfi", "-i", "anullsrc=sample_rate=48000"),
            *("-map", "0:v", "-map", "1:a", "-vf", ",".join(encoder.upload(ten_bits=False))),
            *("-c:v", encoder.name, "-frames:v", "1", "-c:a", audio_encoder, "-frames:a", "1"),
            *("-f", "null", "-"),
        ],
        timeout=60,
    )


@functools.lru_cache(maxsize=64)
def encode_one_frame_once(
    _identity: tuple[int, int, int] | None, ffmpeg: str, encoder: Encoder, audio_encoder: str
) -> None:
    """The same, but for what this file of ffmpeg has done already. Failures are not remembered."""
    encode_one_frame(ffmpeg, encoder, audio_encoder)


def choose_encoder(video_codec: VideoCodec, audio_codec: AudioCodec, hardware: Hardware) -> Encoder:
    """The encoder for that hardware, or with `auto` the first that works on this machine.

    Raises VideoError where it does not work; the message lists the hardware that does.
    """
    audio_encoder = audio_encoder_for(audio_codec)
    encoders = {name: Encoder.of(video_codec, name) for name in (*ACCELERATORS, "none")}
    candidates = [*encoders.values()] if hardware == "auto" else [encoders[hardware]]
    reasons = list[str]()
    for encoder in candidates:
        result = attempt(encoder.try_out, audio_encoder)
        if not isinstance(result, Failure):
            return encoder
        reasons.append(result.reason)
    working = [
        f"--hardware {name}"
        for name in ("none", *ACCELERATORS)
        if not isinstance(attempt(encoders[name].try_out, audio_encoder), Failure)
    ]
    codecs = f"{video_codec} with {candidates[-1].name} and {audio_encoder}"
    raise VideoError(
        f"{need_tool('ffmpeg')} cannot encode {codecs} ({reasons[-1]}); "
        f"what works here: {', '.join(working) or 'nothing'}"
    )


class EncoderSettings(NamedTuple):
    """How the streams of an output are encoded.

    Bit rates are in bits per second. That of the video replaces the constant quality `crf`; None:
    `crf` decides. That of the audio is for up to two channels, and more channels get more in
    proportion; None: the encoder's default.
    """

    encoder: Encoder
    crf: int
    preset: Preset
    video_bit_rate: int | None = None
    audio_bit_rate: int | None = None


# The other encoders' own levels of effort, one for each of PRESETS.
VP9_CPU_USED = (5, 5, 5, 4, 4, 3, 2, 1, 0)
SVT_PRESETS = (12, 11, 10, 10, 9, 8, 6, 4, 2)
NVENC_PRESETS = (1, 1, 2, 3, 3, 4, 5, 6, 7)


def effort_options(encoder: Encoder, preset: Preset) -> dict[str, str]:
    """An encoder's own options for the effort of one of x264's presets."""
    level = PRESETS.index(preset)
    if encoder.hardware in ("vaapi", "videotoolbox"):
        return {}
    if encoder.hardware == "nvenc":
        return {"preset": f"p{NVENC_PRESETS[level]}"}
    if encoder.name == "libvpx-vp9":
        return {"deadline": "good", "cpu-used": str(VP9_CPU_USED[level]), "row-mt": "1"}
    if encoder.name == "libsvtav1":
        return {"preset": str(SVT_PRESETS[level])}
    return {"preset": preset if encoder.hardware == "none" else PRESETS[max(level, 2)]}


def quality_options(settings: EncoderSettings) -> dict[str, str]:
    """An encoder's own options for the bit rate or, without one, the constant quality."""
    if (bit_rate := settings.video_bit_rate) is not None:
        return {"b": str(bit_rate), "maxrate": str(bit_rate * 3 // 2), "bufsize": str(bit_rate * 3)}
    encoder, crf = settings.encoder, str(settings.crf)
    by_hardware = {
        "videotoolbox": {"q": str(max(round(100 - settings.crf * 1.6), 1))},
        "nvenc": {"rc": "vbr", "cq": crf, "b": "0"},
        "qsv": {"global_quality": crf},
        "vaapi": {"rc_mode": "CQP", "qp": crf},
        "none": {"crf": crf, "b": "0"} if encoder.name == "libvpx-vp9" else {"crf": crf},
    }
    return by_hardware[encoder.hardware]
