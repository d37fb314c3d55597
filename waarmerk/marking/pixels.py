"""The pixels of an image that somebody hands over as an array or a PIL image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waarmerk.errors import InputError, UnsupportedInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from waarmerk.marking.picture import Pixels

__all__ = ["pixels_to_mark", "pixels_to_search"]


def pixels_to_mark(image: object) -> tuple[Pixels, Callable[[Pixels], object]]:
    """Return the pixels of an image, and how to make the same kind of image of marked ones."""
    import numpy as np

    if isinstance(image, np.ndarray):
        return _checked(image), np.asarray
    pil = _as_pil(image)
    if pil.mode not in ("L", "LA", "RGB", "RGBA"):
        raise UnsupportedInputError(
            f"a PIL image of mode {pil.mode} cannot be marked without changing its mode; "
            "convert it to L, LA, RGB or RGBA first"
        )
    if getattr(pil, "is_animated", False):
        raise UnsupportedInputError("an animated PIL image cannot be marked; give single frames")
    pixels = np.asarray(pil)
    alpha = pixels[:, :, 1] if pil.mode == "LA" else None

    def rebuild(content: Pixels) -> Image.Image:
        from PIL import Image

        if alpha is not None:
            content = np.dstack([content, alpha])
        marked = Image.frombytes(pil.mode, pil.size, np.ascontiguousarray(content).tobytes())
        marked.info = dict(pil.info)
        return marked

    return (np.ascontiguousarray(pixels[:, :, 0]) if alpha is not None else pixels), rebuild


def pixels_to_search(image: object) -> Pixels:
    """Return pixels to look for a mark in; here an image may be of any mode."""
    import numpy as np

    if isinstance(image, np.ndarray):
        return _checked(image)
    pil = _as_pil(image)
    if pil.mode.startswith("I") or pil.mode == "F":
        raise UnsupportedInputError(
            f"a PIL image of mode {pil.mode} has no 8-bit pixels; convert it first"
        )
    if pil.mode == "LA":
        pil = pil.getchannel("L")
    elif pil.mode not in ("L", "RGB", "RGBA"):
        pil = pil.convert("RGB")
    return np.asarray(pil)


def _as_pil(image: object) -> Image.Image:
    from PIL import Image

    if isinstance(image, Image.Image):
        return image
    raise InputError(f"an image is a NumPy array or a PIL image, not {type(image).__name__}")


def _checked(array: NDArray[Any]) -> Pixels:
    if array.dtype != "uint8":
        raise InputError(f"pixels are uint8, from 0 to 255, not {array.dtype}")
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise InputError(
            f"a picture has the shape (height, width), (height, width, 3) or (height, width, 4), "
            f"not {array.shape}"
        )
    if not array.size:
        raise InputError(f"a picture of shape {array.shape} has no pixels")
    return array
