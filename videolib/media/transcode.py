"""Transcoding one video: ffmpeg carries the plan out, its output is verified and judged.

`VideoTranscode` is the whole of it. What is wanted comes from targets, the plan from
transcode_plan, ffmpeg's options from encoders, stream_options and transcode_tags; verification
checks the output, and transcode_outputs says where it goes and whether it is up to date.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.confinement import opened_parent, path_for_child
from videolib.core.documents import read_json
from videolib.core.errors import VideoError
from videolib.core.files import (
    file_identity,
    flush_to_disk,
    make_folder,
    remove,
    scratch_name,
    set_mtime,
)
from videolib.core.runs import Status
from videolib.core.text import plural
from videolib.media.ffmpeg import FfmpegProgress, run_ffmpeg
from videolib.media.reader import Media
from videolib.media.stream_options import stream_options
from videolib.media.transcode_names import own_output
from videolib.media.transcode_outputs import size_change
from videolib.media.transcode_plan import estimated_effort, plan_transcode
from videolib.media.transcode_tags import container_tag_options, stream_tag_options
from videolib.media.verification import check_streams, decode_tail, shortage, stream_summaries
from videolib.storage.artifacts import TRANSCODE_RECORD
from videolib.storage.publishing import ArtifactOutput, OutputFile
from videolib.storage.videos import Video

if TYPE_CHECKING:
    from videolib.media.encoders import EncoderSettings
    from videolib.media.targets import TranscodeTarget
    from videolib.media.transcode_plan import TranscodePlan


class TranscodeRequest(NamedTuple):
    """What is to be done with every video of a run.

    `min_saving`: an output that saves less than this share (0 to 1) of the source's size is
    discarded; None: none is. `accept_degraded`: publish what could be saved of a damaged source.
    `force`: transcode sources that fit, too, and replace whatever has the name of an output.
    `dry_run`: only plan. `timeout`: seconds per video, 0: no limit.
    """

    target: TranscodeTarget
    settings: EncoderSettings
    min_saving: float | None = None
    accept_degraded: bool = False
    force: bool = False
    dry_run: bool = False
    timeout: float = 0.0


class VideoTranscode:
    """The transcode of one video, to the finished output under a scratch name."""

    STALL: ClassVar = 300.0  # seconds without progress, and one more for each 10 MB of source

    def __init__(self, media: Media, request: TranscodeRequest, output: Path) -> None:
        self.media, self.request, self.output = media, request, output
        self.plan = plan_transcode(media, request.target)
        record = Path(media.video.sidecar_dir, TRANSCODE_RECORD.record_name(media.video))
        self.earlier = own_output(read_json(record), output)  # the output that is to be replaced

    def make(self) -> ArtifactOutput:
        """The output with its record; only facts for a dry run and where nothing is to be done.

        Raises VideoError where no output can be made, or would replace somebody else's file.
        """
        request, plan = self.request, self.plan
        if not plan.reasons and not request.force:
            return ArtifactOutput(status=Status.SKIPPED, facts={"reasons": ["compatible"]})
        if os.path.lexists(self.output) and not self.earlier and not request.force:
            raise VideoError(
                f"{self.output} is there and was not made from this source: --force replaces it"
            )
        if request.dry_run:
            effort = estimated_effort(self.media.stat.st_size, plan, request.settings)
            return ArtifactOutput(status=Status.PLANNED, facts=self.facts() | {"effort": effort})
        return self.produce()

    def facts(self) -> dict[str, Any]:
        """The plan as the result has it: output, work, reasons, and streams that are left out."""
        facts: dict[str, Any] = {
            "output": str(self.output),
            "work": str(self.plan),
            "reasons": self.plan.reasons or ["compatible, but asked for with --force"],
        }
        return facts | ({"left_out": self.plan.left_out} if self.plan.left_out else {})

    def produce(self) -> ArtifactOutput:
        """Make the output under a scratch name, check it, and hand it over for publishing."""
        sidecar_dir = Path(self.media.video.sidecar_dir)
        try:
            make_folder(sidecar_dir)
        except OSError as error:
            raise VideoError(f"{self.output.parent} cannot be written: {error.strerror}") from None
        scratch = sidecar_dir / scratch_name()
        try:
            degraded = self.encode(scratch)
            # Galleries sort by this time, and by it tools tell that they have a file already.
            set_mtime(scratch, self.media.stat.st_mtime_ns, self.media.stat.st_atime_ns)
            flush_to_disk(scratch)
            return self.judge(scratch, degraded)
        except BaseException:
            remove(scratch)
            raise

    def encode(self, scratch: Path) -> str:
        """Run ffmpeg and verify its output; the result is how it is degraded, or an empty string.

        Raises VideoError where the output is incomplete.
        """
        video, allow_codecs = self.media.video, self.media.allow_codecs
        with Media(video, allow_codecs) as source:
            streams = stream_summaries(source)
            if not any(stream.type == "video" and stream.packets for stream in streams.values()):
                raise VideoError("holds no video data: it is truncated or damaged")
            degraded = self.accepted(shortage(source, streams))
        damage = self.run_ffmpeg(scratch)
        degraded = degraded or self.accepted(damage)
        with Media(Video(str(scratch), video.rel, video.sidecar_dir), allow_codecs) as result:
            encoded = stream_summaries(result)
            check_streams(self.plan, streams, encoded)
            if decode_tail(result, encoded) and not degraded:
                raise VideoError("the last seconds of the output cannot be decoded without errors")
        return degraded

    def run_ffmpeg(self, scratch: Path) -> str:
        """Encode to `scratch`; the result is how damaged the source is by ffmpeg's complaints, or
        an empty string."""
        progress = FfmpegProgress(self.plan.duration)
        with opened_parent(scratch) as (_, folder):
            output = path_for_child(scratch, folder)
            run_ffmpeg(
                self.media,
                output_arguments(self.media, self.plan, self.request, output),
                before=[*FfmpegProgress.FLAGS, *self.request.settings.encoder.device()],
                timeout=self.request.timeout,
                on_line=progress,
                stall=self.STALL + self.media.stat.st_size / 10e6,
                pass_fds=[folder],
            )
        if progress.disk_full:
            raise VideoError("the disk is full: nothing was stored")  # and yet ffmpeg may exit 0
        if progress.damage:
            return f"is damaged: {plural(progress.damage, 'complaint')} in decoding"
        return ""

    def accepted(self, shortcoming: str) -> str:
        """A shortcoming of the source as a note that the output is degraded; empty for none.

        Raises VideoError where degraded outputs are not accepted.
        """
        if shortcoming and not self.request.accept_degraded:
            raise VideoError(
                f"{shortcoming}: copy it again, or save what is there with --accept-degraded"
            )
        return shortcoming and f"degraded: {shortcoming}"

    def judge(self, scratch: Path, degraded: str) -> ArtifactOutput:
        """The finished output, or the decision that it saves too little."""
        status, earlier = scratch.stat(), self.earlier
        saving = round(1 - status.st_size / self.media.stat.st_size, 4)
        data = self.facts() | {"output": self.output.name, "saving": saving}
        data |= {"output_size": status.st_size, "output_mtime_ns": status.st_mtime_ns}
        if earlier:  # without this, an interruption before the replacement would make it unknown
            data["replaces"] = {"size": earlier.st_size, "mtime_ns": earlier.st_mtime_ns}
        facts = self.facts() | {"saving": saving}
        if degraded:
            data["degraded"] = facts["degraded"] = degraded
        min_saving = self.request.min_saving
        if min_saving is None or saving >= min_saving:
            replaceable = file_identity(earlier) if earlier else None
            product = OutputFile(scratch, self.output, self.request.force, replaceable)
            return ArtifactOutput(data, note=degraded, facts=facts, product=product)
        remove(scratch)
        del facts["output"]
        note = f"discarded: it is {size_change(saving)}, wanted is {size_change(min_saving)}"
        facts["reasons"] = [*facts["reasons"], note]
        data["discarded"] = True
        return ArtifactOutput(data, note=note, facts=facts, status=Status.DISCARDED)


def output_arguments(
    media: Media, plan: TranscodePlan, request: TranscodeRequest, output: str
) -> list[str]:
    """ffmpeg's arguments for the output, which follow those for its input."""
    argv = container_tag_options(media.container.metadata)
    for number, stream_plan in enumerate(plan.kept):
        argv += ["-map", f"0:{stream_plan.stream['index']}"]
        options = stream_options(stream_plan, media, request.target, request.settings)
        argv += [part for name, value in options.items() for part in (f"-{name}:{number}", value)]
        for tag in stream_tag_options(stream_plan.stream):
            argv += [f"-metadata:s:{number}", tag]
    pictures = [n for n, stream_plan in enumerate(plan.kept) if stream_plan.type == "video"]
    for number in pictures if len(pictures) > 1 else ():  # players take the film, which is first
        argv += [f"-disposition:{number}", "default" if number == pictures[0] else "0"]
    # Sparse subtitles make ffmpeg hold back many packets of the other streams.
    argv += ["-max_muxing_queue_size", "4096"]
    return [*argv, "-f", "mp4", f"file:{output}"]
