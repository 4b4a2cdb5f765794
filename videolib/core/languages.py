"""Language codes: ISO 639-1 as Whisper writes them, and the other codes that files use."""

from __future__ import annotations

import re

# Every language that Whisper knows: its code there, then its three-letter codes of ISO 639-2. Where
# there are two of these the bibliographic one, which MP4 takes, is the first. Codes of other
# standards that are found in files follow.
LANGUAGE_CODES = (
    "af:afr am:amh ar:ara as:asm az:aze ba:bak be:bel bg:bul bn:ben bo:tib:bod br:bre bs:bos "
    "ca:cat cs:cze:ces cy:wel:cym da:dan de:ger:deu el:gre:ell en:eng es:spa et:est eu:baq:eus "
    "fa:per:fas fi:fin fo:fao fr:fre:fra gl:glg gu:guj ha:hau haw:haw he:heb hi:hin hr:hrv ht:hat "
    "hu:hun hy:arm:hye id:ind is:ice:isl it:ita ja:jpn jw:jav:jv ka:geo:kat kk:kaz km:khm kn:kan "
    "ko:kor la:lat lb:ltz ln:lin lo:lao lt:lit lv:lav mg:mlg mi:mao:mri mk:mac:mkd ml:mal mn:mon "
    "mr:mar ms:may:msa mt:mlt my:bur:mya ne:nep nl:dut:nld nn:nno no:nor:nob:nb oc:oci pa:pan "
    "pl:pol ps:pus pt:por ro:rum:ron ru:rus sa:san sd:snd si:sin sk:slo:slk sl:slv sn:sna so:som "
    "sq:alb:sqi sr:srp su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha tk:tuk tl:tgl tr:tur "
    "tt:tat uk:ukr ur:urd uz:uzb vi:vie yi:yid yo:yor yue:yue zh:chi:zho:cmn"
)

# Whisper's code -> the other codes of the language.
LANGUAGES = {code: others for code, *others in (row.split(":") for row in LANGUAGE_CODES.split())}

# Any other code -> Whisper's code.
LANGUAGE_ALIASES = {other: code for code, others in LANGUAGES.items() for other in others}


def language_code(tag: str) -> str:
    """Whisper's code for a language tag such as `de`, `ger`, `deu` or `de-AT`; "" for `und`.

    An unknown code is returned as it is, in lower case.
    """
    code = re.split(r"[-_]", tag.strip().lower())[0]
    return "" if code == "und" else LANGUAGE_ALIASES.get(code, code)
