"""Speed as ratios, measured side by side in one run on one thread.

``python -m benchmarks.throughput --data DIR --out results/throughput.jsonl``

Contestants of one comparison take turns, so that whatever else the machine does hits all of them;
the figures are medians of CPU seconds of this process (all its threads), with wall seconds beside
them. Compared are, on pictures of the folder 1024: the detector's fast path, its full search on
unmarked and on rotated pictures, and marking, each against Pillow decoding the same picture from a
JPEG of quality 90; on 12mp: a JPEG file to its verdict against Pillow fully decoding that file;
each further key against the first; and start-up times, in processes of their own. Everything is
compiled and called once before the first timing.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.run_images import warm_up
from waarmerk.bench.content.pictures import pictures
from waarmerk.bench.guard_cases import Call, jpeg
from waarmerk.bench.guard_times import take_turns
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.processes import run
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.transformations.image import apply
from waarmerk.cores import ONE_THREAD

FURTHER_KEYS = 10
STARTS = {
    "python": "pass",
    "import waarmerk": "import waarmerk",
    "waarmerk --help": "import waarmerk.cli as c; c.run(['--help'])",
    "import numpy": "import numpy",
    "first detection": (
        "import numpy as np, waarmerk as w; "
        "w.detect_image(np.random.default_rng(1).integers(0, 255, (512, 512, 3), np.uint8), "
        "keys=[w.MarkingKey.generate()])"
    ),
}


def decode(data: bytes) -> Call:
    """Return the reference: Pillow's full decode, without a conversion to an array."""
    return lambda: Image.open(io.BytesIO(data)).load()


def rows_of(
    group: str, picture: str, times: dict[str, tuple[float, float]], reference: str
) -> list[Row]:
    """Return one row per call; the ratio is CPU seconds over those of the reference."""
    return [
        {
            "group": group,
            "picture": picture,
            "what": name,
            "cpu_ms": round(1e3 * cpu, 3),
            "wall_ms": round(1e3 * wall, 3),
            "ratio": round(cpu / times[reference][0], 4),
            "reference": reference,
        }
        for name, (cpu, wall) in times.items()
    ]


def one_megapixel(rgb: np.ndarray, name: str, rounds: int) -> list[Row]:
    """Compare marking and detection of an array with decoding it."""
    from waarmerk import detect_image, mark_image
    from waarmerk.marking.image import embed_array

    key, other = bench_key("throughput"), bench_key("throughput", "other")
    mark_id = bench_id("throughput", name)
    marked = mark_image(rgb, key, mark_id=mark_id).content
    cropped = apply("rotate_5_crop", marked, "throughput", name)
    calls: dict[str, Call] = {
        "decode (Pillow, JPEG 90)": decode(jpeg(marked)),
        "detect fast, marked": lambda: detect_image(marked, keys=[key], effort="fast"),
        "detect fast, not marked": lambda: detect_image(marked, keys=[other], effort="fast"),
        "detect full, rotated and cropped": lambda: detect_image(cropped, keys=[key]),
        "detect full, not marked": lambda: detect_image(marked, keys=[other]),
        "mark with self-check": lambda: mark_image(rgb, key, mark_id=mark_id),
        "mark without self-check": lambda: embed_array(
            rgb, key, mark_id, detect=lambda _: (mark_id, -99.0)
        ),
    }
    times = take_turns(calls, rounds)
    return rows_of("1 MP", name, times, "decode (Pillow, JPEG 90)")


def file_to_verdict(rgb: np.ndarray, name: str, rounds: int) -> list[Row]:
    """Compare a 12-megapixel JPEG file's verdict with Pillow's full decode of the file."""
    from waarmerk import detect_file, detect_image, mark_image

    key = bench_key("throughput")
    mark_id = bench_id("throughput", name)
    marked = mark_image(rgb, key, mark_id=mark_id).content
    with tempfile.TemporaryDirectory() as folder:
        file, unmarked = Path(folder, "marked.jpg"), Path(folder, "unmarked.jpg")
        file.write_bytes(jpeg(marked))
        unmarked.write_bytes(jpeg(rgb))
        calls: dict[str, Call] = {
            "full decode (Pillow)": lambda: Image.open(file).load(),
            "file to verdict, marked": lambda: detect_file(file, keys=[key]),
            "file to verdict, not marked": lambda: detect_file(unmarked, keys=[key]),
            "file to verdict, not marked, fast": lambda: detect_file(
                unmarked, keys=[key], effort="fast"
            ),
            "detect the array, fast": lambda: detect_image(marked, keys=[key], effort="fast"),
            "mark the array with self-check": lambda: mark_image(rgb, key, mark_id=mark_id),
        }
        times = take_turns(calls, rounds)
    return rows_of("12 MP", name, times, "full decode (Pillow)")


def further_keys(rgb: np.ndarray, name: str, rounds: int) -> list[Row]:
    """Return the share of the first key's cost that each further key adds."""
    from waarmerk import detect_image

    keys = [bench_key("throughput", "further", index) for index in range(FURTHER_KEYS + 1)]
    rows: list[Row] = []
    for effort in ("fast", "full"):
        one, many = f"1 key, {effort}", f"{len(keys)} keys, {effort}"
        calls: dict[str, Call] = {
            one: lambda effort=effort: detect_image(rgb, keys=keys[:1], effort=effort),
            many: lambda effort=effort: detect_image(rgb, keys=keys, effort=effort),
        }
        times = take_turns(calls, rounds)
        fresh = rows_of("keys", name, times, one)
        share = (times[many][0] / times[one][0] - 1) / FURTHER_KEYS
        fresh[-1]["each_further_key"] = round(share, 4)
        rows += fresh
    return rows


def start_up(rounds: int) -> list[Row]:
    """Return CPU and wall seconds of fresh processes; the kernels' cache is warm."""
    times: dict[str, tuple[float, float]] = {}
    for name, code in STARTS.items():
        values = []
        for _ in range(rounds + 1):
            done = run(sys.executable, "-c", code)
            if done.code:
                raise SystemExit(f"{name} failed: {done.errors[-500:]}")
            values.append((done.cpu, done.wall))
        # The first one may have to compile or to read files for the first time.
        cpus, walls = zip(*values[1:], strict=True)
        times[name] = (statistics.median(cpus), statistics.median(walls))
    return rows_of("start-up", "", times, "python")


def on_one_thread(module: str) -> None:
    """Start this program over with one thread for every library, unless it has that already."""
    if any(os.environ.get(name) != "1" for name in ONE_THREAD):
        # BLAS and Numba read these when they load, which happened above.
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        again = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execv(sys.executable, again)  # noqa: S606 - this very program, with its own arguments


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/throughput.jsonl"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pictures", type=int, default=4, help="of the folder 1024")
    options = parser.parse_args()
    on_one_thread("benchmarks.throughput")
    options.out.unlink(missing_ok=True)  # a comparison of half an old and half a new run is none
    out = ResultFile(options.out, ("group", "picture", "what"), {"rounds": options.rounds})
    warm_up()
    large = pictures(options.data, "1024")[: options.pictures]
    for picture in large:
        out.append(one_megapixel(picture.load(), picture.name, options.rounds))
    out.append(further_keys(large[0].load(), large[0].name, options.rounds))
    for picture in pictures(options.data, "12mp"):
        out.append(file_to_verdict(picture.load(), picture.name, max(3, options.rounds // 3)))
    out.append(start_up(max(3, options.rounds // 3)))
    for row in out.rows:
        print(
            f"{row['group']:9} {row['picture']:13} {row['what']:36} {row['cpu_ms']:10.1f} ms CPU "
            f"{row['wall_ms']:10.1f} ms wall {row['ratio']:8.2f}x "
            + (f"each further key {row['each_further_key']:.1%}" if len(row) > 7 else "")
        )


if __name__ == "__main__":
    main()
