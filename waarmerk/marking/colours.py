"""The colours of a picture as its file stores them, decoded once, and no farther than needed.

The luma of a reduced decoding is enough for our own watermark; marks that are not ours stand in the
colours, pixel by pixel. Most formats are decoded once for both. A JPEG is decoded once where it is
not reduced: Y, Cb and Cr hold the luma as it would come alone, and colours are made of them strip
by strip, where they are needed. Otherwise it is decoded a second time, down to the last row that
somebody asks for::

    ┌─────────────┐
    │             │
    │▒▒▒▒▒▒▒▒▒▒▒▒▒│  the band that is wanted
    ├─────────────┤  the height that the decoder is told
    │  (never     │
    │   decoded)  │
    └─────────────┘
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["Colours", "colour_mode", "holds_luma", "memory_of", "shortened"]

_MODES = {"RGB": "RGB", "P": "RGB", "RGBA": "RGBA", "PA": "RGBA", "LA": "RGBA"}
_WORDS = {"RGB": "RGBX", "RGBA": "RGBA", "YCbCr": "YCbCrX"}
"""Raw modes of Pillow with four bytes a pixel, in which it keeps them itself."""

_LAYOUTS = {"L": "|u1", "RGB": "<u4", "RGBA": "<u4", "YCbCr": "<u4"}
"""What Pillow keeps for each pixel."""

_MCU = 16  # rows: the tallest unit of a JPEG whose luma is sampled twice as often (T.81, A.2.3)


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours of some rows of a picture, not turned upright.

    Parameters
    ----------
    image
        Decoded, in RGB, RGBA, or, of a JPEG, YCbCr. Rows before and behind the wanted ones may lack
        their colours.
    first, last
        The first row that is wanted, and the one behind the last.
    """

    image: Image.Image
    first: int
    last: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.image.size[0]

    @property
    def ycc(self) -> bool:
        """Whether `words` are Y, Cb and Cr."""
        return self.image.mode == "YCbCr"

    def words(self, first: int, last: int) -> NDArray[np.uint32]:
        """Return rows of the picture as uint32 [rows, width], red or Y in the lowest byte."""
        import numpy as np

        held = memory_of(self.image)
        if held is not None:
            return held[first:last]
        part = self.image.crop((0, first, self.width, last))
        return np.frombuffer(part.tobytes("raw", _WORDS[part.mode]), "<u4").reshape(-1, self.width)

    def pixels(self, first: int, last: int, columns: int | None = None) -> NDArray[np.uint8]:
        """Return rows as uint8 [rows, width, 3 or 4]; those of a picture in RGB or RGBA alone."""
        import numpy as np

        return np.asarray(self.image.crop((0, first, columns or self.width, last)))


class _ArrowArray(ctypes.Structure):
    """A column as the Arrow C data interface hands it over, as far as it is read here."""


_ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "nulls", "offset", "buffer_count", "parts")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
]

_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.argtypes, _pointer_in.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p


class _Memory:
    """An address as NumPy asks for it, and the owner, who keeps what is there."""

    __slots__ = ("__array_interface__", "_owner")

    def __init__(self, interface: dict[str, Any], owner: object) -> None:
        self.__array_interface__ = interface
        self._owner = owner


def memory_of(image: Image.Image) -> NDArray[Any] | None:
    """Return the pixels of a picture where Pillow keeps them: a copy takes as long as a kernel.

    Parameters
    ----------
    image
        Decoded. It may be given up: its memory lasts as long as the array.

    Returns
    -------
    uint8 [height, width] of a gray one, uint32 [height, width] of one in RGB, RGBA or YCbCr
        Read-only. None of other modes, and of large pictures (16 MB), which are in pieces.
    """
    import numpy as np
    from PIL import _imaging

    layout = _LAYOUTS.get(image.mode)
    if layout is None or _imaging.get_alignment() != 1:  # rows may have gaps between them
        return None
    try:
        _, capsule = cast("Any", image).__arrow_c_array__()
    except ValueError:  # in pieces
        return None
    column = _ArrowArray.from_address(_pointer_in(capsule, b"arrow_array"))
    if layout == "<u4":  # a list of four for each pixel
        column = column.children[0].contents
    width, height = image.size
    interface = {
        "data": (column.buffers[1], True),
        "shape": (height, width),
        "typestr": layout,
        "version": 3,
    }
    return np.asarray(_Memory(interface, capsule))


def colour_mode(image: Image.Image) -> str | None:
    """Return the mode in which a picture's colours are looked at; None if it has none.

    To be asked before it is decoded.
    """
    if image.mode == "P" and "transparency" in image.info:
        return "RGBA"
    return _MODES.get(image.mode)


def holds_luma(image: Image.Image) -> bool:
    """Return whether the first component of a JPEG is its luma, as libjpeg decides it.

    jdapimin.c, default_decompress_parms: by JFIF, else by Adobe's marker, else by the numbers of
    the components. Where there is any doubt the answer is no.
    """
    jpeg = cast("Any", image)
    if jpeg.mode != "RGB" or len(jpeg.tile) != 1:
        return False
    adobe = image.info.get("adobe_transform")
    if "jfif" in image.info:
        return adobe in (None, 1)
    return adobe == 1 or (adobe is None and [layer[0] for layer in jpeg.layer] == [1, 2, 3])


def shortened(data: bytes, image: Image.Image, last: int) -> bytes:
    """Return a JPEG that ends soon after some row; as it is where that cannot be done.

    Parameters
    ----------
    data
        The file, of one scan that holds all components.
    image
        Opened, not decoded.
    last
        The row behind the last that is wanted. It and those before decode as they did.
    """
    jpeg = cast("Any", image)
    # Rows of the next unit smooth the colours of this one.
    height = (last // _MCU + 2) * _MCU
    if height >= image.size[1] or image.info.get("progressive"):
        return data
    length = 8 + 3 * len(jpeg.layer)
    frame = length.to_bytes(2, "big") + b"\x08" + image.size[1].to_bytes(2, "big")
    frame += image.size[0].to_bytes(2, "big") + bytes([len(jpeg.layer)])
    at = data.find(b"\xff\xc0" + frame)
    if at < 0 or data.find(b"\xff\xc0" + frame, at + 1) >= 0:
        return data
    return data[: at + 5] + height.to_bytes(2, "big") + data[at + 7 :]
