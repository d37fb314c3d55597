"""The demo: marks pictures, sounds and text, damages them as the world does, and finds the marks.

Pictures and sounds are files, as with a user, in a temporary folder that is removed at the end;
text is written on the spot, see `demo_text`. No network, nothing left behind.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.detection.report import DetectionReport
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.report import MarkReport
    from waarmerk.marking.signer import Signer

__all__ = ["DemoResult", "run"]

PICTURES = ("lake.jpg", "pebbles.jpg", "sea.webp")
SOUNDS = ("tune.flac", "voice.flac")

Content = TypeVar("Content")
Echo = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Damage(Generic[Content]):
    """Something that happens to content: what it is called, and how it makes a new file.

    `save` takes what was in the marked file, and the path of the new one, which ends in `suffix`.
    """

    name: str
    suffix: str
    save: Callable[[Content, Path], None]


@dataclass(frozen=True, slots=True)
class Medium(Generic[Content]):
    """A kind of content: the files that come with the package, and what happens to them."""

    names: tuple[str, ...]
    load: Callable[[Path], Content]
    damages: tuple[Damage[Content], ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples [n] between -1 and 1, and how many of them make a second."""

    samples: NDArray[np.float32]
    rate: int


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How the demo went.

    Parameters
    ----------
    tried, found
        How many marked files and texts were looked at, and in how many the right mark was found:
        in a file, and in a text as it was written, its id as well, if it has one.
    false_alarms
        In how many files and texts without our mark one was found all the same.
    seconds
        How long it took.
    """

    tried: int
    found: int
    false_alarms: int
    seconds: float


def run(echo: Echo) -> DemoResult:
    """Run the demo; every line of its output goes to `echo`."""
    from waarmerk import demo_text
    from waarmerk.marking.certificate import write_test_chain
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.signer import Signer

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="waarmerk-demo-") as temporary:
        folder = Path(temporary)
        key = MarkingKey.generate()
        key.save(folder / "key.json")
        chain = write_test_chain(folder / "key.json")
        signer = Signer.from_files(chain.chain, chain.key)
        media = (_pictures(), _sounds())
        echo(f"Made a secret key ({key.key_id}) and a test certificate.")
        echo("")
        echo(
            "Marking, with a watermark and a signed manifest (the first use compiles; wait a bit):"
        )
        ids = {
            name: _mark(_original(name, folder), folder, key, signer, echo)
            for medium in media
            for name in medium.names
        }
        echo("")
        echo("Looking for the marks again, with the key and the certificate's root:")
        _row(echo, "what happened to the file", "verdict", "p-value", "mark id", "manifest")
        tried = found = 0
        bare = []
        for medium in media:
            for name in medium.names:
                echo(f"  {name}")
                changes = _changed(folder / name, medium)
                for what, changed in changes:
                    report = _detect(changed, key, chain.root)
                    tried += 1
                    found += _show(echo, what, report, ids[name])
            # A file that lost its manifest, or that would tell whoever has no key.
            bare.append((name, changes[1][1]))
        without, alarms = _without_our_mark(folder / "original", bare, key, echo)
    echo("")
    text = demo_text.run(echo, partial(_row, echo))
    tried, found = tried + text.tried, found + text.found
    without, alarms = without + text.without, alarms + text.false_alarms
    seconds = time.perf_counter() - start
    echo("")
    echo(f"The right mark was found in {found} of {tried} marked files and texts, and {alarms} of")
    echo(f"{without} without our mark raised a false alarm.")
    if found == tried:
        echo("Editing threw the manifest away and not the watermark: hence two layers.")
    echo("A p-value is a bound on the probability that content without this mark scores as high.")
    echo("Where no mark is found, that says nothing about who or what made it.")
    echo(f"This took {seconds:.0f} seconds. Nothing was kept.")
    return DemoResult(tried, found, alarms, seconds)


def _original(name: str, folder: Path) -> Path:
    # Out of the package, which need not be a folder.
    path = folder / "original" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(resources.files("waarmerk").joinpath("demo_data", name).read_bytes())
    return path


def _mark(original: Path, folder: Path, key: MarkingKey, signer: Signer, echo: Echo) -> str:
    """Mark a file into the folder, and return the mark id."""
    from waarmerk.files import mark_file

    start = time.perf_counter()
    report = mark_file(original, folder / original.name, key, signer=signer)
    seconds = time.perf_counter() - start
    mark = report.watermark
    echo(
        f"  {original.name:<12} {_size(report):<14} "
        f"id {mark.mark_id.hex}  {mark.fidelity}  {seconds:.1f} s"
    )
    return mark.mark_id.hex


def _size(report: MarkReport) -> str:
    if report.duration is None or report.sample_rate is None:
        return f"{report.width} x {report.height}"
    return f"{report.duration:.1f} s, {report.sample_rate // 1000} kHz"


def _changed(path: Path, medium: Medium[Any]) -> list[tuple[str, Path]]:
    out = [("nothing: as it was written", path)]
    content = medium.load(path)
    for i, damage in enumerate(medium.damages):
        changed = path.with_name(f"{path.stem}-{i}{damage.suffix}")
        damage.save(content, changed)
        out.append((damage.name, changed))
    return out


def _pictures() -> Medium[Image.Image]:
    from PIL import Image, ImageOps

    Change = Callable[[Image.Image], Image.Image]

    def load(path: Path) -> Image.Image:
        with Image.open(path) as opened:
            return opened.convert("RGB")

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

    def damage(name: str, change: Change, suffix: str, **options: Any) -> Damage[Image.Image]:
        def save(image: Image.Image, path: Path) -> None:
            change(image).save(path, **options)

        return Damage(name, suffix, save)

    return Medium(
        PICTURES,
        load,
        (
            damage("saved as JPEG, quality 50", same, ".jpg", quality=50),
            damage("60 % size, WebP quality 80", lambda i: scaled(i, 0.6), ".webp", quality=80),
            damage("cropped to half, JPEG 90", lambda i: cropped(i, 0.5), ".jpg", quality=90),
            damage("turned by 5 degrees, PNG", lambda i: turned(i, 5), ".png"),
            damage("mirrored, JPEG 80", ImageOps.mirror, ".jpg", quality=80),
            damage("cropped, 80 % size, JPEG 70", passed_on, ".jpg", quality=70),
        ),
    )


def _sounds() -> Medium[Sound]:
    import soundfile
    import soxr

    from waarmerk.marking import formats
    from waarmerk.marking.sound_encode import Plan, open_writer

    def load(path: Path) -> Sound:
        samples, rate = soundfile.read(path, dtype="float32")
        return Sound(samples, rate)

    def encoded(sound: Sound, path: Path, name: str, bits: int) -> None:
        how = Plan(formats.SOUNDS[name], sound.rate, 1, "float32", lossless=False, bits=bits)
        writer = open_writer(path, how)
        writer.write(sound.samples[:, None])
        writer.close()

    def middle(sound: Sound, path: Path, seconds: int) -> None:
        length = seconds * sound.rate
        start = (len(sound.samples) - length) // 2
        soundfile.write(path, sound.samples[start : start + length], sound.rate)

    def faster(sound: Sound, path: Path, speed: float) -> None:
        # Fewer samples at the same rate: it ends earlier, and all is higher.
        samples = soxr.resample(sound.samples, sound.rate * speed, sound.rate)
        soundfile.write(path, samples, sound.rate)

    def telephoned(sound: Sound, path: Path) -> None:
        samples = soxr.resample(sound.samples, sound.rate, 8000)
        soundfile.write(path, samples, 8000, subtype="ULAW")

    return Medium(
        SOUNDS,
        load,
        (
            Damage("MP3, 64 kbit/s", ".mp3", partial(encoded, name="MP3", bits=64_000)),
            Damage("Opus, 16 kbit/s", ".opus", partial(encoded, name="OPUS", bits=16_000)),
            Damage("its middle 3 seconds, WAV", ".wav", partial(middle, seconds=3)),
            Damage("played 5 % faster, FLAC", ".flac", partial(faster, speed=1.05)),
            Damage("as by telephone, 8 kHz mu-law WAV", ".wav", telephoned),
        ),
    )


def _detect(path: Path, key: MarkingKey, *roots: Path) -> DetectionReport:
    from waarmerk.detection.file import detect_file

    return detect_file(path, key, roots)


def _without_our_mark(
    originals: Path, marked: list[tuple[str, Path]], key: MarkingKey, echo: Echo
) -> tuple[int, int]:
    """Look at files without the mark of the key; return how many there are, and false alarms."""
    from waarmerk.marking.key import MarkingKey

    echo("  without our mark")
    other = MarkingKey.generate()
    reports = [
        *((f"{n}, never marked", _detect(originals / n, key)) for n in PICTURES + SOUNDS),
        *((f"{n}, with another key", _detect(path, other)) for n, path in marked),
    ]
    for what, report in reports:
        _show(echo, what, report, None)
    return len(reports), sum(_watermark(report).found for _, report in reports)


def _watermark(report: DetectionReport) -> WatermarkFinding:
    from waarmerk.detection.finding import WatermarkFinding

    return next(f for f in report.findings if isinstance(f, WatermarkFinding))


def _show(echo: Echo, what: str, report: DetectionReport, mark_id: str | None) -> bool:
    """Print one row; return whether the right id was read."""
    from waarmerk.detection.finding import ManifestFinding

    watermark = _watermark(report)
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


def _row(echo: Echo, *cells: str) -> None:
    widths = (36, 12, 11, 9, 0)
    echo("  " + " ".join(f"{c:<{w}}" for c, w in zip(cells, widths, strict=True)).rstrip())
