"""Reads HTML pages: what a visitor came for, without the frame around it."""

from __future__ import annotations

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.html_blocks import Walker
from taskcraft_core.documents.hygiene import decode, fold, readable_name
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Reason

_MAIN: Final = ("main", "[role=main]", "#mw-content-text", "div.body", "article", "#content", "#main", "body")
_FRAME_TAGS: Final = (
    "script, style, noscript, template, nav, footer, form, button, select, iframe, object, svg, canvas, video, audio,"
    "[hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], [role=search], [role=dialog],"
    "a.headerlink, a.permalink, a.anchor, sup.reference, .mw-editsection, .admonition-title"
)
_FRAME_NAMES = (
    "breadcrumb breadcrumbs sidebar sphinxsidebar navbar navigation nav menu toc related pagination pager share social"
    " skip-link skiplink footer site-footer site-header masthead banner advert advertisement ads newsletter consent"
    " cookies cookie-bar cookie-banner cookie-notice cookie-consent gdpr noprint visually-hidden sr-only"
    " clearer related-links see-also-nav comments"
)
_FRAME_CLASSES: Final = frozenset(_FRAME_NAMES.split())
_OPENED = re.compile(r"<html[\s>]", re.I)
_BODY = re.compile(r"<body[\s>]", re.I)
_CLOSED = re.compile(r"</(?:body|html)\s*>", re.I)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_SITE_SUFFIX = re.compile(r"\s+[—–|·•»-]\s+|\s*\|\s*|\s+::\s+|(?<=[\u3400-\u9fff])\s*[－—_]{1,2}\s*(?=[^\s—－_]+$)")


def read_html(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads an HTML page.

    Raises:
        DocumentError: TRUNCATED, TOO_DEEP, NOT_TEXT.
    """
    text = decode(data, uri)
    tree = LexborHTMLParser(text)
    heading, name = _heading(tree), _text_of(tree.css_first("title"))
    draft = Draft(language=_declared_language(tree))
    draft.title = fold(hints.title) or page_title(heading, name) or readable_name(uri)
    content = _content(tree)
    if content is not None:
        _strip_frame(content)
        Walker(draft, uri, skip_heading={heading, draft.title}).walk(content)
    if _breaks_off(text):
        raise DocumentError(Reason.TRUNCATED, f"{uri}: the page breaks off before its end; fetch it again.")
    return draft


def _breaks_off(text: str) -> bool:
    """Whether a page that opens its frame never closes it; who leaves the end tags out leaves out the others too."""
    return bool(_OPENED.search(text[:20_000]) and _BODY.search(text)) and not _CLOSED.search(text)


def page_title(heading: str, name: str) -> str:
    """The page's title: its first heading if <title> contains it, else <title> less the name of the site."""
    if not name or (heading and heading.casefold() in name.casefold()):
        return heading or name
    parts = [part for part in _SITE_SUFFIX.split(name) if part]
    if len(parts) < 2:
        return name
    cut = name.rfind(parts[-1])
    return re.sub(r"[\s—–|·•»:_－-]+$", "", name[:cut]) or name


def _heading(tree: LexborHTMLParser) -> str:
    for selector in ("main h1", "[role=main] h1", "article h1", "h1"):
        node = tree.css_first(selector)
        if node is not None and (text := _text_of(node)):
            return text
    return ""


def _text_of(node: LexborNode | None) -> str:
    return fold(node.text(separator="")).removesuffix("¶").strip() if node is not None else ""


def _declared_language(tree: LexborHTMLParser) -> str:
    root = tree.css_first("html")
    return (root.attributes.get("lang") or root.attributes.get("xml:lang") or "") if root is not None else ""


def _content(tree: LexborHTMLParser) -> LexborNode | None:
    """The element that holds the content: the only one of its kind, and most of the page's text."""
    for selector in _MAIN:
        found = tree.css(selector)
        if len(found) == 1 and found[0].text(strip=True):
            return found[0]
    return tree.css_first("body") or tree.root


def _strip_frame(content: LexborNode) -> None:
    """Removes navigation, banners and hidden parts; a header or aside goes unless it holds data."""
    for node in content.css(_FRAME_TAGS):
        node.decompose()
    for node in content.css("header, aside"):
        if node.css_first("h1, table, dl, figure") is None:
            node.decompose()
    for node in content.css("[class], [id], [style]"):
        if node.mem_id != content.mem_id and _is_frame(node):
            node.decompose()


def _is_frame(node: LexborNode) -> bool:
    attributes = node.attributes
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".lower().split()
    if any(name in _FRAME_CLASSES or name.startswith(("breadcrumb", "cookie")) for name in names):
        return node.tag not in ("body", "main", "article", "table")
    return bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
