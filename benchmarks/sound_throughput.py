"""Speed of the audio mark on one thread, as times real time, and the memory of one-hour files.

``python -m benchmarks.sound_throughput --data DIR --out results/sound_throughput.jsonl``

Contestants of one comparison take turns, as in `benchmarks.throughput`; the figures are medians of
CPU seconds of the calling thread, everything compiled and called once before. `ratio` is CPU
seconds over those of the reference, `real_time` the seconds of sound over CPU seconds. Measured at
16 kHz mono (speech of the half, joined, 60 s) and 44.1 kHz stereo (music, joined, 60 s): decoding
the same MP3 by soundfile and by librosa, detection, marking, streams, further keys, and files from
end to end. Memory is the peak of a process of its own that does nothing else.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.run_sound import warm_up
from benchmarks.throughput import FURTHER_KEYS, Call, on_one_thread, rows_of, take_turns
from waarmerk.bench.content.sounds import pieces
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.processes import run, use_one_core
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.transformations.audio import apply_sound
from waarmerk.bench.transformations.sound_codecs import mono, resample

SECONDS = 60
FORMATS = {"16 kHz mono": ("speech", 16000, 1), "44.1 kHz stereo": ("music", 44100, 2)}
BLOCK = 1024  # samples of a block of a stream
HOUR = 3600
FIELDS = ("group", "picture", "what")
# Linux hands a new process the peak of the one that started it as its ru_maxrss; VmHWM is its own.
PEAK = """
import pathlib, re, resource, sys
import waarmerk as w
{call}
status = pathlib.Path("/proc/self/status")
if status.exists():
    print(int(re.search(r"VmHWM:\\s*([0-9]+) kB", status.read_text())[1]) // 1024)
else:
    unit = 1 << (20 if sys.platform == "darwin" else 10)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)
"""
KEY = "w.MarkingKey(bytes(range(32)), created='2026-01-01T00:00:00Z')"
PEAKS = {
    "import waarmerk": "",
    "detect_file, short file": "w.detect_file({short!r}, keys=[{key}])",
    "mark_file, one hour": "w.mark_file({hour!r}, {out!r}, {key}, no_manifest='benchmark')",
    "detect_file, one hour, marked": "w.detect_file({out!r}, keys=[{key}])",
    "detect_file, one hour, not marked": "w.detect_file({hour!r}, keys=[{key}])",
}


def material(data: Path, half: str, kind: str, rate: int, channels: int) -> np.ndarray:
    """Return a minute of joined pieces of a kind, repeated where there is less."""
    parts = []
    for piece in pieces(data, half):
        if piece.kind == kind:
            samples, own = piece.load()
            one = resample(mono(samples) if channels == 1 else samples, own, rate)
            parts.append(np.repeat(one, channels // one.shape[1], axis=1))
    joined = np.concatenate(parts)
    return np.resize(joined, (SECONDS * rate, channels))


def in_blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the blocks of a stream."""
    for start in range(0, len(samples), BLOCK):
        yield samples[start : start + BLOCK]


def arrays(name: str, sound: np.ndarray, rate: int, folder: Path, rounds: int) -> list[Row]:
    """Compare marking and detecting arrays and streams with decoding the same sound."""
    import librosa

    from waarmerk import detect_audio, mark_audio
    from waarmerk.detection.audio import AudioDetector
    from waarmerk.marking.audio import AudioMarker

    key, other = bench_key("throughput"), bench_key("throughput", "other")
    mark_id = bench_id("throughput", name)
    marked = mark_audio(sound, rate, key, mark_id=mark_id).content
    stretched, _ = apply_sound("stretch_1.05", marked, rate, "throughput")
    mp3 = folder / f"{rate}.mp3"
    soundfile.write(mp3, marked, rate, format="MP3")

    def mark_stream() -> None:
        marker = AudioMarker(rate, sound.shape[1], key, mark_id)
        for block in in_blocks(sound):
            marker.process(block)
        marker.finish()

    def detect_stream(wanted: object) -> None:
        detector = AudioDetector(rate, marked.shape[1], [wanted])
        for block in in_blocks(marked):
            if detector.feed(block) is not None:
                break
        detector.finish()

    keys = [key, *(bench_key("throughput", index) for index in range(FURTHER_KEYS))]
    one, many = "detect full, not marked", f"detect full, not marked, {FURTHER_KEYS + 1} keys"
    calls: dict[str, Call] = {
        "decode MP3, soundfile": lambda: soundfile.read(mp3, dtype="float32"),
        "decode MP3, librosa": lambda: librosa.load(mp3, sr=None, mono=False),
        "detect fast, marked": lambda: detect_audio(marked, rate, keys=[key], effort="fast"),
        "detect fast, not marked": lambda: detect_audio(sound, rate, keys=[key], effort="fast"),
        "detect full, marked": lambda: detect_audio(marked, rate, keys=[key]),
        "detect full, marked, tempo 1.05": lambda: detect_audio(stretched, rate, keys=[key]),
        one: lambda: detect_audio(sound, rate, keys=[key]),
        many: lambda: detect_audio(sound, rate, keys=keys),
        "detect stream, marked": lambda: detect_stream(key),
        "detect stream, not marked": lambda: detect_stream(other),
        "mark with self-check": lambda: mark_audio(sound, rate, key, mark_id=mark_id),
        f"mark stream, blocks of {BLOCK}": mark_stream,
    }
    times = take_turns(calls, rounds, time.thread_time)
    rows = in_real_time(rows_of(name, "", times, "decode MP3, soundfile"))
    each = (times[many][0] / times[one][0] - 1) / FURTHER_KEYS
    next(row for row in rows if row["what"] == many)["each_further_key"] = round(each, 4)
    return rows


def in_real_time(rows: list[Row], seconds: float = SECONDS) -> list[Row]:
    """Add how many seconds of sound go through in a second."""
    for row in rows:
        row["real_time"] = round(1000 * seconds / row["cpu_ms"], 1)
    return rows


def files(name: str, sound: np.ndarray, rate: int, folder: Path, rounds: int) -> list[Row]:
    """Time files from end to end, signed by nobody."""
    from waarmerk import detect_file, mark_file

    key, other = bench_key("throughput"), bench_key("throughput", "other")
    rows = []
    for suffix in ("wav", "mp3", "flac"):
        source, target = folder / f"{rate}-in.{suffix}", folder / f"{rate}-out.{suffix}"
        soundfile.write(source, sound, rate)

        def mark(source: Path = source, target: Path = target) -> None:
            mark_file(source, target, key, no_manifest="benchmark", overwrite=True)

        mark()
        calls: dict[str, Call] = {
            f"read {suffix} (soundfile)": lambda f=source: soundfile.read(f, dtype="float32"),
            f"mark_file, {suffix}": mark,
            f"detect_file, {suffix}, marked": lambda f=target: detect_file(f, keys=[key]),
            f"detect_file, {suffix}, not marked": lambda f=source: detect_file(f, keys=[other]),
        }
        # Whole processes: a file may be read or written by a thread of its own.
        times = take_turns(calls, rounds)
        rows += rows_of(f"{name}, files", "", times, f"read {suffix} (soundfile)")
    return in_real_time(rows)


def memory(name: str, sound: np.ndarray, rate: int, folder: Path) -> list[Row]:
    """Return the peak memory of processes that mark and detect a file of one hour."""
    short, hour, out = (str(folder / f"{rate}-{n}.flac") for n in ("short", "hour", "marked"))
    soundfile.write(short, sound, rate)
    with soundfile.SoundFile(hour, "w", rate, sound.shape[1], "PCM_16") as file:
        for _ in range(HOUR // SECONDS):
            file.write(sound)
    rows = []
    for what, call in PEAKS.items():
        code = PEAK.format(call=call.format(short=short, hour=hour, out=out, key=KEY))
        done = run(sys.executable, "-c", code)
        if done.code:
            raise SystemExit(f"{what} failed: {done.errors[-500:]}")
        rows.append(
            {
                "group": f"{name}, memory",
                "picture": "",
                "what": what,
                "megabytes": int(done.output),
                "cpu_ms": round(1e3 * done.cpu, 1),
                "wall_ms": round(1e3 * done.wall, 1),
            }
        )
    for path in (short, hour, out):
        Path(path).unlink()
    return rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=["tuning", "reporting", "both"], default="tuning")
    parser.add_argument("--out", type=Path, default=Path("results/sound_throughput.jsonl"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-memory", action="store_true", help="leave out the one-hour files")
    options = parser.parse_args()
    on_one_thread("benchmarks.sound_throughput")
    use_one_core()
    options.out.unlink(missing_ok=True)  # a comparison of half an old and half a new run is none
    out = ResultFile(options.out, FIELDS, {"rounds": options.rounds}, medium="audio")
    warm_up()
    for name, (kind, rate, channels) in FORMATS.items():
        sound = material(options.data, options.half, kind, rate, channels)
        with tempfile.TemporaryDirectory(prefix="sound-") as folder:
            out.append(arrays(name, sound, rate, Path(folder), options.rounds))
            out.append(files(name, sound, rate, Path(folder), max(3, options.rounds // 2)))
            if not options.no_memory:
                out.append(memory(name, sound, rate, Path(folder)))
    for row in out.rows:
        print(
            f"{row['group']:25} {row['what']:42} {row['cpu_ms']:9.1f} ms CPU "
            f"{row.get('real_time', 0):8.1f} x real time {row.get('megabytes', 0):5} MB"
        )


if __name__ == "__main__":
    main()
