"""The functions that programs call: marking and detection of arrays, pictures and files.

This is the only place that knows both sides. Marking checks its own work with the detector, but
must not import it; so the detector is handed over here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from waarmerk.errors import InputError, KeyFileError, UnsupportedInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.manifest import Signer
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.report import MarkReport, WatermarkLayer

    Pixels = NDArray[np.uint8]

__all__ = [
    "Marked",
    "detect_image",
    "make_key_files",
    "mark_file",
    "mark_image",
    "warm",
]

Content = TypeVar("Content")
ImageLike = TypeVar("ImageLike", "NDArray[np.uint8]", "Image.Image")


@dataclass(frozen=True, slots=True)
class Marked(Generic[Content]):
    """Marked content, of the same kind as what was given, and what was written into it."""

    content: Content
    mark_id: MarkId
    report: WatermarkLayer


def mark_image(
    image: ImageLike,
    key: MarkingKey,
    *,
    mark_id: MarkId | None = None,
    kind: Kind | None = None,
) -> Marked[ImageLike]:
    """Lay a watermark on a picture. The picture given stays as it is.

    Parameters
    ----------
    image
        uint8[height, width], uint8[height, width, 3] (RGB), uint8[height, width, 4] (RGBA; alpha
        stays untouched), or a PIL image of mode L, LA, RGB or RGBA.
    key
        The key that will find the mark again.
    mark_id
        What the mark says; a new random one when left out.
    kind
        ``"generated"`` (the default) or ``"altered"``; with a `mark_id` it must be that of the id.

    Returns
    -------
    Marked
        ``content`` is of the kind that was given; a PIL image keeps its ``info``.

    Raises
    ------
    InputError
        If the image has another type or shape.
    CannotMarkError
        If the picture cannot hold a mark: too small, too plain.
    KeyFileError
        If the key was retired.

    Notes
    -----
    This is one layer. A file gets both, watermark and signed manifest, from :func:`mark_file`.
    """
    from waarmerk.marking.image import embed_array
    from waarmerk.marking.image.scheme import SCHEME
    from waarmerk.marking.report import WatermarkLayer

    _require_in_use(key)
    mark_id = settled_mark_id(mark_id, kind)
    pixels, rebuild = _pixels_to_mark(image)
    embedded = embed_array(pixels, key, mark_id, detect=_read_back(key))
    return Marked(
        content=cast("ImageLike", rebuild(embedded.content)),
        mark_id=mark_id,
        report=WatermarkLayer(SCHEME.name, key.key_id, mark_id, embedded.psnr, embedded.log10_p),
    )


def detect_image(
    image: NDArray[np.uint8] | Image.Image,
    keys: Iterable[MarkingKey] | MarkingKey,
    *,
    effort: Effort = "full",
) -> WatermarkFinding:
    """Look for the watermark of some keys in a picture.

    Parameters
    ----------
    image
        uint8[height, width], with 3 or 4 channels or none, or a PIL image.
    keys
        The keys to try; each is paid for in the p-value.
    effort
        ``"full"`` searches crops, scales and angles when the first look finds nothing.

    Returns
    -------
    WatermarkFinding
        Its p-value holds for any picture. Without keys its status is ``not_checked``.
    """
    from waarmerk.detection.file import as_keys, find_watermark

    return find_watermark(_pixels_to_search(image), as_keys(keys), effort)


def mark_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    key: MarkingKey,
    *,
    signer: Signer | None = None,
    no_manifest: str | None = None,
    mark_id: MarkId | None = None,
    kind: Kind | None = None,
    quality: int | None = None,
    overwrite: bool = False,
    agent: str | None = None,
    agent_version: str | None = None,
) -> MarkReport:
    """Write a marked copy of a file: a watermark and, signed, a manifest that says the same.

    Parameters
    ----------
    source, target
        The input, and the name of the output; its extension decides the format.
    key
        The key that will find the watermark again.
    signer
        Who signs the manifest.
    no_manifest
        The reason for doing without a manifest, which the report keeps. Without a signer and
        without a reason nothing is written.
    mark_id, kind
        As in :func:`mark_image`.
    quality
        1 to 100, of a JPEG, WebP or AVIF; chosen so that next to nothing is lost when left out.
    overwrite
        Whether an existing output is replaced.
    agent, agent_version
        The AI system that made the content, for the manifest.

    Raises
    ------
    InputError
        If the source cannot be used, or a version is given and no agent.
    CannotMarkError
        If the picture cannot hold a mark.
    KeyFileError
        If the key was retired.
    SigningError
        If a layer is missing without a reason, or signing failed.
    OutputError
        If the target cannot be written.
    """
    from waarmerk.detection.manifest import read_manifest
    from waarmerk.marking.file import mark_file as mark

    _require_in_use(key)
    mark_id = settled_mark_id(mark_id, kind)
    return mark(
        source,
        target,
        key,
        signer=signer,
        no_manifest=no_manifest,
        mark_id=mark_id,
        kind=mark_id.kind,
        detect=_self_check(key),
        read_manifest=read_manifest,
        quality=quality,
        overwrite=overwrite,
        agent=agent,
        agent_version=agent_version,
    )


def make_key_files(
    key_path: str | os.PathLike[str], *, dev_cert: bool = False, overwrite: bool = False
) -> tuple[MarkingKey, Sequence[Path]]:
    """Make a key file and, if asked for, a test certificate beside it: all of them or none.

    Returns
    -------
    key, files
        The new key and the files that were written, the key file first.

    Raises
    ------
    OutputError
        If one of the files exists already (unless `overwrite`) or cannot be written.
    """
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.keyfile import require_new

    key_path = Path(key_path)
    if not overwrite or not key_path.name:
        require_new(key_path)
    key = MarkingKey.generate()
    if not dev_cert:
        key.save(key_path, overwrite=overwrite)
        return key, (key_path,)
    from waarmerk.marking.certificate import write_test_chain

    # The key last: it must never be replaced when something else goes wrong.
    files = write_test_chain(key_path, overwrite=overwrite, also=[key.file(key_path)])
    return key, (key_path, files.chain, files.key, files.root)


def warm() -> float:
    """Compile every kernel that marking and detection use; the result is kept for later processes.

    Returns
    -------
    float
        Seconds that it took.
    """
    import time

    import numpy as np

    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.payload import MarkId

    start = time.perf_counter()
    key = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z")
    # Blotches and grain: much texture, so that it always holds a mark.
    rng = np.random.default_rng(1)
    blotches = np.kron(rng.integers(50, 200, (160, 192, 3)), np.ones((4, 4, 1)))
    blotches = (blotches + np.roll(blotches, (2, 2), (0, 1))) / 2
    grain = rng.normal(0.0, 6.0, blotches.shape)
    picture = np.clip(blotches + grain, 0, 255).astype(np.uint8)
    mark_id = MarkId.from_hex("0123456789abcdef")
    for pixels in (picture, np.ascontiguousarray(picture[:, :, 0])):
        marked = mark_image(pixels, key, mark_id=mark_id).content
        detect_image(marked, key, effort="fast")
        detect_image(np.ascontiguousarray(marked[40:-90, 60:-50]), key)  # found by the search
        detect_image(pixels, key)  # found by nothing
    return time.perf_counter() - start


def settled_mark_id(mark_id: MarkId | None, kind: Kind | None) -> MarkId:
    """Return the id to mark with: the one given, if it is of the kind asked for, or a new one."""
    from waarmerk.marking.payload import MarkId

    if mark_id is None:
        return MarkId.random(kind or "generated")
    if kind is not None and mark_id.kind != kind:
        raise InputError(
            f"mark id {mark_id.hex} says {mark_id.kind} (its first digit), not {kind}; "
            "give another id, or none"
        )
    return mark_id


def _require_in_use(key: MarkingKey) -> None:
    """Raise unless the key may still make new marks."""
    from datetime import UTC, datetime

    if key.retired is not None and datetime.fromisoformat(key.retired) <= datetime.now(UTC):
        raise KeyFileError(
            f"key {key.key_id} was retired on {key.retired[:10]}: it finds old marks and makes no "
            "new ones; use another key"
        )


def _self_check(key: MarkingKey) -> Callable[[Pixels], WatermarkFinding]:
    from waarmerk.detection.image import detect_array

    def detect(array: Pixels) -> WatermarkFinding:
        return detect_array(array, (key,), "fast")

    return detect


def _read_back(key: MarkingKey) -> Callable[[Pixels], tuple[MarkId | None, float]]:
    detect = _self_check(key)

    def read(array: Pixels) -> tuple[MarkId | None, float]:
        finding = detect(array)
        return finding.mark_id, finding.log10_p or 0.0

    return read


def _pixels_to_mark(image: object) -> tuple[Pixels, Callable[[Pixels], object]]:
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


def _pixels_to_search(image: object) -> Pixels:
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
