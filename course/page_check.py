"""The flaws of a folder of HTML pages, in words: links, pictures, headings, colours.

The pages of a site that works from a disk have links that lead somewhere, pictures with a text,
headings in order, text that stands out from its background, and nothing to fetch.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from bs4.element import Tag

from .notebooks import fetched_by

ENOUGH = 4.5  # WCAG 2.2, 1.4.3: contrast of text with what is behind it, for level AA
TEXT = ("ink", "soft", "link", "comment", "keyword", "string", "number", "name")
BEHIND = ("paper", "tint")
UNDESCRIBED = "No description has been provided for this image"  # nbconvert's, where there is none
PAIRS = [(text, behind) for text in TEXT for behind in BEHIND] + [("ink", "mark"), ("ink", "warn")]


def flaws(folder: str | Path) -> list[str]:
    """All flaws of the pages and the styles in `folder`, page by page."""
    folder = Path(folder)
    pages = {
        path.resolve(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(folder.rglob("*.html"))
    }
    ids = {path: Counter(e["id"] for e in soup.select("[id]")) for path, soup in pages.items()}
    listed = []
    for path, soup in pages.items():
        in_page = dead_links(path, soup, ids) + twice(ids[path]) + headings(soup)
        in_page += pictures(path, soup) + remote(soup) + unnamed(soup)
        listed += [f"{path.relative_to(folder.resolve())}: {flaw}" for flaw in in_page]
    styles = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.css"))
    return listed + pale(styles)


def dead_links(path: Path, soup: BeautifulSoup, ids: dict[Path, Counter]) -> list[str]:
    """Links, styles and scripts that are not there, and anchors that no element has."""
    flaws = []
    for element in soup.select("[href], script[src]"):
        address = urlsplit(element.get("href", element.get("src")))
        if address.scheme or address.netloc:
            continue
        to = (path.parent / unquote(address.path)).resolve() if address.path else path
        if not to.is_file():
            flaws.append(f"a link leads to {address.path}, which isn't there")
        elif address.fragment and unquote(address.fragment) not in map(unquote, ids.get(to, ())):
            flaws.append(f"a link leads to {address.geturl()}, and there is no such heading")
    return flaws


def twice(ids: Counter) -> list[str]:
    """Ids that two elements have."""
    return [f"the id {name!r} is there {count} times" for name, count in ids.items() if count > 1]


def headings(soup: BeautifulSoup) -> list[str]:
    """Not exactly one first-level heading, and headings that skip a level."""
    levels = [(int(h.name[1]), h.get_text()) for h in soup.find_all(re.compile("^h[1-6]$"))]
    first = [text for level, text in levels if level == 1]
    flaws = [] if len(first) == 1 else [f"{len(first)} first-level headings; there should be one"]
    for (above, _), (level, text) in zip([(0, ""), *levels], levels, strict=False):
        if level > above + 1:
            flaws.append(f"the heading {text!r} is of level {level} and follows level {above}")
    return flaws


def pictures(path: Path, soup: BeautifulSoup) -> list[str]:
    """Pictures without a text that describes them, and pictures that aren't there."""
    flaws = []
    for element in soup.select("img, svg"):
        described = element.get("alt") or element.get("aria-label") or element.find("title")
        source = element.get("src", "data:")
        if not described or described == UNDESCRIBED:
            flaws.append(f"a picture has no text: {str(element)[:80]}")
        if not source.startswith("data:") and not (path.parent / unquote(source)).is_file():
            flaws.append(f"a picture isn't there: {source}")
    return flaws


def remote(soup: BeautifulSoup) -> list[str]:
    """Addresses that a page would fetch from the network."""
    return [f"it fetches {address}" for address in fetched_by(soup)]


def unnamed(soup: BeautifulSoup) -> list[str]:
    """A page without a title or a language, and links, buttons and fields without a name."""
    flaws = [] if soup.title and soup.title.get_text().strip() else ["the page has no title"]
    if not (soup.html and soup.html.get("lang")):
        flaws.append("the page does not say its language")
    for element in soup.select("a[href], button, input"):
        if not _is_named(element, soup):
            flaws.append(f"nothing says what this is: {str(element)[:80]}")
    return flaws


def _is_named(element: Tag, soup: BeautifulSoup) -> bool:
    label = element.get("id") and soup.find("label", attrs={"for": element["id"]})
    text = element.get_text().strip() or element.get("aria-label")
    return bool(text or label or element.find("img", alt=True))


def pale(styles: str) -> list[str]:
    """Colours of text that stand out too little from their background, in light and in dark."""
    flaws = []
    for mode, colour in colours(styles).items():
        for text, behind in PAIRS:
            if text in colour and behind in colour:
                ratio = contrast(colour[text], colour[behind])
                if ratio < ENOUGH:
                    flaws.append(f"in {mode}, {text} on {behind} has a contrast of {ratio:.1f}")
    return flaws


def colours(styles: str) -> dict[str, dict[str, str]]:
    """The colours that `--name: light-dark(#…, #…)` declares, by mode and by name."""
    declared = re.findall(r"--([\w-]+):\s*light-dark\((#\w{6}),\s*(#\w{6})\)", styles)
    return {
        "light": {name: light for name, light, _ in declared},
        "dark": {name: dark for name, _, dark in declared},
    }


def contrast(one: str, other: str) -> float:
    """Contrast of two colours such as "#1d2433".

    (L + 0.05) / (l + 0.05), where L is the relative luminance of the lighter one. It is 1 for one
    colour twice and 21 for black on white.

    References
    ----------
    W3C, Web Content Accessibility Guidelines 2.2, "contrast ratio" and "relative luminance".
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
