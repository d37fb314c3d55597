"""The functions that programs call: marking and detection of pictures, sounds and texts.

This and :mod:`waarmerk.files` are the only places that know both sides. Marking checks its own work
with the detector, but must not import it; so the detector is handed over here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from waarmerk.marking.job import require_in_use, settled_mark_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.detection.text import TextFindings
    from waarmerk.marking.job import Listen, Listener
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.report import WatermarkLayer
    from waarmerk.marking.text.scheme import TextScheme

    Pixels = NDArray[np.uint8]
    Samples = NDArray[np.float32] | NDArray[np.int16]

__all__ = [
    "Marked",
    "detect_audio",
    "detect_image",
    "detect_text",
    "detect_texts",
    "listen_for",
    "mark_audio",
    "mark_image",
    "self_check",
    "warm",
]

_HEARD_AT_ONCE = 31  # seconds: just more than the detector looks at in one piece

Content = TypeVar("Content")
ImageLike = TypeVar("ImageLike", "NDArray[np.uint8]", "Image.Image")
SoundLike = TypeVar("SoundLike", "NDArray[np.float32]", "NDArray[np.int16]")


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
    from waarmerk.marking.pixels import pixels_to_mark
    from waarmerk.marking.report import WatermarkLayer

    require_in_use(key)
    mark_id = settled_mark_id(mark_id, kind)
    pixels, rebuild = pixels_to_mark(image)
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
    from waarmerk.marking.pixels import pixels_to_search

    return find_watermark(pixels_to_search(image), as_keys(keys), effort)


def mark_audio(
    samples: SoundLike,
    sample_rate: int,
    key: MarkingKey,
    *,
    mark_id: MarkId | None = None,
    kind: Kind | None = None,
) -> Marked[SoundLike]:
    """Lay a watermark on a recording. The array given stays as it is.

    Parameters
    ----------
    samples
        float32 (full scale 1.0) or int16, [n] or [n, channels] with up to 32 channels.
    sample_rate
        8000 to 192000, in Hz.
    key
        The key that will find the mark again.
    mark_id
        What the mark says; a new random one when left out.
    kind
        ``"generated"`` (the default) or ``"altered"``; with a `mark_id` it must be that of the id.

    Returns
    -------
    Marked
        ``content`` has the type, the shape and the levels of what was given.

    Raises
    ------
    InputError
        If the array is of another type or shape, or holds values that are not numbers.
    CannotMarkError
        If the sound cannot hold a mark: too short, silent.
    KeyFileError
        If the key was retired.

    Notes
    -----
    This is one layer. A file gets both, watermark and signed manifest, from :func:`mark_file`.
    Sound that comes bit by bit is marked by :class:`waarmerk.AudioMarker`.
    """
    from waarmerk.marking.audio import embed_samples
    from waarmerk.marking.audio.scheme import SCHEME
    from waarmerk.marking.report import WatermarkLayer

    require_in_use(key)
    mark_id = settled_mark_id(mark_id, kind)

    def read_back(content: Samples) -> tuple[MarkId | None, float, bool]:
        from waarmerk.marking.sound_pipe import Ear

        ear = Ear(listen_for(key)(sample_rate, 1 if content.ndim == 1 else content.shape[1]))
        for start in range(0, len(content), _HEARD_AT_ONCE * sample_rate):
            ear.feed(content[start : start + _HEARD_AT_ONCE * sample_rate])
        seen = ear.finish()
        return seen.mark_id, seen.log10_p or 0.0, seen.found

    embedded = embed_samples(samples, sample_rate, key, mark_id, detect=read_back)
    layer = WatermarkLayer(
        SCHEME.name, key.key_id, mark_id, None, embedded.log10_p, snr=embedded.snr
    )
    return Marked(content=cast("SoundLike", embedded.content), mark_id=mark_id, report=layer)


def detect_audio(
    samples: Samples,
    sample_rate: int,
    keys: Iterable[MarkingKey] | MarkingKey,
    *,
    effort: Effort = "full",
) -> WatermarkFinding:
    """Look for the watermark of some keys in a recording.

    Parameters
    ----------
    samples, sample_rate
        As of :func:`mark_audio`.
    keys
        The keys to try; each is paid for in the p-value.
    effort
        ``"full"`` searches changed speed, tempo and pitch where the first look finds nothing.

    Returns
    -------
    WatermarkFinding
        Its p-value holds for any sound. Without keys its status is ``not_checked``.

    Raises
    ------
    InputError
        If the array is not such a sound.

    Notes
    -----
    Sound that comes bit by bit is examined by :class:`waarmerk.AudioDetector`.
    """
    from waarmerk.detection.file import as_keys, find_sound_watermark

    return find_sound_watermark(samples, sample_rate, as_keys(keys), effort)


def detect_text(
    text: Any,
    schemes: Iterable[TextScheme] | TextScheme,
    *,
    tokenizer: Any = None,
    min_tokens: int = 200,
    threshold: float = 1e-5,
) -> WatermarkFinding:
    """Look for token watermarks in a text.

    Parameters
    ----------
    text
        Token ids, int [n], or raw text (str) with a `tokenizer`. Hidden characters that hold a
        C2PA manifest are left out of raw text.
    schemes
        The schemes to look for, with their keys: `SynthID`, `KGW`, `Gumbel`, `TextMark` from
        `waarmerk.marking.text`. Each is paid for in the p-value.
    tokenizer
        That of the model: anything with `encode`, or what `waarmerk.detection.text.tokenizers`
        loads from a file.
    min_tokens
        A shorter text is not looked at, and the finding says so. 0 looks at any.
    threshold
        The p-value from which on a mark counts as found.

    Returns
    -------
    WatermarkFinding
        The best of the schemes. ``log10_p`` has paid for schemes and windows;
        ``tokens_scored`` is how many tokens were counted, repetitions once; ``segments`` are the
        passages that carry the mark.

    Raises
    ------
    InputError
        If the ids are not token ids, or raw text comes without a tokenizer.

    Notes
    -----
    The p-value of `TextMark` holds for any text. Those of the published schemes hold for text that
    was not chosen with knowledge of their keys, some of which are public (docs/marks/text.md).
    """
    from waarmerk.detection.text import detect_ids, detect_raw

    if isinstance(text, str):
        return detect_raw(text, schemes, tokenizer, min_tokens=min_tokens, threshold=threshold)
    return detect_ids(text, schemes, min_tokens=min_tokens, threshold=threshold)


def detect_texts(
    texts: Any,
    schemes: Iterable[TextScheme] | TextScheme,
    *,
    min_tokens: int = 200,
    threshold: float = 1e-5,
    workers: int | None = None,
) -> TextFindings:
    """Look for token watermarks in many texts at once, over all cores.

    Parameters
    ----------
    texts
        Ragged: a sequence of rows of token ids, a pair ``(ids [n], offsets [texts + 1])``, or an
        Arrow list array.
    schemes, min_tokens, threshold
        As of :func:`detect_text`.
    workers
        How many threads; one for every core when left out.

    Returns
    -------
    TextFindings
        One row for every text, as columns; ``finding(row)`` gives what :func:`detect_text` gives.

    Raises
    ------
    InputError
        If one of the texts does not consist of token ids.
    """
    from waarmerk.detection.text import detect_many

    return detect_many(texts, schemes, min_tokens=min_tokens, threshold=threshold, workers=workers)


def warm() -> float:
    """Compile every kernel that marking and detection use; the result is kept for later processes.

    Returns
    -------
    float
        Seconds that it took.
    """
    from waarmerk.warming import warm_all

    return warm_all()


def self_check(key: MarkingKey) -> Callable[[Pixels], WatermarkFinding]:
    """Return what looks for the mark of a key in a picture, as it was laid."""
    from waarmerk.detection.image import detect_array

    def detect(array: Pixels) -> WatermarkFinding:
        return detect_array(array, (key,), "fast")

    return detect


def listen_for(key: MarkingKey) -> Listen:
    """Return what begins to listen for the mark of a key."""

    def listen(sample_rate: int, channels: int) -> Listener:
        from waarmerk.detection.audio import AudioDetector

        # Whoever marks a file listens to all of a short one, and else to half a minute at once.
        return AudioDetector(sample_rate, channels, (key,), effort="fast", early=False)

    return listen


def _read_back(key: MarkingKey) -> Callable[[Pixels], tuple[MarkId | None, float]]:
    detect = self_check(key)

    def read(array: Pixels) -> tuple[MarkId | None, float]:
        finding = detect(array)
        return finding.mark_id, finding.log10_p or 0.0

    return read
