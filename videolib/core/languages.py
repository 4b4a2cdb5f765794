"""Languages: codes as Whisper writes them, tags of written languages, other codes and names.

A code is of ISO 639-1 (`pt`). A tag is a code, or one of WRITTEN_FORMS where a language is written
in two ways that films have subtitles of (`pt-BR`); "" stands for an unknown language.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from videolib.core.errors import UsageError
from videolib.core.text import printable

if TYPE_CHECKING:
    from langcodes import Language

# Every language that Whisper knows: its code there, then its three-letter codes of ISO 639-2. Where
# there are two of these the bibliographic one, which MP4 takes, is the first. Codes of other
# standards that are found in files follow.
LANGUAGE_CODES = (
    "af:afr am:amh ar:ara as:asm az:aze ba:bak be:bel bg:bul bn:ben bo:tib:bod br:bre bs:bos "
    "ca:cat cs:cze:ces cy:wel:cym da:dan de:ger:deu el:gre:ell en:eng es:spa et:est eu:baq:eus "
    "fa:per:fas fi:fin fo:fao fr:fre:fra gl:glg gu:guj ha:hau haw:haw he:heb:iw hi:hin hr:hrv:scr "
    "ht:hat hu:hun hy:arm:hye id:ind is:ice:isl it:ita ja:jpn jw:jav:jv ka:geo:kat kk:kaz km:khm "
    "kn:kan ko:kor la:lat lb:ltz ln:lin lo:lao lt:lit lv:lav mg:mlg mi:mao:mri mk:mac:mkd ml:mal "
    "mn:mon mr:mar ms:may:msa mt:mlt my:bur:mya ne:nep nl:dut:nld nn:nno no:nor:nob:nb oc:oci "
    "pa:pan pl:pol ps:pus pt:por ro:rum:ron ru:rus sa:san sd:snd si:sin sk:slo:slk sl:slv sn:sna "
    "so:som sq:alb:sqi sr:srp:scc su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha tk:tuk "
    "tl:tgl:fil tr:tur tt:tat uk:ukr ur:urd uz:uzb vi:vie yi:yid yo:yor yue:yue zh:chi:zho:cmn"
)

# Whisper's code -> the other codes of the language.
LANGUAGES = {code: others for code, *others in (row.split(":") for row in LANGUAGE_CODES.split())}

# Any other code -> Whisper's code.
LANGUAGE_ALIASES = {other: code for code, others in LANGUAGES.items() for other in others}


# Tags of BCP 47 for the second written form of a language; its code alone stands for the first,
# which for Chinese is unknown. Each with the words that name it.
WRITTEN_FORMS = {
    "pt-BR": "brazil brasil brazilian brasileiro",
    "es-419": "latin latino latam latinoamérica latinoamericano américa mexico méxico",
    "fr-CA": "canada canadian canadien québec",
    "zh-Hans": "simplified 简体 简体中文 简中 簡體",
    "zh-Hant": "traditional 繁體 繁體中文 繁中 繁体",
    "sr-Latn": "latin latinica",
}
LANGUAGE_TAGS = frozenset({*LANGUAGES, *WRITTEN_FORMS})

# Codes of no standard, as subtitle sites and players write them.
FOREIGN_TAGS = {"chs": "zh-Hans", "sc": "zh-Hans", "cht": "zh-Hant", "tc": "zh-Hant"}
FOREIGN_TAGS |= {"zht": "zh-Hant", "zhs": "zh-Hans", "pob": "pt-BR", "pb": "pt-BR", "ptbr": "pt-BR"}
FOREIGN_TAGS |= {"spl": "es-419", "jp": "ja", "cn": "zh", "kr": "ko", "cz": "cs", "gr": "el"}
FOREIGN_TAGS |= {
    "castellano": "es",
    "brazilian": "pt-BR",
    "简体": "zh-Hans",
    "繁體": "zh-Hant",
    "繁体": "zh-Hant",
}


def language_code(tag: str) -> str:
    """Whisper's code for a language tag such as `de`, `ger`, `deu` or `de-AT`; "" for `und`.

    An unknown code is returned as it is, in lower case.
    """
    code = re.split(r"[-_]", tag.strip().lower())[0]
    return "" if code == "und" else LANGUAGE_ALIASES.get(code, code)


@functools.lru_cache(4096)
def language_tag(text: str) -> str:
    """The tag that a code or a tag of any standard, such as `por`, `pt_BR` or `chs`, stands for."""
    lower = text.strip().lower().replace("_", "-")
    code, _, further = lower.partition("-")
    if lower in FOREIGN_TAGS:
        return FOREIGN_TAGS[lower]
    code = LANGUAGE_ALIASES.get(code, code)
    if code not in LANGUAGES or not further:
        return code if code in LANGUAGES else ""
    import langcodes

    try:
        language = langcodes.Language.get(lower)
    except ValueError:  # no tag of BCP 47
        return ""
    return written_form(code, language.maximize()) if language.is_valid() else ""


def checked_language(flag: str, text: str) -> str:
    """The tag of a language that a flag names; "" where it names none. Raises UsageError where
    Whisper does not know it."""
    if language_code(text) and not language_tag(text):
        codes = " ".join(sorted(LANGUAGES))
        raise UsageError(f"{flag} {printable(text)}: Whisper knows {codes}")
    return language_tag(text)


def written_form(code: str, language: Language) -> str:
    """The tag for a language of langcodes, whose script and territory are filled in."""
    if code == "es" and language.territory not in ("ES", "EA", "IC"):
        return "es-419"
    for tag in (f"{code}-{language.script}", f"{code}-{language.territory}"):
        if tag in WRITTEN_FORMS:
            return tag
    return code


@functools.lru_cache(4096)
def named_language(text: str) -> str:
    """The tag of a language by its name in any language: `English`, `Français`, `繁體中文`.

    "" where the text is no name of a language.
    """
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not words or not 2 <= len(text) <= 40:
        return ""
    if text.lower() in FOREIGN_TAGS:
        return FOREIGN_TAGS[text.lower()]
    import langcodes

    try:
        language = langcodes.find(" ".join(words))
    except LookupError:
        return ""
    code = language_code(language.language or "")
    if code not in LANGUAGES:
        return ""
    if form := named_form(code, text):
        return form
    return written_form(code, language) if language.territory or language.script else code


def named_form(code: str, text: str) -> str:
    """The tag of the written form of a language that a word of a text names; "" where none does."""
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    forms = (tag for tag in WRITTEN_FORMS if tag.startswith(f"{code}-"))
    return next((tag for tag in forms if words & {*WRITTEN_FORMS[tag].split()}), "")


def is_in_language(tag: str, wanted: str) -> bool:
    """Whether a tag is in the language `wanted`: itself or, for `pt`, any form of it, as in the
    basic filtering of RFC 4647. Everything is where `wanted` is ""."""
    return not wanted or tag == wanted or tag.startswith(f"{wanted}-")
