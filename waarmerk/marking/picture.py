"""Picture files in: from bytes that may be hostile to an upright array of pixels.

Detection needs little: the luma of the first frame, at a reduced scale if the JPEG decoder can
give one (its inverse DCT makes 1/2, 1/4 or 1/8 directly, several times faster than all pixels).
Marking needs everything, and refuses what it could not give back.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking.colours import Colours, colour_mode, holds_luma, memory_of, shortened
from waarmerk.marking.decoder import (
    MAX_PIXELS,
    decoding,
    has_more_frames,
    has_several_scans,
    open_header,
    refuse_what_would_be_lost,
)
from waarmerk.marking.formats import Format, refuse_wrong_name, shown
from waarmerk.marking.metadata import (
    EXIF_PREFIX,
    Metadata,
    exif_orientation,
    read_metadata,
    riff_chunks,
)
from waarmerk.marking.source import sniff

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Pixels = NDArray[np.uint8]

__all__ = [
    "MAX_PIXELS",
    "DetectionPicture",
    "MarkingPicture",
    "open_for_detection",
    "open_for_marking",
    "turned_back",
]


@dataclass(frozen=True, slots=True)
class DetectionPicture:
    """A picture to look for marks in.

    Parameters
    ----------
    array
        uint8[height, width]: luma, upright, of the first frame; a JPEG at 1/``reduction`` scale.
    media_type
        As the content has it, whatever the name says.
    width, height
        Of the whole upright picture in pixels.
    reduction
        1, 2, 4 or 8.
    notes
        In words, what was not looked at or does not fit together.
    colours
        At full scale and not turned upright, where they were asked for.
    """

    array: Pixels
    media_type: str
    width: int
    height: int
    reduction: int = 1
    notes: tuple[str, ...] = ()
    colours: Colours | None = None

    @property
    def scale_note(self) -> str | None:
        """In words, at which scale the picture was decoded; None at full scale."""
        return None if self.reduction == 1 else f"decoded at 1/{self.reduction} scale"


@dataclass(frozen=True, slots=True)
class MarkingPicture:
    """A picture to be marked, and all that is needed to write it again.

    Parameters
    ----------
    array
        uint8[height, width] or uint8[height, width, 3 or 4]; upright.
    format
        What the content is.
    alpha
        The transparency of a gray picture, uint8[height, width]; None otherwise.
    orientation
        How the file stores the picture (EXIF, 1 to 8); 1 if it is stored upright.
    metadata
        What the file says besides its pixels.
    lossless
        Whether the file stores its pixels without loss.
    encoder
        Settings with which Pillow writes the same format again in the same way.
    notes
        In words, what a marked copy cannot keep.
    """

    array: Pixels
    format: Format
    alpha: Pixels | None
    orientation: int
    metadata: Metadata
    lossless: bool
    encoder: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        """As the content has it."""
        return self.format.media_type

    @property
    def width(self) -> int:
        """Of the upright picture in pixels."""
        return int(self.array.shape[1])

    @property
    def height(self) -> int:
        """Of the upright picture in pixels."""
        return int(self.array.shape[0])


def open_for_detection(
    data: bytes,
    name: str,
    *,
    min_side: int = 512,
    rows: Callable[[Image.Image], tuple[int, int] | None] | None = None,
    kernels: bool = False,
) -> DetectionPicture:
    """Decode as much of a picture as a detector needs.

    Parameters
    ----------
    data
        The file.
    name
        Its name, for messages.
    min_side
        A large JPEG is decoded at the smallest scale whose short side is not below this.
    rows
        Told the picture before it is decoded, says which rows of its colours are wanted, too: the
        first, and the one behind the last.
    kernels
        Whether kernels may be loaded. Then colours of a JPEG may be YCbCr.

    Raises
    ------
    InputError
        If it is no picture, damaged, too large, or named as another format than it is.
    """
    actual = _sniffed(data, name)
    notes = []
    colours = None
    with decoding(name, actual):
        image = open_header(data, actual, name)
        width, height = image.size
        mode = None if rows is None else colour_mode(image)
        band = None if rows is None or mode is None else rows(image)
        reduction, together = 1, True
        if actual.name == "JPEG":
            together = kernels and band is not None and holds_luma(image)
            reduction, together = _drafted(image, min_side, together)
        if has_more_frames(image):
            notes.append("only the first of several frames was looked at")
        image.load()
        ycc = together and actual.name == "JPEG"
        luma = _first_channel(image) if ycc else _luma(image, name, kernels=kernels)
        orientation = _orientation(image, actual)
    if band is not None and mode is not None:
        with suppress(InputError), decoding(name, actual):  # luma can be had where colours cannot
            if not together:
                image = _decoded_again(data, actual, name, band[1])
            elif not ycc and image.mode != mode:
                image = image.convert(mode)
            colours = Colours(image, *band)
    upright = _turned(luma, orientation)
    if orientation >= 5:
        width, height = height, width
    if actual.name == "TIFF":  # turned by Pillow while loading
        width, height = image.size
    return DetectionPicture(
        upright, actual.media_type, width, height, reduction, tuple(notes), colours
    )


def _drafted(image: Image.Image, min_side: int, ycc: bool) -> tuple[int, bool]:
    """Set a JPEG to be decoded as luma, at the smallest scale that will do.

    Returns
    -------
    reduction : int
    ycc : bool
        Whether it will be decoded in YCbCr instead, as it may be at full scale.
    """
    width, height = image.size
    short = min(width, height)
    wanted = (max(1, width * min_side // short), max(1, height * min_side // short))
    ycc = ycc and (width // wanted[0] < 2 or height // wanted[1] < 2)
    image.draft("YCbCr" if ycc else "L", wanted)
    return cast("tuple[int, ...]", cast("Any", image).decoderconfig or (1,))[0], ycc


def _first_channel(image: Image.Image) -> Pixels:
    import numpy as np

    words = memory_of(image)
    if words is None:
        return np.asarray(image.getchannel(0))
    from waarmerk.kernels.colours import low_bytes

    return _filled(low_bytes, words)


def _luma_of_rgb(words: NDArray[np.uint32]) -> Pixels:
    """Return the same as Pillow's conversion to L, several times faster."""
    from waarmerk.kernels.colours import luma_of_rgb

    return _filled(luma_of_rgb, words)


def _filled(
    fill: Callable[[NDArray[np.uint32], Pixels], None], words: NDArray[np.uint32]
) -> Pixels:
    import numpy as np

    out = np.empty(words.shape, np.uint8)
    fill(words, out)
    # As all other pictures are: kernels are compiled anew for what can be written to.
    out.flags.writeable = False
    return out


def _decoded_again(data: bytes, actual: Format, name: str, last: int) -> Image.Image:
    """Decode a JPEG at full scale, in colours, at least as far as to the row before `last`."""
    image = open_header(data, actual, name)
    if not has_several_scans(image, data):
        less = shortened(data, image, last)
        if less is not data:
            image = open_header(less, actual, name)
    image.load()
    return image


def open_for_marking(data: bytes, name: str) -> MarkingPicture:
    """Decode a picture completely, or refuse it with the reason.

    Raises
    ------
    InputError
        If it is no picture, damaged, too large, or named as another format than it is.
    UnsupportedInputError
        If writing it again would lose something: animation, more than 8 bits, CMYK.
    """
    actual = _sniffed(data, name)
    with decoding(name, actual):
        image = open_header(data, actual, name)
        refuse_what_would_be_lost(image, data, actual, name)
        encoder = _encoder_settings(image, actual)
        image.load()
        metadata = read_metadata(actual.name, data, image)
        orientation = _orientation(image, actual)
        notes = [f"not kept: {thing}" for thing in metadata.lost]
        if image.mode in ("1", "P"):
            notes.append("the palette became full colour" if image.mode == "P" else "became gray")
        array, alpha = _channels(image)
    return MarkingPicture(
        array=_turned(array, orientation),
        format=actual,
        alpha=None if alpha is None else _turned(alpha, orientation),
        orientation=orientation,
        metadata=metadata,
        lossless=_is_lossless(data, actual, encoder),
        encoder=encoder,
        notes=tuple(notes),
    )


def _sniffed(data: bytes, name: str) -> Format:
    """Tell the format by the content; refuse what is no picture or bears a wrong name."""
    actual = sniff(data, name)
    if actual.medium != "picture":
        raise UnsupportedInputError(f"{shown(name)}: is a {actual.medium} ({actual.name})")
    refuse_wrong_name(name, actual)
    return actual


def turned_back(array: Pixels, orientation: int) -> Pixels:
    """Return upright pixels as a file with this EXIF orientation stores them."""
    return _turned(array, {6: 8, 8: 6}.get(orientation, orientation))


def _turned(array: Pixels, orientation: int) -> Pixels:
    # EXIF 2.32, tag 274: where row 0 and column 0 of the stored picture belong.
    import numpy as np

    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


def _luma(image: Image.Image, name: str, *, kernels: bool) -> Pixels:
    import numpy as np

    mode = image.mode
    if mode == "L" or (kernels and mode in ("RGB", "RGBA")):
        held = memory_of(image)
        if held is not None:
            return held if mode == "L" else _luma_of_rgb(held)
    if mode.startswith("I"):
        # 16 bits come as I;16 or as 32-bit integers; the upper 8 hold the mark.
        return (np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8)
    if mode == "F":
        raise UnsupportedInputError(
            f"{shown(name)}: has floating-point pixels, which are not supported"
        )
    if mode in ("LA", "La", "LAB"):
        image = image.getchannel("L")
    elif mode != "L":
        image = (image if mode == "RGB" else image.convert("RGB")).convert("L")
    return np.asarray(image)


def _orientation(image: Image.Image, actual: Format) -> int:
    if actual.name == "TIFF":
        return 1  # turned by Pillow while loading
    exif = image.info.get("exif")
    if not isinstance(exif, bytes):
        return 1
    return exif_orientation(exif.removeprefix(EXIF_PREFIX))[0]


def _encoder_settings(image: Image.Image, actual: Format) -> dict[str, Any]:
    if actual.name == "JPEG":
        jpeg = cast("Any", image)
        tables = [jpeg.quantization[layer[3]] for layer in jpeg.layer]
        samplings = importlib.import_module("PIL.JpegImagePlugin").get_sampling(image)
        return {
            "qtables": [list(t) for t in (tables[:2] if tables[1:2] == tables[2:] else tables)],
            "subsampling": samplings,
            "progressive": bool(image.info.get("progressive")),
        }
    if actual.name == "TIFF":
        return {"compression": image.info.get("compression")}
    return {}


def _is_lossless(data: bytes, actual: Format, encoder: dict[str, Any]) -> bool:
    if actual.name == "WEBP":
        return b"VP8L" in riff_chunks(data)
    if actual.name == "TIFF":
        return encoder["compression"] not in ("jpeg", "tiff_jpeg", "webp")
    return actual.name in ("PNG", "GIF", "BMP")


def _channels(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    # The pixels to mark, and the transparency of a gray picture apart.
    import numpy as np

    transparent = image.has_transparency_data
    gray = image.mode in ("1", "L", "LA")
    target = {
        (True, False): "L",
        (True, True): "LA",
        (False, False): "RGB",
        (False, True): "RGBA",
    }[gray, transparent]
    if image.mode != target:
        image = image.convert(target)
    array = np.asarray(image)
    if target == "LA":
        return array[:, :, 0], array[:, :, 1]
    return array, None
