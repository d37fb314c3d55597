"""Unsigned labels of texts: in the front matter of Markdown and in the head of an HTML page.

::

    ---                                        <head>
    title: A report                            <meta name="digitalsourcetype" content="http://cv.
    digitalsourcetype: http://cv.iptc.org/...  iptc.org/newscodes/digitalsourcetype/...">
    ---

No standard names a place for such a label in a text. The words are those of IPTC's Digital Source
Type (https://cv.iptc.org/newscodes/digitalsourcetype/), which C2PA, XMP and schema.org share, and
the key is spelt as IPTC spells it in the address of the vocabulary. Read are also:

* other spellings of that key, and ``property`` or ``itemprop`` in place of ``name``, with the terms
  of schema.org (``https://schema.org/TrainedAlgorithmicMediaDigitalSource``);
* ``AIGC``, the label of GB 45438-2025: in front matter, where TC260-PG-20258A has it as a block of
  seven fields, and in a page, for which no guide names a place, as a ``meta`` of that name. It is
  written on request.

JSON-LD inside a page is not read: there the property mostly tells about a picture in the page.
The proposals ``ai-generated`` and ``ai-disclosure`` for HTML have other words and are not settled.

Front matter can be seen where Markdown is shown as it is, so it is written only when asked for.
A plain text has no place for a label.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from waarmerk.errors import OutputError
from waarmerk.marking.provenance import ALTERED, GENERATED

if TYPE_CHECKING:
    from waarmerk.marking.payload import Kind

__all__ = ["AIGC", "IPTC", "SCHEMA_ORG", "Label", "has_place", "labelled", "read_labels"]

IPTC: Final = "iptc.digitalsourcetype"
SCHEMA_ORG: Final = "schema.org.digitalsourcetype"
AIGC: Final = "aigc"

KEY: Final = "digitalsourcetype"
AIGC_KEY: Final = "AIGC"
Lines = list[tuple[str, "str | Mapping[str, str]"]]
"""Keys and what they say."""
_TERMS: dict[str, str] = {"generated": GENERATED, "altered": ALTERED}

_MOST_FRONT = 1 << 16
_MOST_HEAD = 1 << 18
_MOST_LABELS = 20

_FENCE = re.compile(r"(?:---|\.\.\.)[ \t]*")
_YAML_KEY = re.compile(
    r"""[ \t]*["']?(?:\w+:)?digital[-_ ]?source[-_ ]?type["']?[ \t]*:[ \t]*(.*)""", re.IGNORECASE
)
_AIGC_KEY = re.compile(r"""["']?AIGC["']?[ \t]*:(.*)""")
_AIGC_LABEL = re.compile(r"""["']?\bLabel["']?\s{0,20}:\s{0,20}["']?(\w{1,20})""")

# What may stand before the place where a label goes: every piece has a bounded look ahead.
_BEFORE = re.compile(
    r"\s+|<!--(?s:.*?)-->|<(?:!doctype|html|head|meta)\b[^<>]{0,4000}+>",
    re.IGNORECASE,
)
# No tag that counts has another inside; so a page of tags that never close takes no longer.
# A comment or an element of raw text that is never closed goes on to the end.
_HEAD_PARTS = re.compile(
    r"<!--(?s:.*?)(?:-->|\Z)"
    r"|<(?P<raw>script|style|title|template|noscript)\b(?s:.*?)(?:</(?P=raw)\b|\Z)"
    r"|(?P<end></head\b|<body\b)"
    r"|<meta\b(?P<attributes>[^<>]{0,4000}+)>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""([a-z:_-]{1,40})\s{0,20}=\s{0,20}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE
)
_NAMES = re.compile(r"(?:\w+:)?digital[-_ ]?source[-_ ]?type", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Label:
    """What an unsigned label says, and in which words."""

    standard: str
    value: str


def has_place(media_type: str) -> bool:
    """Return whether a text of this type has a place for a label."""
    return media_type in ("text/markdown", "text/html")


def read_labels(text: str, media_type: str) -> list[Label]:
    """Return the labels of a text, in order, each once.

    Parameters
    ----------
    text
        Any text.
    media_type
        What it is; a plain text has none.
    """
    labels: Iterator[Label] = iter(())
    if media_type == "text/markdown":
        labels = _in_front_matter(text)
    elif media_type == "text/html":
        labels = _in_head(text)
    return list(dict.fromkeys(labels))[:_MOST_LABELS]


def labelled(
    text: str, media_type: str, kind: Kind, name: str, aigc: Mapping[str, str] | None = None
) -> tuple[str, tuple[Label, ...]]:
    """Return a text with a label that says what kind of content it is, and the labels it has.

    What is there stays; a label that says the same is not written twice.

    Parameters
    ----------
    text, media_type
        A text in front of which, or in whose head, a label can stand.
    kind
        ``generated`` or ``altered``.
    name
        How messages call the text.
    aigc
        The seven fields of an AIGC label (GB 45438-2025, Annex E), if one is asked for. One that
        is there stays, and no other is written.

    Raises
    ------
    OutputError
        If the text has no place for a label, or an AIGC label that says something else.
    """
    wanted = [Label(IPTC, _TERMS[kind])]
    there = read_labels(text, media_type)
    if not has_place(media_type):
        raise OutputError(f"{name}: a plain text has no place for a label; use .md, or none")
    lines: Lines = [] if wanted[0] in there else [(KEY, wanted[0].value)]
    if aigc is not None:
        old = next((label for label in there if label.standard == AIGC), None)
        if old is not None and old.value != aigc["Label"]:
            raise OutputError(
                f"{name}: has an AIGC label that says {old.value[:20]}; take it out, or leave the "
                "new one out"
            )
        wanted.append(old or Label(AIGC, aigc["Label"]))
        lines += [] if old else [(AIGC_KEY, aigc)]
    if lines:
        write = _with_meta if media_type == "text/html" else _with_front_matter
        text = write(text, lines, name)
    return text, tuple(wanted)


def _with_meta(text: str, lines: Lines, name: str) -> str:
    """Return a page with labels behind what its head begins with.

    Where a page leaves out the tags of its head, an element of a head begins one.
    """
    place = 1 if text.startswith("\ufeff") else 0
    while (piece := _BEFORE.match(text, place)) is not None:
        place = piece.end()
    # A page says in its first kilobyte how it is encoded, which therefore stays in front.
    place = len(text[:place].rstrip())
    line = _line_end(text) if place > 1 else ""
    tags = ""
    for key, value in lines:
        said = value if isinstance(value, str) else json.dumps(dict(value), separators=(",", ":"))
        tags += f'{line}<meta name="{key}" content="{html.escape(said)}">'
    return f"{text[:place]}{tags}{text[place:]}"


def _with_front_matter(text: str, lines: Lines, name: str) -> str:
    line = _line_end(text)
    entry = line.join(_entry(key, value, line) for key, value in lines)
    found = _front_matter(text)
    if found is not None:
        return f"{text[: found[1]]}{entry}{line}{text[found[1] :]}"
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    if body.startswith("+++"):
        raise OutputError(
            f"{name}: begins with front matter in TOML, where no label can be put; write it "
            "without one"
        )
    return f"{mark}---{line}{entry}{line}---{line}{line}{body}"


def _entry(key: str, value: str | Mapping[str, str], line: str) -> str:
    """Return a line of front matter, or for several fields a block of them."""
    if isinstance(value, str):
        return f"{key}: {value}"
    # A quote within quotes is written twice (YAML 1.2.2, 7.3.2).
    fields = ("  {}: '{}'".format(name, said.replace("'", "''")) for name, said in value.items())
    return line.join((f"{key}:", *fields))


def _in_front_matter(text: str) -> Iterator[Label]:
    found = _front_matter(text)
    if found is None:
        return
    lines = text[found[0] : found[1]].splitlines()
    for number, line in enumerate(lines):
        match = _YAML_KEY.fullmatch(line)
        value = None if match is None else _scalar(match[1])
        if value:
            yield Label(_standard(value), value)
        aigc = _AIGC_KEY.match(line)
        if aigc is not None:
            rest = [aigc[1]]
            for more in lines[number + 1 : number + 20]:
                if more[:1] not in (" ", "\t"):
                    break
                rest.append(more)
            said = _AIGC_LABEL.search("\n".join(rest))
            if said is not None:
                yield Label(AIGC, said[1])


def _front_matter(text: str) -> tuple[int, int] | None:
    """Return where the lines between the fences of front matter begin and end."""
    head = text[:_MOST_FRONT]
    position, first = (1 if head.startswith("\ufeff") else 0), -1
    for line in head[position:].splitlines(keepends=True):
        fence = _FENCE.fullmatch(line.rstrip("\r\n")) is not None
        if first < 0:
            if not fence or not line.startswith("---"):
                return None
            first = position + len(line)
        elif fence:
            return first, position
        position += len(line)
    return None


def _in_head(text: str) -> Iterator[Label]:
    for part in _HEAD_PARTS.finditer(text, 0, _MOST_HEAD):
        if part["end"]:
            return
        if part["attributes"] is None:
            continue
        attributes = {
            match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "").strip()
            for match in _ATTRIBUTE.finditer(part["attributes"])
        }
        names = [attributes.get(key, "") for key in ("name", "property", "itemprop")]
        value = attributes.get("content")
        if value and any(_NAMES.fullmatch(name) for name in names):
            yield Label(_standard(value), value)
        elif value and AIGC_KEY in names:
            said = _AIGC_LABEL.search(value)
            if said is not None:
                yield Label(AIGC, said[1])


def _standard(value: str) -> str:
    return SCHEMA_ORG if "schema.org/" in value else IPTC


def _scalar(value: str) -> str:
    """Return what stands behind a key of YAML, without quotes or a comment."""
    value = value.strip()
    if value[:1] in ('"', "'"):
        return value[1:].partition(value[0])[0].strip()
    return value.partition(" #")[0].strip()


def _line_end(text: str) -> str:
    """Return the line end of a text, by its first line."""
    position = text.find("\n")
    return "\r\n" if position > 0 and text[position - 1] == "\r" else "\n"
