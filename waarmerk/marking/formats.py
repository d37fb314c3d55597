"""Which formats of files there are, and what a file's name claims.

Every file can have a signed manifest, in it or beside it. A watermark is laid on pictures and
sounds that are decoded here, and on texts while they are generated; what is in other files is
copied as it is.

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
    "DOCUMENTS",
    "FORMATS",
    "OTHERS",
    "PICTURES",
    "SOUNDS",
    "TEXTS",
    "UNDECODED",
    "UNKNOWN",
    "VIDEOS",
    "Format",
    "Medium",
    "claimed_format",
    "format_for_copy",
    "format_for_output",
    "mislabelled",
    "refuse_wrong_name",
    "shown",
]

Medium = Literal["picture", "sound", "text", "video", "document", "other"]


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
    decoded
        Whether its content is decoded here, so that a watermark can be laid and looked for.
    claims
        Whether a name with one of its extensions must have such content. Office documents that are
        encrypted, for instance, look quite different, and are still rightly called so.
    """

    name: str
    media_type: str
    extensions: tuple[str, ...]
    alpha: bool = True
    not_written: str | None = None
    medium: Medium = "picture"
    embeds: bool = True
    lossless: bool = False
    decoded: bool = True
    claims: bool = True


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
            embeds=False,
        ),
    )
}


def _undecoded(  # noqa: PLR0917 - a row of a table
    name: str,
    media_type: str,
    extensions: tuple[str, ...],
    medium: Medium,
    embeds: bool = True,
    claims: bool = True,
) -> Format:
    """Return a format whose content is copied and never decoded."""
    return Format(
        name,
        media_type,
        extensions,
        not_written=f"no watermark can be written in {name}; to copy such a file and sign a "
        "manifest alone, give a reason (no_watermark, --no-watermark REASON)",
        medium=medium,
        embeds=embeds,
        decoded=False,
        claims=claims,
    )


UNDECODED: dict[str, Format] = {
    f.name: f
    for f in (
        _undecoded("HEIC", "image/heic", (".heic", ".heif", ".hif"), "picture"),
        _undecoded("JXL", "image/jxl", (".jxl",), "picture"),
        _undecoded("SVG", "image/svg+xml", (".svg",), "picture"),
        # A TIFF by its content, whose pixels are those of a sensor.
        _undecoded("DNG", "image/x-adobe-dng", (".dng",), "picture"),
    )
}
"""Pictures that are not decoded here."""

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

VIDEOS: dict[str, Format] = {
    f.name: f
    for f in (
        # The two differ in little, and each is often named as the other.
        _undecoded("MP4", "video/mp4", (".mp4", ".m4v", ".mov", ".3gp", ".3g2"), "video"),
        _undecoded("MOV", "video/quicktime", (".mov", ".qt", ".mp4", ".m4v"), "video"),
        _undecoded("AVI", "video/x-msvideo", (".avi",), "video"),
        _undecoded("WEBM", "video/webm", (".webm", ".mkv", ".weba"), "video", embeds=False),
        _undecoded(
            "MKV", "video/x-matroska", (".mkv", ".mk3d", ".mka", ".webm"), "video", embeds=False
        ),
        _undecoded("OGV", "video/ogg", (".ogv", ".ogg", ".ogx"), "video", embeds=False),
    )
}

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."

# C2PA has a place for a manifest in ZIP archives, on which implementations do not agree.
DOCUMENTS: dict[str, Format] = {
    f.name: f
    for f in (
        _undecoded("PDF", "application/pdf", (".pdf",), "document"),
        *(
            _undecoded(name, media_type, (extension,), "document", embeds=False, claims=False)
            for name, media_type, extension in (
                ("DOCX", _OPEN_XML + "wordprocessingml.document", ".docx"),
                ("XLSX", _OPEN_XML + "spreadsheetml.sheet", ".xlsx"),
                ("PPTX", _OPEN_XML + "presentationml.presentation", ".pptx"),
                ("ODT", _OPEN_DOCUMENT + "text", ".odt"),
                ("ODS", _OPEN_DOCUMENT + "spreadsheet", ".ods"),
                ("ODP", _OPEN_DOCUMENT + "presentation", ".odp"),
                ("EPUB", "application/epub+zip", ".epub"),
            )
        ),
    )
}

OTHERS: dict[str, Format] = {
    name: _undecoded(name, media_type, extensions, "other", embeds=False, claims=False)
    for name, media_type, extensions in (
        ("ZIP", "application/zip", (".zip",)),
        ("GZIP", "application/gzip", (".gz", ".tgz")),
        ("7Z", "application/x-7z-compressed", (".7z",)),
        ("RAR", "application/vnd.rar", (".rar",)),
        ("PSD", "image/vnd.adobe.photoshop", (".psd", ".psb")),
        ("JP2", "image/jp2", (".jp2", ".jpx")),
        ("EXR", "image/x-exr", (".exr",)),
        ("ICO", "image/vnd.microsoft.icon", (".ico",)),
        ("CUR", "image/vnd.microsoft.icon", (".cur",)),
        ("XML", "application/xml", (".xml",)),
        ("JSON", "application/json", (".json",)),
        ("RF64", "audio/wav", (".rf64", ".wav")),
        ("W64", "audio/x-w64", (".w64",)),
        ("AIFF", "audio/aiff", (".aif", ".aiff", ".aifc")),
        ("AU", "audio/basic", (".au", ".snd")),
        ("CAF", "audio/x-caf", (".caf",)),
        ("AMR", "audio/amr", (".amr",)),
        ("SPEEX", "audio/ogg", (".spx", ".ogg")),
        ("OGG FLAC", "audio/ogg", (".oga", ".ogg")),
        ("OGX", "application/ogg", (".ogx", ".ogg", ".ogv")),
        ("ASF", "video/x-ms-asf", (".asf", ".wmv", ".wma")),
        ("MIDI", "audio/midi", (".mid", ".midi")),
        ("WAVPACK", "audio/x-wavpack", (".wv",)),
        ("APE", "audio/x-ape", (".ape",)),
        ("ADIF", "audio/aac", (".aac",)),
        ("FLV", "video/x-flv", (".flv",)),
        ("PLAYLIST", "application/vnd.apple.mpegurl", (".m3u", ".m3u8")),
        ("ELF", "application/octet-stream", ()),
        ("EXE", "application/octet-stream", (".exe", ".dll")),
        ("SCRIPT", "text/x-script", (".sh", ".py", ".pl")),
    )
}
"""What else can be told by its first bytes."""

UNKNOWN = _undecoded(
    "of an unknown kind", "application/octet-stream", (), "other", embeds=False, claims=False
)
"""Whatever is none of the others."""

FORMATS = PICTURES | UNDECODED | SOUNDS | VIDEOS | DOCUMENTS | OTHERS | TEXTS

_BY_EXTENSION = {
    extension: f
    for f in reversed(FORMATS.values())
    for extension in reversed(f.extensions)
    if f.claims
}


_POSSIBLE: dict[str, dict[str, Format]] = {"picture": PICTURES, "sound": SOUNDS, "text": TEXTS}
"""What an output may be, by the medium of the input, for messages."""


def shown(name: str) -> str:
    """Return a file name that is safe in a one-line message: whatever cannot be printed is `?`."""
    if name.isprintable():
        return name
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
        right = f"rename it to {actual.extensions[0]}" if actual.extensions else "rename it"
        raise InputError(f"{shown(name)}: {wrong}; {right}")


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
    possible = FORMATS if source is None else _POSSIBLE.get(source.medium, FORMATS)
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
            f"cannot hold; use {_usable(source)}"
        )
    if target.not_written is not None:
        raise OutputError(f"{shown(name)}: {target.not_written}")
    if source is not None and Path(name).suffix.lower() in source.extensions:
        return source
    return target


def format_for_copy(name: str, source: Format) -> Format:
    """Return the format to write where the content is copied as it is: that of the source.

    Parameters
    ----------
    name
        Of the output.
    source
        What the input is.

    Raises
    ------
    OutputError
        If the name claims another format.
    """
    suffix = Path(name).suffix.lower()
    claimed = claimed_format(name)
    if suffix not in source.extensions and (source.claims or claimed is not None):
        use = f"use {source.extensions[0]}" if source.extensions else "use another extension"
        raise OutputError(
            f"{shown(name)}: the content is copied as it is, and remains {source.name}; {use}"
        )
    return source


def _usable(source: Format) -> str:
    """Return the extension of an output that can hold a source."""
    if source.not_written is None or not source.decoded:
        return source.extensions[0] if source.extensions else "the extension of the input"
    return ".png"


def _is_page(kind: Format) -> bool:
    """Return whether it is HTML; the other texts are letters alone and can become one another."""
    return kind.name == "HTML"
