"""The reference of a scan: Pillow and soundfile alone decode the same files with as many workers.

``python -m benchmarks.scan_decode --workers 2 NAMES`` prints one line of JSON.

A plain pool of processes, one thread for every library, files in chunks. Its clock starts when
every worker has imported everything and has decoded a file, so nothing but decoding is counted;
that of a scan starts with its command. A moving GIF counts as its first frame, as in a scan.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from waarmerk.bench.processes import run
from waarmerk.bench.rows import Row
from waarmerk.bench.workers import one_thread

SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".opus"}
_CHUNK = 16


def decode(path: Path) -> None:
    """Decode a file fully."""
    if path.suffix.lower() in SOUNDS:
        import soundfile

        soundfile.read(path, dtype="float32")
        return
    from PIL import Image

    with Image.open(path) as image:
        image.load()


def timed(path: str) -> tuple[str, float, str]:
    """Decode a file; return its name, the seconds, and what was wrong with it."""
    start = time.perf_counter()
    error = ""
    try:
        decode(Path(path))
    except Exception as problem:  # noqa: BLE001 - a damaged file must not end the others
        error = f"{type(problem).__name__}: {problem}"
    return path, time.perf_counter() - start, error


def begin(ready: "multiprocessing.synchronize.Barrier", one_of_each: list[str]) -> None:
    """Import all decoders, and wait for the other workers."""
    from PIL import AvifImagePlugin, Image

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # otherwise as many as there are cores
    Image.MAX_IMAGE_PIXELS = None  # or it warns
    for path in one_of_each:
        timed(path)
    ready.wait()


def decode_all(paths: list[str], workers: int) -> Row:
    """Decode files; return wall seconds, seconds by file, and errors."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(workers + 1)
    first = list({Path(path).suffix: path for path in paths}.values())
    with one_thread():
        pool = spawn.Pool(workers, begin, (ready, first))
    with pool:
        ready.wait()
        start = time.perf_counter()
        done = list(pool.imap_unordered(timed, paths, _CHUNK))
        wall = time.perf_counter() - start
        pool.close()
        pool.join()
    return {
        "wall": wall,
        "seconds": {path: seconds for path, seconds, _ in done},
        "errors": {path: error for path, _, error in done if error},
    }


def decoded(folder: Path, names: Iterable[str], workers: int) -> Row:
    """Decode files of a folder in processes of their own; the same as `decode_all`, and ``cpu``."""
    listed = folder / "decode.txt"
    listed.write_text("".join(f"{folder / name}\n" for name in names))
    done = run(
        *(sys.executable, "-m", "benchmarks.scan_decode", "--workers", str(workers), str(listed))
    )
    listed.unlink()
    if done.code:
        raise SystemExit(f"decoding failed: {done.errors[-500:]}")
    row: Row = json.loads(done.output)
    row["seconds"] = {
        str(Path(path).relative_to(folder)): value for path, value in row["seconds"].items()
    }
    return {**row, "cpu": done.cpu}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", type=Path, help="a file with a name a line")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(decode_all(options.names.read_text().splitlines(), options.workers)))


if __name__ == "__main__":
    main()
