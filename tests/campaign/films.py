"""Small films in every container and codec that the program knows, made by the ffmpeg at hand."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from support import media

if TYPE_CHECKING:
    from campaign.trials import Trials

SECONDS = 2
H264 = "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p"
AAC = "-c:a aac -b:a 32k"
TEXT = "-map 0:v -map 1:a -map 2:s"

# Name of the film, and ffmpeg's options for it.
RECIPES = {
    "h264.mp4": f"{H264} {AAC}",
    "front.mp4": f"{H264} -bf 2 {AAC} -movflags +faststart",
    "fragmented.mp4": f"{H264} {AAC} -movflags +frag_keyframe+empty_moov",
    "text.mp4": f"{H264} {AAC} {TEXT} -c:s mov_text",
    "hevc.mp4": f"-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=12 {AAC}",
    "tenbit.mp4": "-c:v libx265 -preset ultrafast -x265-params log-level=error"
    " -pix_fmt yuv420p10le -an",
    "av1.mp4": "-c:v libsvtav1 -preset 12 -g 12 -an",
    "mpeg4.mp4": "-c:v mpeg4 -g 12 -bf 2 -c:a libmp3lame -b:a 32k",
    "pcm.mov": f"{H264} -c:a pcm_s16le",
    "prores.mov": "-c:v prores_ks -profile:v 0 -c:a pcm_s16le",
    "mjpeg.mov": "-c:v mjpeg -pix_fmt yuvj420p -an",
    "h264.mkv": f"{H264} -bf 2 -c:a ac3",
    "text.mkv": f"{H264} {AAC} {TEXT} -map 2:s -c:s:0 srt -c:s:1 ass",
    "live.mkv": f"{H264} -c:a flac -f matroska -live 1",
    "mpeg2.mkv": "-c:v mpeg2video -g 12 -flags +ilme+ildct -c:a mp2",
    "vp8.webm": "-c:v libvpx -deadline realtime -g 12 -c:a libvorbis",
    "vp9.webm": f"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 12 -c:a libopus {TEXT}"
    " -c:s webvtt",
    "alpha.webm": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuva420p -an",
    "av1.webm": "-c:v libsvtav1 -preset 12 -g 12 -c:a libopus",
    "h264.ts": f"{H264} {AAC}",
    "hevc.ts": "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=12 -c:a ac3",
    "mpeg2.ts": "-c:v mpeg2video -g 12 -bf 2 -c:a mp2",
    "h264.m2ts": f"{H264} -c:a ac3 -mpegts_m2ts_mode 1",
    "h264.flv": f"{H264} {AAC}",
    "flv1.flv": "-c:v flv1 -g 12 -c:a libmp3lame -ar 44100",
    "mpeg4.avi": "-c:v mpeg4 -g 12 -bf 2 -c:a libmp3lame",
    "mjpeg.avi": "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le",
    "raw.avi": "-c:v rawvideo -pix_fmt bgr24 -t 0.4 -an",
    "mpeg1.mpg": "-c:v mpeg1video -g 12 -bf 2 -c:a mp2",
    "mpeg2.vob": "-c:v mpeg2video -g 12 -bf 2 -c:a ac3 -f vob",
    "wmv2.wmv": "-c:v wmv2 -g 12 -c:a wmav2",
    "theora.ogv": "-c:v libtheora -g 12 -c:a libvorbis",
    "h263.3gp": "-c:v h263 -s 128x96 -an",
    "mpeg2.mxf": "-c:v mpeg2video -g 12 -c:a pcm_s16le -ar 48000",
}

WORDS = """1
00:00:00,100 --> 00:00:00,900
One line

2
00:00:01,000 --> 00:00:01,800
and <i>another</i>
"""


def make_films(
    folder: Path, trials: Trials, only: Collection[str] = RECIPES.keys()
) -> dict[str, bytes]:
    """The films by their names; what this ffmpeg cannot make is noted as left out."""
    words = folder / "words.srt"
    words.write_text(WORDS)
    films = {}
    for name in only:
        options = RECIPES[name]
        path = folder / name
        sources = ["-f", "lavfi", "-i", f"testsrc2=s=96x64:r=25:d={SECONDS}"]
        sources += ["-f", "lavfi", "-i", f"sine=r=48000:d={SECONDS}", "-i", str(words)]
        pixels = () if "pix_fmt" in options or "prores" in options else ("-pix_fmt", "yuv420p")
        try:
            media.ffmpeg(*sources, *options.split(), *pixels, path)
        except AssertionError as error:
            trials.skip(name, f"this ffmpeg: {str(error).strip().splitlines()[-1]}")
            continue
        films[name] = path.read_bytes()
    return films
