"""Picture files out: marked pixels back into a file that is as good as the one they came from.

| output | input of the same format | another input | with ``quality`` |
|---|---|---|---|
| JPEG | the same tables and subsampling, but never coarser than quality 90 | 95, 4:4:4 | as asked |
| PNG, TIFF | lossless | lossless | has no meaning, which is noted |
| WebP | lossless if it was lossless, else 95 | lossless if that is, else 95 | lossy, as asked |
| AVIF | 90, 4:4:4 | 90, 4:4:4 | as asked |

That can be too coarse. Pixels from a JPEG lie on the grid of its quantiser, and quantised by the
same tables again they fall back on it: in a small picture that erases a mark of 46 dB nearly
completely (measured at 320 px: log10 p from -330 to -7 at quality 90). So every lossy format has
finer settings to climb to, and who marks a file climbs until enough of the mark is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from waarmerk.errors import OutputError, UnsupportedInputError
from waarmerk.marking import tiff
from waarmerk.marking.formats import shown
from waarmerk.marking.metadata import (
    EXIF_PREFIX,
    XMP_NAMESPACE,
    png_text_chunk,
    splice_jpeg,
    splice_png,
    upright_metadata,
)
from waarmerk.marking.picture import turned_back

if TYPE_CHECKING:
    from PIL import Image

    from waarmerk.marking.formats import Format
    from waarmerk.marking.metadata import Metadata
    from waarmerk.marking.picture import MarkingPicture, Pixels

__all__ = ["FINER", "Encoded", "encode_picture"]

FINER = 3
"""How many settings there are for each lossy format, the coarsest first."""

JPEG_FLOOR = 90
JPEG_FLOOR_MEAN_STEP = 11.6
"""Mean of the luma table at quality 90 (ITU-T T.81, Table K.1, scaled by 1/5 and rounded)."""
JPEG_QUALITIES = (95, 97, 99)
WEBP_QUALITIES = (95, 100)  # and then lossless: lossy WebP always halves the chroma's resolution
AVIF_QUALITIES = (90, 95, 98)
MAX_JPEG_BLOCK = 65533

# Encoder efforts: half or a third of the default's time for 1 to 5 % larger files (3 megapixels).
_PNG_EFFORT = {"compress_level": 4}
_WEBP_EFFORT = 30
_AVIF_SPEED = 8

_STORED_TURNED = ("JPEG", "PNG", "WEBP")
_TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")


@dataclass(frozen=True, slots=True)
class Encoded:
    """An encoded picture.

    Parameters
    ----------
    data
        The file.
    notes
        In words, what it could not keep.
    lossless
        Whether it holds the very pixels.
    """

    data: bytes
    notes: tuple[str, ...]
    lossless: bool


def encode_picture(
    picture: MarkingPicture,
    content: Pixels,
    target: Format,
    name: str,
    *,
    quality: int | None = None,
    finer: int = 0,
) -> Encoded:
    """Encode the marked pixels of a picture.

    Parameters
    ----------
    picture
        As :func:`waarmerk.marking.picture.open_for_marking` gave it.
    content
        The marked pixels; shape and type of ``picture.array``.
    target
        The format to write.
    name
        The output's name, for messages.
    quality
        1 to 100, the encoder's own scale; None chooses so that next to nothing is lost.
    finer
        Which of the FINER settings a lossy format uses when no quality is given.

    Raises
    ------
    UnsupportedInputError
        If the format cannot hold the picture: transparency or a label in a JPEG.
    OutputError
        If encoding fails.
    """
    same = target is picture.format
    notes = _lost_on_the_way(picture, target, name)
    metadata, orientation = picture.metadata, picture.orientation
    if orientation != 1 and not (same and target.name in _STORED_TURNED):
        # Many programs follow the EXIF orientation of a JPEG, few that of other formats.
        metadata, orientation = upright_metadata(metadata), 1
    image, opaque_note = _image(picture, content, orientation, target, name)
    notes += opaque_note
    if quality is not None and target.name in ("PNG", "TIFF"):
        notes += (f"{target.name} is lossless: quality {quality} has no meaning",)
    writer = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "AVIF": _avif, "TIFF": _tiff}[target.name]
    try:
        data, lossless = writer(_Job(image, picture, metadata, target, quality, same, name, finer))
    except (OSError, ValueError, KeyError, TypeError, SyntaxError, MemoryError) as error:
        raise OutputError(f"{shown(name)}: cannot be encoded as {target.name}: {error}") from error
    return Encoded(data, notes, lossless)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a writer needs; ``same`` says that input and output have the same format."""

    image: Image.Image
    picture: MarkingPicture
    metadata: Metadata
    target: Format
    quality: int | None
    same: bool
    name: str
    finer: int


def _lost_on_the_way(picture: MarkingPicture, target: Format, name: str) -> tuple[str, ...]:
    if target is picture.format:
        return ()
    metadata = picture.metadata
    if metadata.labels_only_here:
        raise UnsupportedInputError(
            f"{shown(name)}: the input carries {metadata.labels_only_here[0]}, which has no place "
            f"in {target.name}; write {picture.format.extensions[0]} to keep it"
        )
    return tuple(f"not kept in {target.name}: {thing}" for thing in metadata.only_here)


def _image(
    picture: MarkingPicture, content: Pixels, orientation: int, target: Format, name: str
) -> tuple[Image.Image, tuple[str, ...]]:
    import numpy as np
    from PIL import Image

    alpha = picture.alpha
    if alpha is None and content.ndim == 3 and content.shape[2] == 4:
        content, alpha = content[:, :, :3], content[:, :, 3]
    notes: tuple[str, ...] = ()
    if alpha is not None and not target.alpha:
        if not (alpha == 255).all():
            raise UnsupportedInputError(
                f"{shown(name)}: {target.name} has no transparency, which the input has; use .png"
            )
        notes = ("the alpha channel was opaque everywhere and is left out",)
        alpha = None
    if alpha is not None:
        content = np.dstack([content, alpha])
    stored = turned_back(content, orientation)
    mode = "L" if stored.ndim == 2 else {2: "LA", 3: "RGB", 4: "RGBA"}[stored.shape[2]]
    height, width = stored.shape[:2]
    return Image.frombytes(mode, (width, height), stored.tobytes()), notes


def _jpeg(job: _Job) -> tuple[bytes, bool]:
    quality = job.quality or JPEG_QUALITIES[job.finer]
    options: dict[str, Any] = {"quality": quality, "subsampling": 0}
    head = job.metadata.head
    if job.same:
        old = job.picture.encoder
        # -1 is a subsampling that Pillow cannot write: then none
        options["subsampling"] = max(old["subsampling"], 0)
        options["progressive"] = old["progressive"]
        tables = [[max(1, step // (1 + job.finer)) for step in table] for table in old["qtables"]]
        fine = tables and sum(tables[0]) <= 64 * JPEG_FLOOR_MEAN_STEP
        if job.quality is None and job.finer < FINER - 1:
            options |= {"qtables": tables, "quality": -1} if fine else {"quality": JPEG_FLOOR}
    else:
        options |= _given(icc_profile=job.metadata.icc, dpi=job.metadata.dpi)
        head = _jpeg_blocks(job)
    return splice_jpeg(_saved(job, options), head), False


def _jpeg_blocks(job: _Job) -> tuple[bytes, ...]:
    metadata = job.metadata
    blocks = []
    for marker, prefix, content, what in (
        (b"\xff\xe1", EXIF_PREFIX, metadata.exif, "EXIF"),
        (b"\xff\xe1", XMP_NAMESPACE, metadata.xmp, "XMP"),
        (b"\xff\xfe", b"", metadata.comment, "comment"),
    ):
        if not content:
            continue
        size = len(prefix) + len(content) + 2
        if size > MAX_JPEG_BLOCK:
            raise UnsupportedInputError(
                f"{shown(job.name)}: the {what} block of the input has {len(content)} bytes, "
                "and a JPEG has room for 64 KB; use .png"
            )
        blocks.append(marker + size.to_bytes(2, "big") + prefix + content)
    return tuple(blocks)


def _png(job: _Job) -> tuple[bytes, bool]:
    metadata = job.metadata
    if job.same:
        data = _saved(job, dict(_PNG_EFFORT))
        return splice_png(data, metadata.head, metadata.tail), True
    options = _PNG_EFFORT | _given(exif=metadata.exif, icc_profile=metadata.icc, dpi=metadata.dpi)
    texts = {"XML:com.adobe.xmp": metadata.xmp, "Comment": metadata.comment}
    chunks = tuple(png_text_chunk(keyword, text) for keyword, text in texts.items() if text)
    return splice_png(_saved(job, options), chunks, ()), True


def _webp(job: _Job) -> tuple[bytes, bool]:
    lossless = job.quality is None and (job.picture.lossless or job.finer == FINER - 1)
    options: dict[str, Any]
    if not lossless:
        options = {"quality": job.quality or WEBP_QUALITIES[job.finer]}
    else:
        # quality is effort here; exact: transparent pixels keep their colour, too
        options = {"lossless": True, "quality": _WEBP_EFFORT, "exact": True}
    metadata = job.metadata
    options |= _given(exif=metadata.exif, xmp=metadata.xmp, icc_profile=metadata.icc)
    return _saved(job, options), lossless


def _avif(job: _Job) -> tuple[bytes, bool]:
    metadata = job.metadata
    quality = job.quality or AVIF_QUALITIES[job.finer]
    options: dict[str, Any] = {"quality": quality, "speed": _AVIF_SPEED}
    if job.image.mode != "L":
        options["subsampling"] = "4:4:4"
    # Pillow would take the orientation out by writing the whole block anew.
    exif = tiff.read_tags(metadata.exif)
    exif.pop(tiff.ORIENTATION, None)
    options |= _given(exif=tiff.build_exif(exif), xmp=metadata.xmp, icc_profile=metadata.icc)
    return _saved(job, options), False


def _tiff(job: _Job) -> tuple[bytes, bool]:
    metadata = job.metadata
    compression = job.picture.encoder.get("compression")
    if compression not in _TIFF_COMPRESSIONS:
        compression = "tiff_adobe_deflate"
    options = {"compression": compression, **_given(icc_profile=metadata.icc)}
    source = metadata.head[0] if job.same else metadata.exif
    tags = {n: tag for n, tag in tiff.read_tags(source).items() if n not in tiff.STRUCTURE}
    if metadata.xmp:
        tags[tiff.XMP] = tiff.Tag(1, len(metadata.xmp), metadata.xmp)
    if metadata.comment and tiff.DESCRIPTION not in tags:
        text = metadata.comment + b"\0"
        tags[tiff.DESCRIPTION] = tiff.Tag(2, len(text), text)
    if metadata.dpi and tiff.X_RESOLUTION not in tags:
        options["dpi"] = metadata.dpi
    return tiff.append_tags(_saved(job, options), tags), True


def _saved(job: _Job, options: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    job.image.save(buffer, job.target.name, **options)
    return buffer.getvalue()


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value}
