"""Everything that reads bytes from strangers, each under a name, to be given damaged ones.

A reader may return or raise a WaarmerkError in one line; anything else is a find.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from waarmerk import MarkingKey, detect_file
from waarmerk.detection.file import detect_bytes
from waarmerk.errors import WaarmerkError

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
MEDIA_TYPES = (
    *("image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff", "image/gif"),
    *("image/heic", "image/jxl", "image/svg+xml", "audio/wav", "audio/mpeg", "audio/flac"),
    *("audio/mp4", "audio/ogg", "video/mp4", "video/quicktime", "video/x-msvideo"),
    *("application/pdf", "text/plain", "text/markdown", "text/html", "application/octet-stream"),
)

Read = Callable[[Path, bytes, random.Random], object]
Readers = dict[str, tuple[int, Read, tuple[str, ...]]]


def _type_of(path: Path, rng: random.Random) -> str:
    from waarmerk.marking.source import identify

    if rng.random() < 0.3:
        return rng.choice(MEDIA_TYPES)
    try:
        return identify(path).media_type
    except WaarmerkError:
        return rng.choice(MEDIA_TYPES)


def _detect(path: Path, data: bytes, rng: random.Random) -> object:
    report = detect_file(path)
    return report.as_dict(), str(report)


def _detect_bytes(path: Path, data: bytes, rng: random.Random) -> object:
    return detect_bytes(data, path.name).as_dict()


def _detect_with_key(path: Path, data: bytes, rng: random.Random) -> object:
    return detect_file(path, KEY, effort="fast").as_dict()


def _manifest(path: Path, data: bytes, rng: random.Random) -> object:
    from waarmerk.detection.manifest import read_manifest

    return read_manifest(data, _type_of(path, rng)).as_dict()


def _beside(path: Path, data: bytes, rng: random.Random) -> object:
    """Read the damaged file as a manifest that lies beside a good one."""
    from waarmerk.detection.manifest import read_manifest

    return read_manifest(b"Some words.", "text/plain", sidecar=data).as_dict()


def _pixels(path: Path, data: bytes, rng: random.Random) -> object:
    """Read marks in pixels made of the bytes of the file, whatever they are."""
    from waarmerk.detection.labels import labels_in_pixels
    from waarmerk.detection.others import public_marks

    values = np.resize(np.frombuffer(data or b"\0", np.uint8), 256 * 256 * 4).reshape(256, 256, 4)
    for pixels in (values, values[..., :3].copy(), values[..., 0].copy(), _stealthy(data)):
        labels_in_pixels(pixels)
    return public_marks(values[..., :3])


def _stealthy(data: bytes) -> NDArray[np.uint8]:
    """Return pixels whose alpha begins as NovelAI's does and goes on with the bytes of the file."""
    bits = np.unpackbits(np.frombuffer((b"stealth_pngcomp" + data)[:1000], np.uint8))
    alpha = np.full((128, 64), 254, np.uint8)
    alpha.ravel()[: len(bits)] |= bits
    pixels = np.full((64, 128, 4), 90, np.uint8)
    pixels[..., 3] = alpha.T
    return pixels


def _labels(path: Path, data: bytes, rng: random.Random) -> object:
    from waarmerk.detection.labels import read_labels

    found = read_labels(data, _type_of(path, rng))
    return [finding.as_dict() for finding in found]


def _certificates(path: Path, data: bytes, rng: random.Random) -> object:
    from waarmerk.detection.manifest.trust_formats import read_certificates

    return read_certificates(data, path.name, for_time_stamps=rng.random() < 0.5)


def _signed_report(path: Path, data: bytes, rng: random.Random) -> object:
    from waarmerk.detection.signed import verify_report

    return verify_report(data), verify_report(data.decode("latin-1"))


def _profile(path: Path, data: bytes, rng: random.Random) -> object:
    from waarmerk.marking.disclosure import Disclosure

    return Disclosure.from_toml(path)


def _text(path: Path, data: bytes, rng: random.Random) -> object:
    from waarmerk.detection.hidden import hidden_finding
    from waarmerk.marking.text_wrapper import find_wrappers

    text = data.decode("utf-8", "surrogateescape" if rng.random() < 0.1 else "replace")
    return hidden_finding(text).as_dict(), find_wrappers(text)


def readers() -> Readers:
    """Return every reader by name: how often it is tried, the function, and which files it likes.

    Those that like only some are given such a file (by the end of its name) four times in five.
    """
    return {
        "detect file": (60, _detect, ()),
        "detect bytes": (8, _detect_bytes, ()),
        "detect with a key": (6, _detect_with_key, ()),
        "manifest": (8, _manifest, ()),
        "manifest beside": (3, _beside, (".c2pa",)),
        "marks in pixels": (2, _pixels, ()),
        "hidden text": (2, _text, (".txt", ".md", ".html")),
        "labels": (9, _labels, ()),
        "trust list": (2, _certificates, (".pem", ".json")),
        "signed report": (2, _signed_report, (".jws",)),
        "profile": (1, _profile, (".toml",)),
    }


def outcome(read: Read, path: Path, data: bytes, rng: random.Random) -> str:
    """Return ``"done"`` or the name of the WaarmerkError; raises what is a find."""
    try:
        read(path, data, rng)
    except WaarmerkError as error:
        message = str(error)
        if not message.isprintable() or len(message) > 600:
            raise AssertionError(f"not a line to show: {message[:700]!r}") from error
        return type(error).__name__
    return "done"
