"""Picture files out: marked pixels back into a file that is as good as the one they came from.

| output | input of the same format | another input | with ``quality`` |
|---|---|---|---|
| JPEG | the same tables and subsampling, but never coarser than quality 90 | 95, 4:4:4 | as asked |
| PNG, TIFF | lossless | lossless | has no meaning, which is noted |
| WebP | lossless if it was lossless, else 95 | lossless if that is, else 95 | lossy, as asked |
| AVIF | 90, 4:4:4 | 90, 4:4:4 | as asked |
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

__all__ = ["encode_picture"]

JPEG_QUALITY = 95
JPEG_FLOOR = 90
JPEG_FLOOR_MEAN_STEP = 11.6
"""Mean of the luma table at quality 90 (ITU-T T.81, Table K.1, scaled by 1/5 and rounded)."""
WEBP_QUALITY = 95
AVIF_QUALITY = 90
MAX_JPEG_BLOCK = 65533

_STORED_TURNED = ("JPEG", "PNG", "WEBP")
_TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")


def encode_picture(
    picture: MarkingPicture, content: Pixels, target: Format, name: str, quality: int | None = None
) -> tuple[bytes, tuple[str, ...]]:
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

    Returns
    -------
    data, notes
        The file, and in words what it could not keep.

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
        data = writer(_Job(image, picture, metadata, target, quality, same, name))
    except (OSError, ValueError, KeyError, TypeError, SyntaxError, MemoryError) as error:
        raise OutputError(f"{shown(name)}: cannot be encoded as {target.name}: {error}") from error
    return data, notes


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
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

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


def _jpeg(job: _Job) -> bytes:
    options: dict[str, Any] = {"quality": job.quality or JPEG_QUALITY, "subsampling": 0}
    head = job.metadata.head
    if job.same:
        old = job.picture.encoder
        # -1 is a subsampling that Pillow cannot write: then none
        options["subsampling"] = max(old["subsampling"], 0)
        options["progressive"] = old["progressive"]
        tables = old["qtables"]
        fine = tables and sum(tables[0]) <= 64 * JPEG_FLOOR_MEAN_STEP
        if job.quality is None:
            options |= {"qtables": tables, "quality": -1} if fine else {"quality": JPEG_FLOOR}
    else:
        options |= _given(icc_profile=job.metadata.icc, dpi=job.metadata.dpi)
        head = _jpeg_blocks(job)
    return splice_jpeg(_saved(job, options), head)


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


def _png(job: _Job) -> bytes:
    metadata = job.metadata
    if job.same:
        return splice_png(_saved(job, {}), metadata.head, metadata.tail)
    options = _given(exif=metadata.exif, icc_profile=metadata.icc, dpi=metadata.dpi)
    texts = {"XML:com.adobe.xmp": metadata.xmp, "Comment": metadata.comment}
    chunks = tuple(png_text_chunk(keyword, text) for keyword, text in texts.items() if text)
    return splice_png(_saved(job, options), chunks, ())


def _webp(job: _Job) -> bytes:
    options: dict[str, Any] = {"quality": job.quality or WEBP_QUALITY}
    if job.quality is None and job.picture.lossless:
        # quality is effort here; exact: transparent pixels keep their colour, too
        options = {"lossless": True, "quality": 75, "exact": True}
    metadata = job.metadata
    options |= _given(exif=metadata.exif, xmp=metadata.xmp, icc_profile=metadata.icc)
    return _saved(job, options)


def _avif(job: _Job) -> bytes:
    metadata = job.metadata
    options: dict[str, Any] = {"quality": job.quality or AVIF_QUALITY}
    if job.image.mode != "L":
        options["subsampling"] = "4:4:4"
    # Pillow would take the orientation out by writing the whole block anew.
    exif = tiff.read_tags(metadata.exif)
    exif.pop(tiff.ORIENTATION, None)
    options |= _given(exif=tiff.build_exif(exif), xmp=metadata.xmp, icc_profile=metadata.icc)
    return _saved(job, options)


def _tiff(job: _Job) -> bytes:
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
    return tiff.append_tags(_saved(job, options), tags)


def _saved(job: _Job, options: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    job.image.save(buffer, job.target.name, **options)
    return buffer.getvalue()


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value}
