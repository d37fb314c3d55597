"""What the verdict makes of files with copied marks.

A picture of the forger's own gets a watermark, estimated from one work by marked minus original and
laid on at 38 dB, or the public lines alone as one work shows them; and manifests that do not belong
to it, in every way that costs no key of others. docs/verdict.md says what the verdict should be;
rows hold both.

Files are PNG: pixels are exact, and the manifest is one chunk, which is cut out and put in whole.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from waarmerk.bench.integrity.collect import LINES, Group, Settings, gather, victim_id, victim_key
from waarmerk.bench.integrity.image import Pictures
from waarmerk.bench.integrity.signal import within
from waarmerk.bench.rows import Row
from waarmerk.errors import CannotMarkError, InputError

if TYPE_CHECKING:
    from waarmerk.detection.report import DetectionReport
    from waarmerk.marking.signer import Signer

__all__ = ["CASES", "cases", "expected", "measure"]

BOUND = 38.0
_SIGNATURE, _MANIFEST = b"\x89PNG\r\n\x1a\n", b"caBX"
REASON = "benchmark of copied marks"


@dataclass(frozen=True, slots=True)
class _Files:
    """What a forger has: the victim's marked file, a picture of his own, and both put together."""

    folder: Path
    own: np.ndarray
    forged: np.ndarray
    lines: np.ndarray
    victim: Path
    signer: Signer


class _Case(NamedTuple):
    """How a file is made, and its verdict by docs/verdict.md: watermark found, or not."""

    make: Callable[[_Files], Path]
    found: str
    lost: str


def _save(path: Path, rgb: np.ndarray) -> Path:
    Image.fromarray(rgb).save(path)
    return path


def manifest_chunk(path: Path) -> bytes:
    """Return the chunk of a PNG that holds its manifest, with length and checksum."""
    data = path.read_bytes()
    at = len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if data[at + 4 : at + 8] == _MANIFEST:
            return data[at:end]
        at = end
    raise InputError(f"{path.name}: has no manifest; was it signed?")


def _with_chunk(path: Path, rgb: np.ndarray, chunk: bytes) -> Path:
    """Write a picture with a manifest that was made for another one."""
    data = _save(path, rgb).read_bytes()
    head = len(_SIGNATURE) + 25  # the header is the first chunk, of 13 bytes
    path.write_bytes(data[:head] + chunk + data[head:])
    return path


def _watermark_alone(files: _Files) -> Path:
    return _save(files.folder / "watermark_alone.png", files.forged)


def _lines_alone(files: _Files) -> Path:
    return _save(files.folder / "lines_alone.png", files.lines)


def _own_manifest_left(files: _Files) -> Path:
    target = files.folder / "own_manifest_left.png"
    _signed(files, files.own, target)
    return _with_chunk(target, files.forged, manifest_chunk(target))


def _both_copied(files: _Files) -> Path:
    target = files.folder / "both_copied.png"
    return _with_chunk(target, files.forged, manifest_chunk(files.victim))


def _manifest_alone(files: _Files) -> Path:
    target = files.folder / "manifest_alone.png"
    return _with_chunk(target, files.own, manifest_chunk(files.victim))


def _signed_anew(files: _Files) -> Path:
    target = files.folder / "signed_anew.png"
    _signed(files, files.forged, target)
    return target


def _signed(files: _Files, rgb: np.ndarray, target: Path) -> None:
    """Sign a manifest that says generated and names no watermark, as the forger can."""
    from waarmerk import mark_file

    source = _save(files.folder / f"source_of_{target.name}", rgb)
    mark_file(source, target, signer=files.signer, no_watermark=REASON)


CASES: dict[str, _Case] = {
    "watermark copied, no manifest": _Case(_watermark_alone, "generated", "none_found"),
    "public lines copied, no manifest": _Case(_lines_alone, "marked", "none_found"),
    "watermark copied, own manifest left": _Case(
        _own_manifest_left, "inconsistent (moved)", "inconsistent (broken)"
    ),
    "watermark and manifest copied": _Case(
        _both_copied, "inconsistent (moved)", "inconsistent (broken)"
    ),
    "manifest copied": _Case(_manifest_alone, "inconsistent (broken)", "inconsistent (broken)"),
    "watermark copied, signed anew as generated": _Case(_signed_anew, "generated", "generated"),
}
"""What a forger does."""


def expected(case: str, found: bool) -> str:
    """Return the verdict that docs/verdict.md has for a case.

    >>> expected("watermark and manifest copied", True)
    'inconsistent (moved)'
    """
    return CASES[case].found if found else CASES[case].lost


def cases(settings: Settings) -> Iterator[list[Row]]:
    """Yield what names the rows of every call of `measure`: one list for a picture."""
    signal = Pictures()
    for content in signal.targets(settings):
        yield [
            {"suite": "image", "scheme": signal.scheme, "test": "file", "what": "forged"}
            | {"content": content.name, "strength": BOUND, "case": case}
            for case in CASES
        ]


def measure(settings: Settings, names: list[Row]) -> list[Row]:
    """Return the rows of one picture."""
    from waarmerk import Signer, detect_file, mark_file
    from waarmerk.marking.certificate import make_test_chain

    signal = Pictures()
    [content] = [c for c in signal.targets(settings) if c.name == names[0]["content"]]
    patterns, _ = gather(signal, settings, "random", Group(0, 0, 1))
    own = signal.load(content)
    forged = within(signal, own, patterns["difference"], BOUND)
    lines = within(signal, own, signal.drawn(patterns[LINES]), BOUND)
    chain = make_test_chain()
    signer = Signer.from_pem(chain.chain, chain.key)
    key, sent = victim_key("image"), victim_id("image", "random", 0)
    rows = []
    with tempfile.TemporaryDirectory(prefix="waarmerk-integrity-") as temporary:
        folder = Path(temporary)
        victim = folder / "victim.png"
        source = _save(folder / "source.png", signal.work(settings, 0, 0))
        try:
            mark_file(source, victim, key, signer=signer, mark_id=sent)
        except CannotMarkError as error:
            return [name | {"status": "refused", "reason": str(error)} for name in names]
        files = _Files(folder, own, forged, lines, victim, signer)
        for name in names:
            path = CASES[name["case"]].make(files)
            report = detect_file(path, keys=[key], trust=[chain.root])
            rows.append(name | _described(report, name["case"], str(sent)))
    return rows


def _described(report: DetectionReport, case: str, sent: str) -> Row:
    from waarmerk import WatermarkFinding

    marks = [f for f in report.findings if isinstance(f, WatermarkFinding) and f.found]
    read = marks[0].mark_id if marks else None
    verdict = report.verdict + (f" ({report.conflict})" if report.conflict else "")
    return {
        "status": "ok",
        "found": bool(marks),
        "payload": sent,
        "read": None if read is None else str(read),
        "verdict": verdict,
        "expected": expected(case, bool(marks)),
        "basis": list(report.basis),
    }
