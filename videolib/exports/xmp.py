"""XMP files beside a video, NAME.EXT.xmp, which Immich, digiKam, Lightroom and darktable read.

Properties are those of the XMP specification part 2, of digiKam for tags with their hierarchy, and
of the IPTC extension for who is shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from videolib.core.xml import xml_text
from videolib.exports.formats import NothingToExportError, SidecarFormat
from videolib.storage.tag_details import details_in

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xml": "http://www.w3.org/XML/1998/namespace",
}


@dataclasses.dataclass(frozen=True)
class Xmp(SidecarFormat):
    """Tags, performers, rating, note and date of a video."""

    def names(self, source: VideoSource) -> list[str]:
        if not (source.tags["tags"] or source.tags["performers"] or details_in(source.tags)):
            raise NothingToExportError("has no tags: the command tags gives it some")
        return [f"{source.video.name}.xmp"]

    def content(self, source: VideoSource) -> dict[str, Content]:
        for prefix, uri in NAMESPACES.items():
            if prefix != "xml":
                ElementTree.register_namespace(prefix, uri)
        root = ElementTree.Element(qualified("x:xmpmeta"))
        rdf = ElementTree.SubElement(root, qualified("rdf:RDF"))
        description = ElementTree.SubElement(rdf, qualified("rdf:Description"))
        description.set(qualified("rdf:about"), "")
        describe(description, source)
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode")
        head = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        tail = '<?xpacket end="w"?>'
        return {f"{source.video.name}.xmp": f"{head}\n{text}\n{tail}\n".encode()}


def qualified(name: str) -> str:
    """A name such as dc:subject as ElementTree has it."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def describe(description: Element, source: VideoSource) -> None:
    """Add what is known of a video to a description."""
    tags, details = source.tags["tags"], details_in(source.tags)
    if "rating" in details:
        description.set(qualified("xmp:Rating"), str(round(details["rating"])))
    if "date" in details:
        description.set(qualified("photoshop:DateCreated"), details["date"])
    if details.get("note"):
        add_items(description, "dc:description", "rdf:Alt", [details["note"]])
    add_items(description, "dc:subject", "rdf:Bag", (tag.rpartition("/")[2] for tag in tags))
    add_items(description, "digiKam:TagsList", "rdf:Seq", tags)
    hierarchical = (tag.replace("/", "|") for tag in tags)
    add_items(description, "lr:hierarchicalSubject", "rdf:Bag", hierarchical)
    add_items(description, "Iptc4xmpExt:PersonInImage", "rdf:Bag", source.tags["performers"])


def add_items(description: Element, name: str, container: str, texts: Iterable[str]) -> None:
    """Add a property with a list of texts; nothing where there are none."""
    texts = list(dict.fromkeys(texts))
    if not texts:
        return
    element = ElementTree.SubElement(description, qualified(name))
    items = ElementTree.SubElement(element, qualified(container))
    for text in texts:
        item = ElementTree.SubElement(items, qualified("rdf:li"))
        item.text = xml_text(text)
        if container == "rdf:Alt":
            item.set(qualified("xml:lang"), "x-default")
