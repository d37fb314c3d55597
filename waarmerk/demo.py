"""The demo: marks real pictures, damages them as the world does, and looks for the marks again.

Everything is done with files, as a user would do it, in a temporary folder that is removed at the
end. No network, nothing left behind.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    from waarmerk.detection.report import DetectionReport
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.signer import Signer

__all__ = ["DemoResult", "run"]

PICTURES = ("lake.jpg", "pebbles.jpg", "sea.webp")


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that happens to pictures: what it is called, and what it makes of one."""

    name: str
    apply: Callable[[Image.Image], Image.Image]
    suffix: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How the demo went.

    Parameters
    ----------
    tried, found
        How many marked pictures were looked at, and in how many the right mark id was read.
    false_alarms
        In how many pictures without our mark one was found all the same.
    seconds
        How long it took.
    """

    tried: int
    found: int
    false_alarms: int
    seconds: float


def run(echo: Callable[[str], None]) -> DemoResult:
    """Run the demo; every line of its output goes to `echo`."""
    from waarmerk.marking.certificate import write_test_chain
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.signer import Signer

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="waarmerk-demo-") as name:
        folder = Path(name)
        key = MarkingKey.generate()
        key.save(folder / "key.json")
        chain = write_test_chain(folder / "key.json")
        signer = Signer.from_files(chain.chain, chain.key)
        echo(f"Made a secret key ({key.key_id}) and a test certificate.")
        echo("")
        echo(
            "Marking, with a watermark and a signed manifest (the first use compiles; wait a bit):"
        )
        marked = [_mark(_picture(name, folder), folder, key, signer, echo) for name in PICTURES]
        echo("")
        echo("Looking for the marks again, with the key and the certificate's root:")
        _row(echo, "what happened to the file", "verdict", "p-value", "mark id", "manifest")
        tried = found = 0
        for path, mark_id in marked:
            echo(f"  {path.name}")
            changes = _changed(path, folder)
            for what, changed in changes:
                report = _detect(changed, key, chain.root)
                tried += 1
                found += _show(echo, what, report, mark_id)
        # A file that lost its manifest, or that would tell whoever has no key.
        alarms = _without_our_mark(changes[1][1], folder, key, echo)
    seconds = time.perf_counter() - start
    echo("")
    echo(f"The right id was read in {found} of {tried} marked pictures, and {alarms} of 4 pictures")
    echo("without our mark raised a false alarm. Editing threw the manifest away and not the")
    echo("watermark: hence two layers. A p-value is a bound on the probability that a picture")
    echo("without this mark scores as high; it holds for any picture. Where no mark is found, that")
    echo("says nothing about who or what made the picture.")
    echo(f"This took {seconds:.0f} seconds. Nothing was kept.")
    return DemoResult(tried, found, alarms, seconds)


def _picture(name: str, folder: Path) -> Path:
    # Out of the package, which need not be a folder.
    path = folder / "original" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(resources.files("waarmerk").joinpath("demo_data", name).read_bytes())
    return path


def _mark(
    original: Path, folder: Path, key: MarkingKey, signer: Signer, echo: Callable[[str], None]
) -> tuple[Path, str]:
    from waarmerk.api import mark_file

    target = folder / original.name
    start = time.perf_counter()
    report = mark_file(original, target, key, signer=signer)
    seconds = time.perf_counter() - start
    echo(
        f"  {original.name:<12} {report.width} x {report.height:<5} "
        f"id {report.watermark.mark_id.hex}  {report.watermark.psnr:.1f} dB PSNR  {seconds:.1f} s"
    )
    return target, report.watermark.mark_id.hex


def _changed(path: Path, folder: Path) -> list[tuple[str, Path]]:
    from PIL import Image

    out = [("nothing: as it was written", path)]
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    for i, damage in enumerate(_damages()):
        changed = folder / f"{path.stem}-{i}{damage.suffix}"
        damage.apply(image).save(changed, **damage.options)
        out.append((damage.name, changed))
    return out


def _damages() -> tuple[Damage, ...]:
    from PIL import Image, ImageOps

    def scaled(image: Image.Image, factor: float) -> Image.Image:
        size = (round(image.width * factor), round(image.height * factor))
        return image.resize(size, Image.Resampling.LANCZOS)

    def cropped(image: Image.Image, area: float) -> Image.Image:
        # Off centre, so that nothing lines up by chance.
        w, h = round(image.width * area**0.5), round(image.height * area**0.5)
        x, y = (image.width - w) * 2 // 3, (image.height - h) // 4
        return image.crop((x, y, x + w, y + h))

    def turned(image: Image.Image, degrees: float) -> Image.Image:
        return image.rotate(degrees, Image.Resampling.BICUBIC)

    def passed_on(image: Image.Image) -> Image.Image:
        return scaled(cropped(image, 0.75), 0.8)

    def same(image: Image.Image) -> Image.Image:
        return image

    return (
        Damage("saved as JPEG, quality 50", same, ".jpg", {"quality": 50}),
        Damage("60 % size, WebP quality 80", lambda i: scaled(i, 0.6), ".webp", {"quality": 80}),
        Damage("cropped to half, JPEG 90", lambda i: cropped(i, 0.5), ".jpg", {"quality": 90}),
        Damage("turned by 5 degrees, PNG", lambda i: turned(i, 5), ".png", {}),
        Damage("mirrored, JPEG 80", ImageOps.mirror, ".jpg", {"quality": 80}),
        Damage("cropped, 80 % size, JPEG 70", passed_on, ".jpg", {"quality": 70}),
    )


def _detect(path: Path, key: MarkingKey, root: Path) -> DetectionReport:
    from waarmerk.detection.file import detect_file

    return detect_file(path, key, (root,))


def _without_our_mark(
    bare: Path, folder: Path, key: MarkingKey, echo: Callable[[str], None]
) -> int:
    from waarmerk.detection.file import detect_file
    from waarmerk.marking.key import MarkingKey

    echo("  without our mark")
    alarms = 0
    for name in PICTURES:
        report = detect_file(folder / "original" / name, key)
        alarms += report.findings[0].status == "found"
        _show(echo, f"{name}, never marked", report, None)
    report = detect_file(bare, MarkingKey.generate())
    alarms += report.findings[0].status == "found"
    _show(echo, "marked, looked at with another key", report, None)
    return alarms


def _show(
    echo: Callable[[str], None], what: str, report: DetectionReport, mark_id: str | None
) -> bool:
    """Print one row; return whether the right id was read."""
    from waarmerk.detection.finding import ManifestFinding, WatermarkFinding

    watermark = next(f for f in report.findings if isinstance(f, WatermarkFinding))
    manifest = next(f for f in report.findings if isinstance(f, ManifestFinding))
    read = None if watermark.mark_id is None else watermark.mark_id.hex
    right = mark_id is not None and watermark.found and read == mark_id
    bound = "-"
    if watermark.found and watermark.log10_p is not None:
        bound = f"<= 1e{int(watermark.log10_p)}"
    id_says = "-" if mark_id is None or not watermark.found else "right" if right else "not read"
    verdict = report.verdict.replace("_", " ")
    _row(echo, f"  {what}", verdict, bound, id_says, manifest.status)
    return right


def _row(echo: Callable[[str], None], *cells: str) -> None:
    widths = (36, 12, 11, 9, 0)
    echo("  " + " ".join(f"{c:<{w}}" for c, w in zip(cells, widths, strict=True)).rstrip())
