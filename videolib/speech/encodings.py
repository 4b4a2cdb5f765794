"""The encodings of subtitle files: Unicode, or the code pages of a language.

Files of others rarely say how they are encoded. What is valid UTF-8 is UTF-8; anything else is in
one of the code pages that were in use for its language.
"""

from __future__ import annotations

import codecs
import re

from videolib.core.languages import language_tag

# Code pages of Windows by the languages written in them; all others are written in cp1252.
SINGLE_BYTE_PAGES = {
    "cp874": "th",
    "cp1250": "pl cs sk hu sl hr bs ro sq sr-Latn tk",
    "cp1251": "ru uk be bg mk sr kk mn tg tt ba",
    "cp1253": "el",
    "cp1254": "tr az",
    "cp1255": "he yi",
    "cp1256": "ar fa ur ps",
    "cp1257": "lt lv et",
    "cp1258": "vi",
}
# Code pages of languages with thousands of characters, the strictest first: few texts in one of the
# later ones are valid in an earlier one, too.
MULTI_BYTE_PAGES = {
    "ja": ("euc_jp", "cp932"),
    "ko": ("cp949",),
    "zh": ("gb2312", "big5", "gb18030"),
    "zh-Hans": ("gb18030",),
    "zh-Hant": ("big5", "big5hkscs", "gb18030"),
    "yue": ("big5", "big5hkscs", "gb18030"),
}
CODE_PAGES = MULTI_BYTE_PAGES | {
    language: (page,)
    for page, languages in SINGLE_BYTE_PAGES.items()
    for language in languages.split()
}
WESTERN = ("cp1252",)
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ASCII_START = 8  # characters at the beginning of a file that are ASCII in every format
# How SAMI files tell the language of a class of lines, in their style sheet.
SAMI_LANGUAGE = re.compile(rb"\blang\s*:\s*([A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?)", re.IGNORECASE)


def decode_unicode(content: bytes) -> str | None:
    """The text in a file in UTF-8 or UTF-16; None: in neither."""
    if content.startswith(UTF_16_MARKS):
        return content.decode("utf-16", "replace")
    if encoding := unmarked_utf_16(content):
        return content.decode(encoding, "replace")
    return decoded(content, "utf-8-sig")


def unmarked_utf_16(content: bytes) -> str:
    """Which UTF-16 a file without a byte order mark is in; "" for another encoding.

    Files of subtitles begin with letters and digits of ASCII, of which every other byte is zero.
    """
    first = [content[at : 2 * ASCII_START : 2] for at in (0, 1)]
    if len(content) < 2 * ASCII_START or all(0 in half for half in first):
        return ""
    if not any(first[1]):
        return "utf-16-le"
    return "" if any(first[0]) else "utf-16-be"


def decode_by_language(content: bytes, language: str) -> str:
    """The text in a file in a code page of a language, given by its tag; bytes that cannot be
    decoded are replaced."""
    pages = CODE_PAGES.get(language) or CODE_PAGES.get(language.partition("-")[0], WESTERN)
    texts = (decoded(content, page) for page in pages)
    text = next((text for text in texts if text is not None), None)
    return content.decode(pages[0], "replace") if text is None else text


def decoded(content: bytes, encoding: str) -> str | None:
    """The text of bytes that are valid in an encoding; None where they are not."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def declared_language(content: bytes) -> str:
    """The tag of the first language that a SAMI file declares; "" where it declares none."""
    match = SAMI_LANGUAGE.search(content[:65536])
    return language_tag(match[1].decode()) if match else ""
