"""How long a small, unmarked JPEG takes beyond its decoding, and which reader takes it.

``python -m benchmarks.provenance_speed --data DIR --out results/provenance_speed.jsonl``

Pictures of the folder 1024 are cut to 640 x 480 and 1024 x 768 and saved as JPEG with colours at
half size (quality 75 and 90). In one process on one thread, everything called once before, they go
by turns through: Pillow's full decoding to an RGB array (``decode``); `detect_bytes` without a key
and with one (``fast``, ``full``); and each reader by itself. Figures are medians in milliseconds
of CPU (all threads); ``beyond`` is what a call takes more than the decoding. The promise is at most
10 ms beyond it without a key, by which is meant every reader that needs none.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.provenance_report import speed_kept, speed_table
from benchmarks.throughput import on_one_thread
from waarmerk.bench.content.pictures import pictures
from waarmerk.bench.processes import use_one_core
from waarmerk.bench.rows import ResultFile, Row

SIZES = ((640, 480), (1024, 768))
QUALITIES = (75, 90)
Call = Callable[[], object]


def small(rgb: np.ndarray, width: int, height: int, quality: int) -> bytes:
    """Return the middle of a picture as a JPEG file of that size."""
    image = Image.fromarray(rgb)
    ratio = max(width / image.width, height / image.height)
    image = image.resize((round(image.width * ratio), round(image.height * ratio)))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    buffer = io.BytesIO()
    image.crop((left, top, left + width, top + height)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def calls(data: bytes) -> dict[str, Call]:
    """Return what is timed, by name."""
    from waarmerk.bench.marks import bench_key
    from waarmerk.detection.file import detect_bytes
    from waarmerk.detection.labels import labels_in_pixels, read_labels
    from waarmerk.detection.manifest import read_manifest
    from waarmerk.detection.others import public_marks
    from waarmerk.marking.picture import open_for_detection

    key = bench_key("provenance speed")
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    alpha = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return {
        "decode": lambda: np.asarray(Image.open(io.BytesIO(data)).convert("RGB")),
        "detect, no key": lambda: detect_bytes(data, "a.jpg").as_dict(),
        "detect, one key, fast": lambda: detect_bytes(data, "a.jpg", key, effort="fast").as_dict(),
        "detect, one key, full": lambda: detect_bytes(data, "a.jpg", key).as_dict(),
        "reader: decoding for our mark": lambda: open_for_detection(data, "a.jpg"),
        "reader: manifest": lambda: read_manifest(data, "image/jpeg"),
        "reader: labels": lambda: read_labels(data, "image/jpeg"),
        "reader: public marks": lambda: public_marks(pixels),
        "reader: text in pixels (not in JPEG)": lambda: labels_in_pixels(alpha),
    }


def take_turns(todo: dict[str, Call], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of CPU (all threads) of every call."""
    times: dict[str, list[float]] = {name: [] for name in todo}
    for call in todo.values():
        call()
    for turn in range(rounds):
        for name, call in todo.items():
            if name.endswith("full") and turn % 5:
                continue
            start = time.process_time()
            call()
            times[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def measured(data: Path, rounds: int) -> list[Row]:
    """Return a row for every picture, size, quality and call."""
    rows: list[Row] = []
    for picture in pictures(data, "1024"):
        for width, height in SIZES:
            for quality in QUALITIES:
                file = small(picture.load(), width, height, quality)
                times = take_turns(calls(file), rounds)
                rows += [
                    {
                        "picture": picture.name,
                        "size": f"{width} x {height}",
                        "quality": quality,
                        "what": name,
                        "ms": round(value, 3),
                        "beyond_ms": round(value - times["decode"], 3),
                    }
                    for name, value in times.items()
                ]
                print(picture.name, width, quality, f"{rows[-8]['beyond_ms']:.1f} ms", flush=True)
    return rows


def main() -> int:
    """Run from the command line; return 1 if the promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/provenance_speed.jsonl"))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    on_one_thread("benchmarks.provenance_speed")
    use_one_core()
    options.out.unlink(missing_ok=True)  # a comparison of half an old and half a new run is none
    out = ResultFile(
        options.out,
        ("picture", "size", "quality", "what"),
        {"rounds": options.rounds},
        medium="whole",
    )
    out.append(measured(options.data, options.rounds))
    print(speed_table(out.rows))
    kept, said = speed_kept(out.rows)
    print(said)
    return int(not kept)


if __name__ == "__main__":
    raise SystemExit(main())
