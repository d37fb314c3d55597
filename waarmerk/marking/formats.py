"""Which formats of pictures, sounds and texts there are, and what a file's name claims.

A name is only a claim; what a file really is, its content tells (:mod:`waarmerk.marking.source`).
A file whose name and content disagree is refused: it is one thing to one program and another to
the next. A name that claims nothing is no contradiction. Texts are the exception: that a file of
letters is Markdown, or meant to be read at all, only its name can say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from waarmerk.errors import InputError, OutputError

__all__ = [
    "FORMATS",
    "PICTURES",
    "SOUNDS",
    "TEXTS",
    "Format",
    "claimed_format",
    "format_for_output",
    "mislabelled",
    "refuse_wrong_name",
    "shown",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One supported format.

    Parameters
    ----------
    name
        How messages call it; of a picture format also Pillow's name.
    media_type
        As registered with IANA.
    extensions
        The first one is the usual one. Formats may share others: an .ogg holds Vorbis or Opus.
    alpha
        Whether it can hold transparency.
    not_written
        Why nothing marked is written in it, and what to use; None when it can be.
    medium
        What is in it.
    embeds
        Whether it can hold a signed manifest; otherwise that lies in a file beside it.
    lossless
        Whether it stores the very samples. Of sounds only.
    """

    name: str
    media_type: str
    extensions: tuple[str, ...]
    alpha: bool = True
    not_written: str | None = None
    medium: Literal["picture", "sound", "text"] = "picture"
    embeds: bool = True
    lossless: bool = False


PICTURES: dict[str, Format] = {
    f.name: f
    for f in (
        Format("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), alpha=False),
        Format("PNG", "image/png", (".png",)),
        Format("WEBP", "image/webp", (".webp",)),
        Format("AVIF", "image/avif", (".avif",)),
        Format("TIFF", "image/tiff", (".tif", ".tiff")),
        Format(
            "GIF",
            "image/gif",
            (".gif",),
            not_written="a GIF has 256 colours, too few to hold a watermark; use .png",
        ),
        Format(
            "BMP",
            "image/bmp",
            (".bmp", ".dib"),
            not_written="a BMP has no place for a signed manifest; use .png",
        ),
    )
}

SOUNDS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("WAV", "audio/wav", (".wav", ".wave"), medium="sound", lossless=True),
        Format("FLAC", "audio/flac", (".flac",), medium="sound", lossless=True),
        Format("MP3", "audio/mpeg", (".mp3",), medium="sound"),
        Format("M4A", "audio/mp4", (".m4a", ".m4b", ".mp4"), medium="sound"),
        Format(
            "AAC",
            "audio/aac",
            (".aac",),
            medium="sound",
            not_written="a raw AAC stream has no place for a manifest, tags or its own length; "
            "use .m4a",
            embeds=False,
        ),
        Format("OGG", "audio/ogg", (".ogg", ".oga"), medium="sound", embeds=False),
        Format("OPUS", "audio/ogg", (".opus", ".ogg", ".oga"), medium="sound", embeds=False),
    )
}

TEXTS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("TXT", "text/plain", (".txt", ".text"), medium="text"),
        Format("MARKDOWN", "text/markdown", (".md", ".markdown"), medium="text"),
        # C2PA 2.4 (A.7) has a place for a manifest in it, which is not written here.
        Format("HTML", "text/html", (".html", ".htm"), medium="text", embeds=False),
    )
}

FORMATS = PICTURES | SOUNDS | TEXTS

_BY_EXTENSION = {
    extension: f for f in reversed(FORMATS.values()) for extension in reversed(f.extensions)
}


_POSSIBLE = {"picture": PICTURES, "sound": SOUNDS, "text": TEXTS}
"""What an output may be, by the medium of the input, for messages."""


def shown(name: str) -> str:
    """Return a file name that is safe in a one-line message: whatever cannot be printed is `?`."""
    return "".join(c if c.isprintable() else "?" for c in name)


def claimed_format(name: str) -> Format | None:
    """Return the format that a name claims by its extension; None if it claims none."""
    return _BY_EXTENSION.get(Path(name).suffix.lower())


def mislabelled(name: str, actual: Format) -> str | None:
    """Return in words how a name contradicts its content; None if it does not.

    Only an extension of another format contradicts: `upload.bin` and `photo.jpg.1` claim nothing
    that matters here.
    """
    claimed = claimed_format(name)
    if claimed is None or Path(name).suffix.lower() in actual.extensions:
        return None
    return f"is named {Path(name).suffix} but its content is {actual.name}"


def refuse_wrong_name(name: str, actual: Format) -> None:
    """Refuse a file whose name contradicts its content.

    What the name says and what is inside may be two things to two programs; nobody should have to
    guess which of them a report is about.
    """
    wrong = mislabelled(name, actual)
    if wrong:
        raise InputError(f"{shown(name)}: {wrong}; rename it to {actual.extensions[0]}")


def format_for_output(name: str, source: Format | None = None) -> Format:
    """Return the format to write, which the extension of the output decides.

    Parameters
    ----------
    name
        Of the output.
    source
        What the input is, once that is known: an output that may have its format gets it.

    Raises
    ------
    OutputError
        If the extension is missing, unknown, or of a format that marks are not written to, or
        cannot hold what the input is.
    """
    possible = FORMATS if source is None else _POSSIBLE[source.medium]
    writable = [f for f in possible.values() if f.not_written is None]
    target = claimed_format(name)
    if target is None:
        raise OutputError(
            f"{shown(name)}: the extension decides the format of the output; "
            f"use one of {', '.join(f.extensions[0] for f in writable)}"
        )
    if source is not None and (
        source.medium != target.medium or _is_page(source) != _is_page(target)
    ):
        raise OutputError(
            f"{shown(name)}: the input is a {source.medium} ({source.name}), which {target.name} "
            f"cannot hold; use {source.extensions[0] if source.not_written is None else '.png'}"
        )
    if target.not_written is not None:
        raise OutputError(f"{shown(name)}: {target.not_written}")
    if source is not None and Path(name).suffix.lower() in source.extensions:
        return source
    return target


def _is_page(kind: Format) -> bool:
    """Return whether it is HTML; the other texts are letters alone and can become one another."""
    return kind.name == "HTML"
