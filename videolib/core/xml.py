"""XML that other programs wrote, read so that it cannot do harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videolib.core.errors import VideoError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def xml_root(content: bytes) -> Element:
    """The root of an XML document. Entities are refused: they may name other files, or grow without
    end. Raises VideoError."""
    from xml.etree.ElementTree import ParseError

    import defusedxml
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(content)
    except (ParseError, defusedxml.DefusedXmlException, ValueError, LookupError) as error:
        raise VideoError(f"is no XML that can be read ({error})") from None
    return root
