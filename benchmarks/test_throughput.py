"""Times every kernel, and marking and detection at three sizes, with pytest-benchmark.

``pytest benchmarks/test_throughput.py [--data DIR] [--benchmark-timer=time.process_time]``

Run with ``OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1`` for one thread. Every function is called once
before it is timed, so no compilation is in a figure. ``extra_info`` holds the ratio of the median
to Pillow decoding a JPEG of quality 90 of the same size, timed in the same test with the same
clock. Without ``--data`` a rendered picture with the spectrum of a photograph stands in.
"""

import copy
import importlib
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from waarmerk import detect_image, mark_image
from waarmerk.bench.content.pictures import read_rgb
from waarmerk.bench.guard_cases import (
    jpeg,
    noise,
    public_kernels,
    record_image_calls,
    record_sound_calls,
    rendered,
    watched,
)
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.transformations.image import apply

SIZES = {"512": (512, 512), "1024": (1024, 1024), "12mp": (4000, 3000)}
PICTURE = "dragonfly"  # in all three folders

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


@pytest.fixture(scope="session", params=list(SIZES))
def picture(request: pytest.FixtureRequest) -> np.ndarray:
    """Return the picture of a size."""
    data: Path | None = request.config.getoption("--data")
    if data is None:
        return rendered(*SIZES[request.param])
    [path] = (data / request.param).glob(f"{PICTURE}.*")
    return read_rgb(path)


@pytest.fixture(scope="session")
def marked(picture: np.ndarray) -> np.ndarray:
    """Return the marked picture."""
    return mark_image(picture, bench_key("throughput"), mark_id=bench_id("throughput")).content


def decoding_seconds(rgb: np.ndarray, clock: Callable[[], float]) -> float:
    """Return the median time that Pillow takes to decode `rgb` from a JPEG of quality 90."""
    data = jpeg(rgb)
    times = []
    for _ in range(9):
        start = clock()
        Image.open(io.BytesIO(data)).load()
        times.append(clock() - start)
    return statistics.median(times)


def timed(benchmark, call: Callable[[], object], rgb: np.ndarray) -> None:
    """Time `call` and note its ratio to decoding `rgb`."""
    call()
    benchmark(call)
    # The object that names the clock of pytest-benchmark is private; the option is not.
    option = benchmark._timer if hasattr(benchmark, "_timer") else time.perf_counter
    decoding = decoding_seconds(rgb, option)
    benchmark.extra_info["decode_ms"] = round(1e3 * decoding, 3)
    if benchmark.stats is not None:  # None with --benchmark-disable
        benchmark.extra_info["ratio"] = round(benchmark.stats.stats.median / decoding, 3)


def test_detect_fast(benchmark, marked: np.ndarray) -> None:
    key = bench_key("throughput")
    timed(benchmark, lambda: detect_image(marked, keys=[key], effort="fast"), marked)


def test_detect_full_unmarked(benchmark, picture: np.ndarray) -> None:
    key = bench_key("throughput")
    timed(benchmark, lambda: detect_image(picture, keys=[key]), picture)


def test_detect_full_rotated(benchmark, marked: np.ndarray) -> None:
    key = bench_key("throughput")
    turned = apply("rotate_5_crop", marked)
    timed(benchmark, lambda: detect_image(turned, keys=[key]), turned)


def test_mark(benchmark, picture: np.ndarray) -> None:
    key, mark_id = bench_key("throughput"), bench_id("throughput")
    timed(benchmark, lambda: mark_image(picture, key, mark_id=mark_id), picture)


# Kernels: each is timed with the arguments that marking and detection of a picture of about 1 MP,
# or of a minute of sound, really gave it, those of its largest call. So nothing here follows a
# kernel's signature.


@pytest.fixture(scope="session")
def calls(request: pytest.FixtureRequest) -> dict[str, tuple[object, ...]]:
    """Return the arguments of the largest call of every kernel, copied before the call."""
    data: Path | None = request.config.getoption("--data")
    rgb = rendered(1024, 1024) if data is None else read_rgb(data / "1024" / f"{PICTURE}.png")
    sound = noise(60, channels=2)
    record_image_calls(rgb)  # compiles
    record_sound_calls(sound)
    with watched() as recorded:
        record_image_calls(rgb)
        record_sound_calls(sound)
    return recorded


@pytest.mark.parametrize("name", public_kernels())
def test_kernel(benchmark, name: str, calls: dict[str, tuple[object, ...]]) -> None:
    if name not in calls:
        pytest.skip("called only by other kernels, or when the package is loaded")
    module, _, attribute = name.partition(".")
    function = getattr(importlib.import_module(f"waarmerk.kernels.{module}"), attribute)
    arguments = copy.deepcopy(calls[name])
    timed(benchmark, lambda: function(*arguments), rendered(1024, 1024))
