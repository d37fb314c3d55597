"""What a sound file says besides its samples, and how that survives being written again.

Between files of one format the blocks that hold it are copied byte for byte (ID3 between MP3 and
WAV, too; comments between FLAC, Vorbis and Opus, entry by entry)::

    WAV   RIFF [fmt ] [LIST] [bext] ... [data] [id3 ] [LIST] ...     every chunk but data and C2PA
    FLAC  fLaC STREAMINFO [VORBIS_COMMENT] [PICTURE] [CUESHEET] ...  every block but the first
    MP3   [ID3v2] frames [APE] [ID3v1]                               the tags in front and behind
    M4A   ftyp mdat moov(trak [udta]) [uuid]                         udta, and an XMP box
    Ogg   (head) (comments) (setup) ...                              the comments

Otherwise texts and covers are handed over in the words of the other format, and an XMP packet by
the label, which extends it (:mod:`~waarmerk.marking.label.packet`). A C2PA manifest is
never copied: its hashes would be wrong. Signing makes it an ingredient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from waarmerk.marking import id3, mp4, vorbis, wave
from waarmerk.marking.label.id3_frames import xmp_of_tag
from waarmerk.marking.sound_structure import file_length
from waarmerk.marking.source import tag_length

if TYPE_CHECKING:
    from pathlib import Path

    from waarmerk.marking.formats import Format

__all__ = ["Cover", "SoundTags", "read_tags", "write_tags"]

MOST_BYTES = 1 << 25
"""Of one block of tags; covers have some hundred kilobytes."""

_COVER_TYPES = {
    "mjpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
}
XMP_THINGS = ("XMP", "the ID3 frame PRIV XMP", "the WAV chunk _PMX")
"""How `only_here` calls an XMP packet."""

_FFMPEG_FORMATS = {"MP3": "mp3", "M4A": "mp4", "WAV": "wav", "AAC": "aac"}

# FFmpeg's words, in those of Vorbis comments.
_KEYS = {
    "album_artist": "ALBUMARTIST",
    "track": "TRACKNUMBER",
    "disc": "DISCNUMBER",
    "encoded_by": "ENCODED-BY",
}
_NOT_CONTENT = frozenset(
    {
        *("encoder", "major_brand", "minor_version", "compatible_brands", "creation_time"),
        *("handler_name", "vendor_id", "gapless_playback", "encoding_tool"),
    }
)


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture that belongs to a sound; `kind` as ID3 and FLAC count them, 3 is the front."""

    data: bytes
    media_type: str
    kind: int = 3
    description: str = ""


@dataclass(frozen=True, slots=True)
class SoundTags:
    """What a file says besides its samples.

    Parameters
    ----------
    texts
        Keys in the words of Vorbis comments, in upper case, with their values; keys may repeat.
    covers
        Pictures.
    raw
        Blocks to copy byte for byte where the output can hold them, by their kind: ``id3``,
        ``flac``, ``udta``, ``xmp`` (an MP4 box), ``tail`` (behind an MP3), ``head`` and ``rest``
        (chunks of a WAV).
    only_here
        In words, what another format has no place for.
    """

    texts: tuple[tuple[str, str], ...] = ()
    covers: tuple[Cover, ...] = ()
    raw: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    only_here: tuple[str, ...] = ()

    def has(self, kind: str) -> bool:
        """Return whether there are raw blocks of this kind."""
        return bool(self.raw.get(kind))

    @property
    def xmp(self) -> bytes:
        """The XMP packet, from wherever the format has it; empty if there is none."""
        if self.has("xmp"):
            return self.raw["xmp"][0][24:]  # a box, and its identifier
        for block in (*self.raw.get("head", ()), *self.raw.get("rest", ())):
            if block.startswith(b"_PMX"):
                return block[8 : 8 + int.from_bytes(block[4:8], "little")]
        return xmp_of_tag(self.raw["id3"][0]) if self.has("id3") else b""


def read_tags(path: Path, actual: Format) -> SoundTags:
    """Return what a sound file says besides its samples; nothing where that is damaged."""
    if actual.name == "FLAC":
        blocks, comments, pictures, only = vorbis.read_flac(path, MOST_BYTES)
        covers = tuple(Cover(*picture) for picture in pictures)
        return SoundTags(comments, covers, {"flac": blocks}, only)
    if actual.name in ("OGG", "OPUS"):
        comments, pictures = vorbis.read_ogg(path, MOST_BYTES)
        return SoundTags(comments, tuple(Cover(*picture) for picture in pictures))
    raw: dict[str, tuple[bytes, ...]] = {}
    only_here: tuple[str, ...] = ()
    if actual.name == "WAV":
        head, rest, only_here = wave.read_chunks(path, MOST_BYTES)
        raw = {"head": head, "rest": rest}
        raw["id3"] = tuple(
            id3.without_manifest(chunk[8:])
            for chunk in (*head, *rest)
            if chunk[:4] in (b"id3 ", b"ID3 ")
        )[:1]
    elif actual.name == "M4A":
        udta, xmp = mp4.read_user_data(path, MOST_BYTES)
        raw = {"udta": udta, "xmp": xmp}
        only_here = ("XMP",) if xmp else ()
    elif actual.name in ("MP3", "AAC"):
        raw = _mpeg_tags(path)
    texts, covers, more = _by_ffmpeg(path, actual)
    return SoundTags(texts, covers, raw, (*only_here, *more))


def write_tags(path: Path, scratch: Path, target: Format, tags: SoundTags) -> Path:
    """Give a bare encoded file its tags.

    A WAV gets them while it is written: see :func:`wave_chunks`.

    Parameters
    ----------
    path
        The bare file.
    scratch
        The name of a file that may be made.
    target
        What the file is.
    tags
        As :func:`read_tags` gave them.

    Returns
    -------
    Path
        Where the file with tags is: one of the two.
    """
    covers = [(c.data, c.media_type, c.kind, c.description) for c in tags.covers]
    if target.name == "FLAC":
        blocks = tags.raw.get("flac") or vorbis.flac_blocks(tags.texts, covers)
        vorbis.splice_flac(path, scratch, blocks)
    elif target.name in ("OGG", "OPUS"):
        vorbis.splice_ogg(path, scratch, vorbis.with_pictures(tags.texts, covers))
    elif target.name == "MP3":
        head = id3_block(tags)
        if not head and not tags.has("tail"):
            return path
        with path.open("rb") as source, scratch.open("xb") as out:
            out.write(head)
            copy(source, out)
            for block in tags.raw.get("tail", ()):
                out.write(block)
    elif target.name == "M4A":
        udta = tags.raw.get("udta") or mp4.user_data(tags.texts, covers)
        mp4.set_user_data(path, udta, tags.raw.get("xmp", ()))
        return path
    else:
        return path
    path.unlink()
    return scratch


def wave_chunks(tags: SoundTags, *, same: bool) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the chunks of a WAV that lie in front of the samples, and those behind them."""
    if same:
        return tags.raw.get("head", ()), tags.raw.get("rest", ())
    block = id3_block(tags)
    rest = [wave.info_chunk(tags.texts), wave.chunk(b"id3 ", block) if block else b""]
    return (), tuple(chunk for chunk in rest if chunk)


def id3_block(tags: SoundTags) -> bytes:
    """Return an ID3v2 tag: the one there was, or a new one; empty if it would say nothing."""
    if tags.has("id3"):
        return tags.raw["id3"][0]
    covers = [(c.data, c.media_type, c.kind, c.description) for c in tags.covers]
    return id3.build(tags.texts, covers)


def copy(source: Any, out: Any) -> None:
    """Copy the rest of an open file, in pieces."""
    while piece := source.read(1 << 20):
        out.write(piece)


def _mpeg_tags(path: Path) -> dict[str, tuple[bytes, ...]]:
    """Return the tags in front of the frames and behind them."""
    with path.open("rb") as file:
        length = file_length(file)
        size = min(tag_length(file.read(10)), length)
        file.seek(0)
        head = id3.without_manifest(file.read(size)) if size <= MOST_BYTES else b""
        end = length
        tail = b""
        file.seek(max(0, end - 128))
        last = file.read(128)
        if last.startswith(b"TAG"):
            tail, end = last, end - 128
        file.seek(max(0, end - 32))
        footer = file.read(32)
        if footer.startswith(b"APETAGEX") and end >= 32:
            # The size counts the footer and not the header, which bit 31 of the flags tells of.
            size = int.from_bytes(footer[12:16], "little")
            size += 32 if footer[23] & 0x80 else 0
            if 32 <= size <= min(end, MOST_BYTES):
                file.seek(end - size)
                tail = file.read(size) + tail
    return {"id3": (head,) if head else (), "tail": (tail,) if tail else ()}


def _by_ffmpeg(
    path: Path, actual: Format
) -> tuple[tuple[tuple[str, str], ...], tuple[Cover, ...], tuple[str, ...]]:
    import av

    texts: list[tuple[str, str]] = []
    covers: list[Cover] = []
    only_here: list[str] = []
    try:
        with av.open(
            f"file:{path.absolute()}",
            format=_FFMPEG_FORMATS[actual.name],
            options={"protocol_whitelist": "file"},
        ) as container:
            for key, value in container.metadata.items():
                if key.startswith("id3v2_priv"):
                    only_here.append(f"the ID3 frame PRIV {key[11:]}"[:80])
                elif key.lower() not in _NOT_CONTENT and "\0" not in key:
                    name = "LYRICS" if key.startswith("lyrics") else _KEYS.get(key, key.upper())
                    texts.append((name, value))
            if container.chapters():
                only_here.append("the chapters")
            pictures = {s.index: s for s in container.streams.video}
            if pictures:
                for packet in container.demux(*pictures.values()):
                    stream = pictures.pop(packet.stream.index, None)
                    if stream is not None and 0 < packet.size <= MOST_BYTES:
                        covers.append(_cover(stream, bytes(packet)))
                    if not pictures:
                        break
    except (av.FFmpegError, OSError, ValueError, UnicodeError):
        return tuple(texts), tuple(covers), ("tags that cannot be read",)
    return tuple(texts), tuple(c for c in covers if c.media_type), tuple(only_here)


def _cover(stream: Any, data: bytes) -> Cover:
    codec = stream.codec_context.name if stream.codec_context else ""
    description = str(stream.metadata.get("title", ""))
    return Cover(data, _COVER_TYPES.get(codec, ""), 3, description)
