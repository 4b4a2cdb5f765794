"""XML: that of other programs, read so that it cannot do harm, and texts that fit into our own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from videolib.core.errors import VideoError
from videolib.core.text import utf8

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# What XML 1.0 cannot hold (2.2 of the recommendation).
ILLEGAL = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


def xml_text(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return re.sub(ILLEGAL, "", utf8(text))


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
