"""Measures the readers of other systems' public watermarks.

``python -m benchmarks.others --data DIR --peer-python PATH --out results/others.jsonl``

``PATH`` is the Python of the peers' environment (README.md), of which invisible-watermark is used.
Rows of part

* ``unmarked`` count, for one unmarked picture after one change, how many of its random crops reach
  log10 p of -1, -2, ... for every message, and hold the lowest value. Nothing there is marked, so
  the share at -k must not exceed 10^-k. Halves: ``tuning`` (512-more), ``reporting`` (512, 1024,
  12mp) and ``rendered`` (flat graphics, stripes, walls, noise). The bound follows from how the
  evidence is built and has nothing in it that could be tuned. Only the limit of 10^-6 from which a
  mark is reported was chosen, and when it was, the rows of a first run had been seen, those of the
  reporting half among them: that half is not blind.
* ``marked`` say how sure the reader is of a picture that the package itself has marked, as each
  program hands pictures over, after each kind of saving; ``library`` is the share of bits that the
  package's own decoder reads right from the same 8-bit file.
* ``equal`` compare the bits that the reader takes from a picture with those of the package's
  decoder, given floats (``float``, ``swapped``) or 8-bit pixels.

Without ``--peer-python`` only the first part is measured.
"""

import argparse
import io
import json
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image
from scipy.stats import beta

from waarmerk.bench.content import graphics
from waarmerk.bench.content.pictures import pictures
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.image import apply
from waarmerk.detection.others.imwatermark import FOUND, MARKS, block_values, evidence

FIELDS = ("part", "folder", "picture", "change", "system", "reading")
HALVES = {"512-more": "tuning", "512": "reporting", "1024": "reporting", "12mp": "reporting"}
CHANGES = ("identity", "jpeg_90", "jpeg_70", "webp_80", "resize_0.75", "resize_2", "mirror")
SAVED = {
    "PNG": None,
    "JPEG 95, 4:4:4": (95, 0),
    "JPEG 95": (95, 2),
    "JPEG 90, 4:4:4": (90, 0),
    "JPEG 90": (90, 2),
    "JPEG 75, 4:4:4": (75, 0),
    "JPEG 75": (75, 2),
}
DEPTHS = tuple(range(-1, -10, -1))
_WORKER = Path(__file__).with_name("others_worker.py")


class Library:
    """invisible-watermark, in a process of its own."""

    def __init__(self, python: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="others-")
        self._process = subprocess.Popen(
            [python, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def ask(self, rgb: np.ndarray | None = None, **request: Any) -> dict[str, Any]:
        """Hand over a picture and a request; return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if rgb is not None:
            np.save(self._file("in"), rgb)
        request |= {"input": self._file("in"), "output": self._file("out")}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the library's process ended; run others_worker.py by hand")
        return json.loads(line)  # type: ignore[no-any-return]

    def _file(self, name: str) -> str:
        return str(Path(self._folder.name) / f"{name}.npy")

    def write(self, rgb: np.ndarray, bits: str, reading: str) -> np.ndarray:
        """Return the picture with the message."""
        self.ask(rgb, do="write", bits=bits, reading=reading)
        return np.load(self._file("out"))


def sources(
    data: Path,
) -> Iterator[tuple[str, str, str, Callable[[], np.ndarray], tuple[str, ...]]]:
    """Yield half, folder, name, loader and changes of everything that is unmarked."""
    for folder, half in HALVES.items():
        changes = CHANGES if folder in ("512-more", "512") else ("identity", "jpeg_90")
        for picture in pictures(data, folder):
            yield half, folder, picture.name, picture.load, changes
    for name in graphics.names():
        yield "rendered", "graphics", name, lambda name=name: graphics.render(name), ("identity",)
    for name, make in rendered().items():
        yield "rendered", "synthetic", name, make, ("identity",)


def rendered() -> dict[str, Callable[[], np.ndarray]]:
    """Return what could fool a counter of blocks: stripes and walls of its own periods, noise."""

    def stripes(period: int) -> np.ndarray:
        wave = np.sin(2 * np.pi * np.arange(768) / period)
        colour = np.stack([128 - 60 * wave, np.full(768, 128.0), 128 + 90 * wave], axis=-1)
        return np.rint(np.broadcast_to(colour, (768, 768, 3))).astype(np.uint8)

    def wall(side: int) -> np.ndarray:
        tile = rng_for("wall", side).integers(0, 256, (side, side, 3), dtype=np.uint8)
        return np.tile(tile, (768 // side + 1, 768 // side + 1, 1))[:768, :768].copy()

    def noise(sigma: int) -> np.ndarray:
        values = rng_for("noise", sigma).normal(128, sigma, (768, 768, 3))
        return np.rint(values).clip(0, 255).astype(np.uint8)

    out: dict[str, Callable[[], np.ndarray]] = {}
    for period in (16, 64, 128, 256, 384, 512):
        out[f"stripes {period}"] = lambda period=period: stripes(period)
    for side in (64, 128, 256, 384):
        out[f"wall {side}"] = lambda side=side: wall(side)
    for sigma in (1, 10, 60):
        out[f"noise {sigma}"] = lambda sigma=sigma: noise(sigma)
    return out


def crops(rgb: np.ndarray, number: int, name: str) -> Iterator[np.ndarray]:
    """Yield the picture and random parts of it, with 256 to 768 pixels a side.

    Half of the widths are multiples of 128, at which the bits of the messages stand in columns.
    """
    rng = rng_for("crops", name)
    height, width = rgb.shape[:2]
    yield rgb
    for index in range(number - 1):
        sides = [int(rng.integers(256, min(side, 768) + 1)) for side in (height, width)]
        if index % 2:
            sides[1] = sides[1] // 128 * 128
        top, left = (
            int(rng.integers(side - s + 1)) for side, s in zip((height, width), sides, strict=True)
        )
        yield rgb[top : top + sides[0], left : left + sides[1]]


def unmarked(rgb: np.ndarray, number: int, name: str) -> Row:
    """Return the counts of one picture after one change."""
    counts = {mark.system: [0] * len(DEPTHS) for mark in MARKS}
    lowest = {mark.system: 0.0 for mark in MARKS}
    total = 0
    for part in crops(rgb, number, name):
        total += 1
        for mark, value in evidence(part).items():
            lowest[mark.system] = min(lowest[mark.system], round(value, 3))
            for index, depth in enumerate(DEPTHS):
                counts[mark.system][index] += value <= depth
    return {"crops": total, "counts": counts, "lowest": lowest}


def saved(rgb: np.ndarray, how: tuple[int, int] | None) -> np.ndarray:
    """Return the pixels after saving as JPEG (quality, subsampling), or the same."""
    if how is None:
        return rgb
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=how[0], subsampling=how[1])
    return np.array(Image.open(buffer))


def bits_of(rgb: np.ndarray, reading: str, length: int) -> str:
    """Return the bits that the reader's values stand for, as the package counts votes."""
    first, values = block_values(rgb)
    assert first == 0
    votes = values[reading] % 36 > 18  # type: ignore[index]
    place = np.arange(len(votes)) % length
    means = np.bincount(place, votes, length) / np.bincount(place, minlength=length)
    return "".join(str(int(mean * 255 > 127)) for mean in means)


def marked(library: Library, rgb: np.ndarray, name: Row) -> Iterator[Row]:
    """Yield the rows of one picture that the package marks and that the reader reads."""
    for mark in MARKS:
        for reading in mark.readings:
            written = library.write(rgb, mark.bits, reading)
            for change, how in SAVED.items():
                file = saved(written, how)
                order = "swapped" if reading == "swapped" else "8 bit"
                given = file[..., ::-1].copy() if order == "swapped" else file
                read = library.ask(given, do="read", length=len(mark.bits), reading="8 bit")["bits"]
                yield {
                    "part": "marked",
                    **name,
                    "change": change,
                    "system": mark.system,
                    "reading": reading,
                    "log10_p": round(evidence(file)[mark], 3),
                    "library": float(
                        np.mean([a == b for a, b in zip(read, mark.bits, strict=True)])
                    ),
                }


def equal(library: Library, rgb: np.ndarray, name: Row) -> Iterator[Row]:
    """Yield how many bits of an unmarked picture differ from those of the package's decoder."""
    for reading in ("float", "swapped", "8 bit"):
        wrong = total = 0
        for length in sorted({len(mark.bits) for mark in MARKS}):
            theirs = library.ask(rgb, do="read", length=length, reading=reading)["bits"]
            ours = bits_of(rgb, reading, length)
            wrong += sum(a != b for a, b in zip(theirs, ours, strict=True))
            total += length
        yield {"part": "equal", **name, "change": "", "system": "", "reading": reading,
               "bits": total, "different": wrong}  # fmt: skip


def summary(rows: list[Row]) -> None:
    """Print what the rows come to."""
    for half in ("tuning", "reporting", "rendered"):
        group = [row for row in rows if row["part"] == "unmarked" and row["half"] == half]
        if not group:
            continue
        total = sum(row["crops"] for row in group)
        names = {(row["folder"], row["picture"]) for row in group}
        print(f"{half}: {total} crops of {len(names)} pictures")
        for mark in MARKS:
            counts = np.sum([row["counts"][mark.system] for row in group], axis=0)
            lowest = min(row["lowest"][mark.system] for row in group)
            print(f"  {mark.system}: at -1, -2, ... {counts.tolist()}, lowest {lowest}")
        below = sum(min(row["lowest"].values()) <= FOUND for row in group)
        upper = beta.ppf(0.95, 1, total) if not below else float("nan")
        print(f"  pictures and changes with any find: {below}; if none, upper limit {upper:.1e}")
    found = [row for row in rows if row["part"] == "marked"]
    for mark in MARKS:
        for reading in mark.readings:
            for change in SAVED:
                group = [
                    row
                    for row in found
                    if (row["system"], row["reading"], row["change"])
                    == (mark.system, reading, change)
                ]
                if group:
                    hits = sum(row["log10_p"] <= FOUND for row in group)
                    library = sum(row["library"] >= 1 for row in group)
                    print(f"{mark.system}, {reading}, {change}: found {hits} of {len(group)}; "
                          f"whole message by the library's decoder {library}")  # fmt: skip
    for reading in ("float", "swapped", "8 bit"):
        group = [row for row in rows if row["part"] == "equal" and row["reading"] == reading]
        if group:
            different = sum(row["different"] for row in group)
            print(f"equal, {reading}: {different} of {sum(row['bits'] for row in group)} differ")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", help="Python with invisible-watermark")
    parser.add_argument("--out", type=Path, default=Path("results/others.jsonl"))
    parser.add_argument("--crops", type=int, default=240, help="of each picture and change")
    options = parser.parse_args()
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    out = ResultFile(options.out, FIELDS, {"crops": options.crops}, medium="public marks")
    for half, folder, picture, load, changes in sources(options.data):
        name = {"folder": folder, "picture": picture}
        for change in changes:
            row = {"part": "unmarked", **name, "change": change, "half": half}
            if {**row, "system": None, "reading": None} not in out:
                where = f"{folder}/{picture}/{change}"
                # Of a folder with few pictures, more crops.
                number = options.crops * (4 if folder == "512" else 1)
                out.append([row | unmarked(apply(change, load(), where), number, where)])
                print(where, flush=True)
    if options.peer_python:
        with Library(options.peer_python) as library:
            out.append([{"part": "library", "versions": library.ask(do="versions")}])
            for half, folder, picture, load, _ in sources(options.data):
                name = {"folder": folder, "picture": picture, "half": half}
                if folder in ("512", "1024", "512-more"):
                    done = any(r["part"] == "equal" and r["picture"] == picture
                               and r["folder"] == folder for r in out.rows)  # fmt: skip
                    if not done:
                        rgb = load()
                        if folder != "512-more":
                            out.append(marked(library, rgb, name))
                        if folder != "1024":
                            out.append(equal(library, rgb, name))
                        print(folder, picture, flush=True)
    summary(out.rows)


if __name__ == "__main__":
    main()
