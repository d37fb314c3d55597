"""Which writer labels which kind of file, and the one way to call them all."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from waarmerk.errors import OutputError
from waarmerk.marking.label.comments import label_flac, label_ogg
from waarmerk.marking.label.gif import label_gif
from waarmerk.marking.label.id3_frames import label_mp3
from waarmerk.marking.label.items import label_items
from waarmerk.marking.label.jpeg import label_jpeg
from waarmerk.marking.label.jxl import label_jxl
from waarmerk.marking.label.movie import label_mov, label_mp4
from waarmerk.marking.label.pdf import label_pdf
from waarmerk.marking.label.png import label_png
from waarmerk.marking.label.riff import label_avi, label_wave, label_webp
from waarmerk.marking.label.svg import MOST_BYTES as MOST_SVG
from waarmerk.marking.label.svg import label_svg
from waarmerk.marking.label.tiff_tag import label_tiff
from waarmerk.marking.streams import length_of

if TYPE_CHECKING:
    from waarmerk.marking.label.content import LabelContent

__all__ = ["can_label", "labelled_bytes", "labelled_file"]

MOST_BYTES = 1 << 29
"""Of a file whose writer holds it in memory; those of pictures and documents do."""

InMemory = Callable[[bytes, "LabelContent", list[str]], bytes]
InPieces = Callable[[BinaryIO, BinaryIO, "LabelContent", list[str]], None]

_IN_MEMORY: dict[str, InMemory] = {
    "image/jpeg": label_jpeg,
    "image/png": label_png,
    "image/webp": label_webp,
    "image/avif": label_items,
    "image/heic": label_items,
    "image/heif": label_items,
    "image/jxl": label_jxl,
    "image/svg+xml": label_svg,
    "application/pdf": label_pdf,
}
_IN_PIECES: dict[str, InPieces] = {
    "image/gif": label_gif,
    "image/tiff": label_tiff,
    "audio/flac": label_flac,
    "audio/mp4": label_mp4,
    "audio/mpeg": label_mp3,
    "audio/ogg": label_ogg,
    "audio/wav": label_wave,
    "video/mp4": label_mp4,
    "video/quicktime": label_mov,
    "video/x-msvideo": label_avi,
}
_MOST = {"image/svg+xml": MOST_SVG}
_OTHER_NAMES = {
    "image/x-adobe-dng": "image/tiff",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "video/avi": "video/x-msvideo",
    "video/msvideo": "video/x-msvideo",
}


def can_label(media_type: str) -> bool:
    """Return whether files of a type have a place for a label that is written here."""
    name = _OTHER_NAMES.get(media_type, media_type)
    return name in _IN_MEMORY or name in _IN_PIECES


def labelled_bytes(
    data: bytes, media_type: str, content: LabelContent, notes: list[str] | None = None
) -> bytes:
    """Return a copy of a file with a label in it.

    Its pixels, samples and words stay as they are, and so do the labels that it has, except for
    what :mod:`waarmerk.marking.label.packet` says about values that contradict each other.

    Parameters
    ----------
    data
        The whole file, unsigned: a manifest would be broken by it.
    media_type
        What it is.
    content
        What the label says.
    notes
        Gets, in words, what of the input's labels was replaced, or stays in place of the new one.

    Raises
    ------
    OutputError
        If its type has no place for a label, or the file cannot be extended safely; the message
        says why, and is meant to stand behind the file's name.
    """
    out = io.BytesIO()
    labelled_file(io.BytesIO(data), out, media_type, content, notes)
    return out.getvalue()


def labelled_file(
    source: BinaryIO,
    destination: BinaryIO,
    media_type: str,
    content: LabelContent,
    notes: list[str] | None = None,
) -> None:
    """Write a copy of a file with a label in it, in pieces where its kind is one of large files.

    Parameters
    ----------
    source
        An unsigned file, open for reading from any place.
    destination
        An empty file, open for reading and writing. What is in it after an error is of no use.
    media_type, content, notes
        As of :func:`labelled_bytes`.

    Raises
    ------
    OutputError
        As of :func:`labelled_bytes`.
    """
    notes = [] if notes is None else notes
    name = _OTHER_NAMES.get(media_type, media_type)
    length = length_of(source)
    if name in _IN_PIECES:
        _IN_PIECES[name](source, destination, content, notes)
    elif name in _IN_MEMORY:
        if length > _MOST.get(name, MOST_BYTES):
            raise OutputError(f"it has {length} bytes, more than can be labelled")
        destination.write(_IN_MEMORY[name](source.read(), content, notes))
    else:
        raise OutputError(f"{media_type} has no place for a label that could be written here")
    destination.flush()
