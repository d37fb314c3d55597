"""How much memory it takes to mark and to examine files of 400 MB.

``python -m benchmarks.provenance_memory --out results/provenance_memory.jsonl [FORMAT...]``

Every step runs in a process of its own. A row holds the peak of its resident memory, less what the
process had after everything was imported and a small file of the same format was done. Up to three
times the size is needed in ``--folder``. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.provenance_report import memory_table
from waarmerk.bench.rows import ResultFile, Row

FORMATS = ("MP4", "MOV", "M4A", "AVI", "WAV", "WAV with watermark", "FLAC", "MP3", "WEBM", "OGG")
FORMATS += ("PDF", "TIFF", "GIF", "SVG", "DOCX", "anything")
WHY = "a measurement of memory"


def small(folder: Path, name: str) -> Path:
    """Make a small file of a format."""
    from tests import rendered_files, rendered_sound

    folder.mkdir(parents=True, exist_ok=True)
    if name == "WAV with watermark":
        return rendered_sound.file(folder / "a.wav", "WAV", rendered_sound.melody(8.0))
    return rendered_files.file(folder, name)


def large(folder: Path, name: str, size: int) -> Path:
    """Make a large file of a format: what is added holds no sense, and is stored all the same."""
    from tests import rendered_files

    path = small(folder, name)
    data = path.read_bytes()
    noise = os.urandom(1 << 20)
    if name == "WAV with watermark":  # which noise alone could not carry
        noise = data[-(1 << 17) :] * 8
    if name == "PDF":
        path.write_bytes(rendered_files.pdf(body=b"\n% " + noise.hex().encode() * (size >> 21)))
        return path
    if name == "SVG":
        path.write_bytes(data.replace(b"</svg>", b"<!--" + b"x" * size + b"--></svg>"))
        return path
    before, after = _around(name, data, size)
    with path.open("wb") as file:
        file.write(before)
        for _ in range(size // len(noise)):
            file.write(noise)
        file.write(bytes(size % len(noise)))
        file.write(after)
    return path


def _around(name: str, data: bytes, size: int) -> tuple[bytes, bytes]:
    """Return what of a file stands in front of what is added, and behind it."""
    if name in ("MP4", "MOV", "M4A"):
        return data + struct.pack(">I4s", size + 8, b"mdat"), b""
    if name.startswith("WAV"):
        at = data.find(b"data") + 8
        start = struct.pack("<I", at + size - 8)
        return data[:4] + start + data[8 : at - 4] + struct.pack("<I", size), b""
    if name == "AVI":
        total = struct.pack("<I", len(data) + size)
        return data[:4] + total + data[8:] + b"JUNK" + struct.pack("<I", size), b""
    return data, b""


def step(what: str, name: str, path: Path, folder: Path) -> None:
    """Mark or examine a file, and print what that took."""
    import resource

    from waarmerk import MarkingKey, detect_file
    from waarmerk.errors import WaarmerkError
    from waarmerk.files import mark_file
    from waarmerk.marking.certificate import make_test_chain
    from waarmerk.marking.signer import Signer

    chain = make_test_chain()
    key = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
    signer = Signer.from_pem(chain.chain, chain.key)
    keyed = name == "WAV with watermark"

    def done(source: Path) -> str:
        if what == "detect":
            return str(detect_file(source, key if keyed else ()).manifests[0].status)
        target = folder / f"marked-{source.stat().st_size}{source.suffix}"
        reason = None if keyed or name in ("PDF", "DOCX") else WHY
        given = key if keyed else None
        report = mark_file(source, target, given, signer=signer, no_watermark=reason)
        return "embedded" if report.manifest.sidecar is None else "beside"

    def peak() -> float:
        # Not ru_maxrss where there is better: that begins with the peak of the parent process.
        status = Path("/proc/self/status")
        if status.exists():
            lines = status.read_text("ascii", "replace").splitlines()
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    with contextlib.suppress(WaarmerkError):
        done(small(folder / f"small-{what}", name))
    before, start = peak(), time.perf_counter()
    try:
        result = done(path)
    except WaarmerkError as error:
        result = str(error)[:150]
    seconds = time.perf_counter() - start
    print(json.dumps({"mb": round(peak() - before), "seconds": round(seconds, 1), "is": result}))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", default=FORMATS)
    parser.add_argument("--mb", type=int, default=400)
    parser.add_argument("--folder", type=Path, help="for the files; the usual one by default")
    parser.add_argument("--out", type=Path, default=Path("results/provenance_memory.jsonl"))
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.step[0], options.formats[0], Path(options.step[1]), options.folder)
        return
    out = ResultFile(options.out, ("format",), {"mb": options.mb}, medium="whole")
    for row in list(out.missing({"format": name} for name in options.formats)):
        out.append([row | {"size_mb": options.mb} | measured(row["format"], options)])
        print(out.rows[-1], flush=True)
    print(memory_table(out.rows))


def measured(name: str, options: argparse.Namespace) -> Row:
    """Return what it takes to mark a large file of a format, and to examine the result."""
    folder = Path(tempfile.mkdtemp(prefix="waarmerk-memory-", dir=options.folder))
    try:
        path = large(folder / "large", name, options.mb * 1_000_000)
        marked = run("mark", name, path, folder)
        found = sorted(folder.glob("marked-*"), key=lambda p: p.stat().st_size)
        return {"mark": marked, "detect": run("detect", name, found[-1] if found else path, folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(what: str, name: str, path: Path, folder: Path) -> Row:
    """Run a step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.provenance_memory", name]
    command += ["--folder", str(folder), "--step", what, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.splitlines() or ["nothing was said"])[-1]
        return {"mb": "-", "seconds": "-", "is": f"ended with {done.returncode}: {last}"}
    return dict(json.loads(lines[-1]))


if __name__ == "__main__":
    main()
