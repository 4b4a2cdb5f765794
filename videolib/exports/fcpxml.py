"""Final Cut Pro XML 1.9: STEM.fcpxml, the scenes of a video as clips of one project.

Times are rational seconds in whole frames (Apple's FCPXML reference). Written here, since
scenedetect's writer knows of no sound and takes the times of the scenes as they are, which Final
Cut refuses where they are not on the edges of frames.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from videolib.core.xml import xml_text
from videolib.exports.formats import SidecarFormat
from videolib.exports.timelines import timeline_of

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.exports.timelines import Timeline


@dataclasses.dataclass(frozen=True)
class Fcpxml(SidecarFormat):
    """Scenes for Final Cut Pro, and what reads its XML."""

    def names(self, source: VideoSource) -> list[str]:
        timeline_of(source)
        return [f"{source.stem}.fcpxml"]

    def content(self, source: VideoSource) -> dict[str, Content]:
        root = fcpxml_project(timeline_of(source), xml_text(source.title))
        indent(root)
        text = tostring(root, encoding="unicode")
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
        return {f"{source.stem}.fcpxml": f"{head}{text}\n".encode()}


def fcpxml_project(timeline: Timeline, title: str) -> Element:
    """The root element of a document."""
    rate = timeline.rate
    duration = seconds(timeline.frames, rate)
    root = Element("fcpxml", version="1.9")
    resources = SubElement(root, "resources")
    picture = SubElement(resources, "format", id="r1", frameDuration=seconds(1, rate))
    picture.attrib |= {"width": str(timeline.width), "height": str(timeline.height)}
    asset = SubElement(resources, "asset", id="r2", name=title, start="0s", duration=duration)
    asset.attrib |= {"hasVideo": "1", "format": "r1"}
    if timeline.sound:
        asset.set("hasAudio", "1")
    SubElement(asset, "media-rep", kind="original-media", src=timeline.uri)
    event = SubElement(SubElement(root, "library"), "event", name=title)
    project = SubElement(event, "project", name=title)
    sequence = SubElement(project, "sequence", format="r1", duration=duration)
    sequence.attrib |= {"tcStart": "0s", "tcFormat": "NDF"}
    spine = SubElement(sequence, "spine")
    offset = 0
    for number, shot in enumerate(timeline.shots, 1):
        clip = SubElement(spine, "asset-clip", ref="r2", name=f"Scene {number}")
        clip.set("offset", seconds(offset, rate))
        clip.set("start", seconds(shot.start, rate))
        clip.set("duration", seconds(shot.frames, rate))
        offset += shot.frames
    return root


def seconds(frames: int, rate: Fraction) -> str:
    """So many frames as rational seconds."""
    time = frames / rate
    whole = time.denominator == 1
    return f"{time.numerator}s" if whole else f"{time.numerator}/{time.denominator}s"
