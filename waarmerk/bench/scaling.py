"""How cost grows: with megapixels, minutes, tokens, keys and workers, on rendered content.

Figures are CPU seconds of one thread, everything compiled and called once before; of workers, wall
seconds. `ratio` is that to the reference, which takes turns with what is measured: decoding the
same content, sorting the same ids, or the same with one key or one worker. A row::

    {"curve": "megapixels", "what": "mark", "x": 1.0, "seconds": 0.05, "ratio": 3.1,
     "reference": "Pillow decodes the JPEG"}
"""

import io
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from waarmerk.bench.content.text_write import scheme_of
from waarmerk.bench.guard_cases import RATE, VOCABULARY, Call, jpeg, noise, rendered
from waarmerk.bench.guard_times import take_turns
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for

__all__ = ["CURVES", "run_scaling", "scaling_series", "scaling_tables"]

CURVES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "megapixels": ((0.25, 0.5, 1, 2, 4, 8, 12, 24), (0.25, 1, 4)),
    "minutes": ((0.25, 1, 4, 15, 60), (0.25, 1, 4)),
    "tokens": ((1e3, 1e4, 1e5, 1e6, 1e7), (1e3, 1e4, 1e5)),
    "keys": ((1, 3, 10, 30, 100), (1, 10)),
    "workers": ((1, 2), (1, 2)),
}
"""Every curve's points, and those of the quick form."""

SCHEMES = ("waarmerk.text.1", "synthid.transformers", "gumbel.vllm", "kgw.lefthash")
SLOW = ("kgw.lefthash",)  # a green list for every token: a hundredth of the tokens will do
MOST_OF_SLOW = 1e5
TEXT = 1000  # tokens of a text
TURNS = 1.0  # seconds that the rounds of a point take, about
PICTURES = {False: 64, True: 24}  # of the curve of workers; fewer in its quick form
_FIELDS = ("curve", "what", "x")


def run_scaling(
    out: Path, quick: bool = False, progress: Callable[[Row], object] = lambda _: None
) -> list[Row]:
    """Measure every point that is not in `out` yet; return all rows.

    Parameters
    ----------
    out : Path
        A result file.
    quick : bool
        Whether to take fewer and smaller points.
    progress : callable
        Gets every new row.

    Raises
    ------
    InputError
        If the file holds rows of other code, or of the other form.
    """
    file = ResultFile(out, _FIELDS, {"quick": quick}, medium="whole")
    done = {(row["curve"], row["x"]) for row in file.rows}
    for curve, points in CURVES.items():
        for x in map(float, points[quick]):
            if (curve, x) in done:
                continue
            rows = list(_POINTS[curve](x, quick))
            file.append(rows)
            for row in rows:
                progress(row)
    return file.rows


def scaling_series(rows: list[Row]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return ``{curve: {what: {"x": [...], "seconds": [...], "ratio": [...]}}}``, x ascending."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for row in sorted(rows, key=lambda row: row["x"]):
        series = found.setdefault(row["curve"], {}).setdefault(
            row["what"], {"x": [], "seconds": [], "ratio": []}
        )
        for name, values in series.items():
            values.append(row[name])
    return {curve: found[curve] for curve in CURVES if curve in found}


def scaling_tables(rows: list[Row]) -> str:
    """Return a table in Markdown for every curve: seconds, and in brackets ratios.

    The last column is the exponent: how cost grows between the last two points, 1 if in proportion.
    """
    references = {(row["curve"], row["what"]): row["reference"] for row in rows}
    parts = []
    for curve, series in scaling_series(rows).items():
        places = sorted({x for each in series.values() for x in each["x"]})
        heads = [curve, *(f"{x:,g}" if x < 1e6 else f"{x:.0e}" for x in places), "exponent"]
        lines = [f"| {' | '.join(heads)} |", "|---" + "|---:" * (len(heads) - 1) + "|"]
        for what, each in series.items():
            cells = {
                x: f"{_shown(seconds)} ({ratio:.3g})"
                for x, seconds, ratio in zip(each["x"], each["seconds"], each["ratio"], strict=True)
            }
            row = [what, *(cells.get(x, "") for x in places), _exponent(each)]
            lines.append(f"| {' | '.join(row)} |")
        names = sorted({references[curve, what] for what in series})
        lines += ["", f"In brackets: times as long as this: {'; '.join(names)}."]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _exponent(each: dict[str, list[float]]) -> str:
    if len(each["x"]) < 2:
        return ""
    growth = each["seconds"][-1] / each["seconds"][-2]
    return f"{math.log(growth) / math.log(each['x'][-1] / each['x'][-2]):.2f}"


def _seconds(calls: dict[str, Call]) -> dict[str, float]:
    """Return CPU seconds of every call: the median of some rounds; of long ones, one round's."""
    _once(calls)  # what is called for the first time is compiled and loaded
    once = _once(calls)
    length = sum(once.values())
    if length > TURNS:
        return once
    rounds = max(3, min(9, round(TURNS / length)))
    return {name: cpu for name, (cpu, _) in take_turns(calls, rounds, time.thread_time).items()}


def _once(calls: dict[str, Call]) -> dict[str, float]:
    seconds = {}
    for name, call in calls.items():
        start = time.thread_time()
        call()
        seconds[name] = time.thread_time() - start
    return seconds


def _rows(curve: str, x: float, calls: dict[str, Call], reference: str) -> Iterator[Row]:
    """Time calls beside the one that is called `reference`."""
    seconds = _seconds(calls)
    for what, value in seconds.items():
        if what != reference:
            yield _row(curve, what, x, (value, seconds[reference]), reference)


def _row(curve: str, what: str, x: float, seconds: tuple[float, float], reference: str) -> Row:
    """Return a row; `seconds` are its own and those of the reference."""
    own, fixed = seconds
    return {
        "curve": curve,
        "what": what,
        "x": x,
        "seconds": float(f"{own:.4g}"),
        "ratio": float(f"{own / fixed:.4g}"),
        "reference": reference,
    }


def _megapixels(x: float, _quick: bool) -> Iterator[Row]:
    from waarmerk import detect_image, mark_image

    key, mark_id = bench_key("scaling"), bench_id("scaling")
    height = round(math.sqrt(x * 1e6 * 3 / 4) / 8) * 8
    plain = rendered(round(x * 1e6 / height), height)
    marked = mark_image(plain, key, mark_id=mark_id).content
    data = jpeg(plain)
    reference = "Pillow decodes the JPEG"
    calls: dict[str, Call] = {
        reference: lambda: Image.open(io.BytesIO(data)).load(),
        "mark": partial(mark_image, plain, key, mark_id=mark_id),
        "detect fast, marked": partial(detect_image, marked, keys=[key], effort="fast"),
        "detect full, marked": partial(detect_image, marked, keys=[key]),
        "detect full, unmarked": partial(detect_image, plain, keys=[key]),
    }
    yield from _rows("megapixels", x, calls, reference)


def _minutes(x: float, _quick: bool) -> Iterator[Row]:
    from waarmerk import detect_audio, mark_audio
    from waarmerk.detection.audio import AudioDetector
    from waarmerk.marking.audio import AudioMarker

    key, other, mark_id = bench_key("scaling"), bench_key("scaling", "other"), bench_id("scaling")
    # One minute over and over: its making takes longer than its marking.
    plain = np.resize(noise(60), (round(60 * x * RATE), 1))
    marked = mark_audio(plain, RATE, key, mark_id=mark_id).content
    buffer = io.BytesIO()
    soundfile.write(buffer, plain, RATE, format="FLAC")

    def mark_stream() -> None:
        marker = AudioMarker(RATE, 1, key, mark_id)
        for start in range(0, len(plain), RATE):
            marker.process(plain[start : start + RATE])
        marker.finish()

    def detect_stream() -> None:
        detector = AudioDetector(RATE, 1, [other])
        for start in range(0, len(plain), RATE):
            detector.feed(plain[start : start + RATE])
        detector.finish()

    def decode() -> None:
        buffer.seek(0)
        soundfile.read(buffer, dtype="float32")

    reference = "soundfile decodes the FLAC"
    calls: dict[str, Call] = {
        reference: decode,
        "mark": partial(mark_audio, plain, RATE, key, mark_id=mark_id),
        "mark, streaming": mark_stream,
        "detect fast, marked": partial(detect_audio, marked, RATE, keys=[key], effort="fast"),
        "detect full, unmarked": partial(detect_audio, plain, RATE, keys=[other]),
        "detect, streaming, unmarked": detect_stream,
    }
    yield from _rows("minutes", x, calls, reference)


def _texts(tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Return texts of 1,000 random ids each: int64 [tokens], and where each begins and ends."""
    ids = rng_for("scaling", "ids").integers(0, VOCABULARY, tokens)
    return ids, np.arange(0, tokens + 1, TEXT)


def _tokens(x: float, _quick: bool) -> Iterator[Row]:
    from waarmerk import detect_texts

    texts = _texts(round(x))
    reference = "NumPy sorts the ids"
    calls: dict[str, Call] = {reference: lambda: np.sort(texts[0])}
    for name in SCHEMES:
        if name not in SLOW or x <= MOST_OF_SLOW:
            scheme = scheme_of(name, VOCABULARY, "scaling")
            calls[f"detect, {name}"] = partial(detect_texts, texts, scheme, workers=1)
    yield from _rows("tokens", x, calls, reference)


def _keys(x: float, _quick: bool) -> Iterator[Row]:
    from waarmerk import detect_audio, detect_image, detect_texts

    count = round(x)
    keys = [bench_key("scaling", index) for index in range(count)]
    schemes = [scheme_of("waarmerk.text.1", VOCABULARY, "scaling", i) for i in range(count)]
    picture, sound, texts = rendered(1024, 1024), noise(60), _texts(10 * TEXT)
    detect = {
        "image, 1 MP, fast": lambda n: detect_image(picture, keys=keys[:n], effort="fast"),
        "image, 1 MP, full": lambda n: detect_image(picture, keys=keys[:n]),
        "audio, 1 minute, full": lambda n: detect_audio(sound, RATE, keys=keys[:n]),
        "text, 10,000 tokens": lambda n: detect_texts(texts, schemes[:n], workers=1),
    }
    reference = "the same with one key"
    for what, call in detect.items():
        calls: dict[str, Call] = {reference: partial(call, 1), what: partial(call, count)}
        yield from _rows("keys", x, calls, reference)


def _workers(x: float, quick: bool) -> Iterator[Row]:
    """Detect in pictures by some processes, and by one, in turns; their start is left out."""
    seconds: dict[int, list[float]] = {1: [], round(x): []}
    tasks = [0] * PICTURES[quick]
    context = multiprocessing.get_context("spawn")
    pools = {count: context.Pool(count, _ready_picture) for count in seconds}
    try:
        for turn in range(4):
            for count, pool in pools.items():
                start = time.perf_counter()
                pool.map(_detect_picture, tasks, chunksize=1)
                if turn:  # the first one may compile
                    seconds[count].append(time.perf_counter() - start)
    finally:
        for pool in pools.values():
            pool.terminate()
            pool.join()
    one, many = (float(np.median(seconds[count])) for count in (1, round(x)))
    what = f"detect full, unmarked, {len(tasks)} pictures of 1 MP, wall"
    yield _row("workers", what, x, (many, one), "the same with one worker")


_picture: list[np.ndarray] = []


def _ready_picture() -> None:
    _picture.append(rendered(1024, 1024))


def _detect_picture(_task: int) -> None:
    from waarmerk import detect_image

    detect_image(_picture[0], keys=[bench_key("scaling")])


_POINTS: dict[str, Callable[[float, bool], Iterator[Row]]] = {
    "megapixels": _megapixels,
    "minutes": _minutes,
    "tokens": _tokens,
    "keys": _keys,
    "workers": _workers,
}
