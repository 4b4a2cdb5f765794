"""HTML pages that refer to no other file: the frame of a page, its style, pictures as data URLs."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Literal

PAGE_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;
color:#1d2127;background:#f6f7f9}
h1{font-size:1.4rem}section{background:#fff;border:1px solid #d9dde3;border-radius:8px;
padding:1rem;margin:1.2rem 0}h2{font-size:1rem;margin:0 0 .8rem;font-weight:600}
.faces{display:flex;flex-wrap:wrap;gap:.5rem}.faces img{width:8rem;height:8rem;border-radius:6px}
.person ul{margin:.6rem 0 0;padding-left:1.2rem;overflow-wrap:anywhere}
.copies{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;width:22rem;max-width:100%}
figure img{display:block;width:100%;background:#000;border-radius:4px;margin-bottom:4px}
.thumb{aspect-ratio:16/9;object-fit:contain}
.keep{outline:3px solid #1a7f4b;outline-offset:6px;border-radius:4px}
figcaption{overflow-wrap:anywhere}.role{font-weight:600}.keep .role{color:#1a7f4b}
.facts{color:#5b6470;font-size:.9em}
@media (prefers-color-scheme:dark){body{background:#15181c;color:#e4e7eb}
section{background:#1d2127;border-color:#343a42}.facts{color:#9aa4b1}.keep .role{color:#5fd39a}}
"""


def html_page(title: str, parts: Iterable[str]) -> bytes:
    """A complete HTML page with its style, in UTF-8; `parts` are HTML, `title` is plain text."""
    from html import escape

    name = escape(title)
    head = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{name}</title><style>{PAGE_STYLE}</style><h1>{name}</h1>",
    ]
    return "\n".join([*head, *parts, "</html>\n"]).encode()


def data_url(content: bytes, kind: Literal["jpeg", "png"]) -> str:
    """A picture as a `data:` URL (RFC 2397), for the `src` of an `img`."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
