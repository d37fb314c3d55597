"""Times every kernel, and marking and detection at three sizes, with pytest-benchmark.

``pytest benchmarks/test_throughput.py [--data DIR] [--benchmark-timer=time.process_time]``

Run with ``OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1`` for one thread. Every function is called once
before it is timed, so no compilation is in a figure. ``extra_info`` holds the ratio of the median
to Pillow decoding a JPEG of quality 90 of the same size, timed in the same test with the same
clock. Without ``--data`` a rendered picture with the spectrum of a photograph stands in.
"""

import importlib
import io
import pkgutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from PIL import Image

import waarmerk.kernels
from benchmarks.data import read_rgb
from benchmarks.marks import bench_id, bench_key
from benchmarks.transforms import apply, rng_for
from waarmerk import detect_image, mark_image
from waarmerk.kernels.polar import schedule
from waarmerk.marking.payload import Code

SIZES = {"512": (512, 512), "1024": (1024, 1024), "12mp": (4000, 3000)}
PICTURE = "dragonfly"  # in all three folders

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


def rendered(width: int, height: int) -> np.ndarray:
    """Return a picture whose amplitudes fall as 1/f, as those of photographs do."""
    rng = rng_for("rendered", width, height)
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    radius[0, 0] = 1.0
    luma = np.fft.irfft2(spectrum / radius, (height, width))
    luma = 128 + 45 * (luma - luma.mean()) / luma.std()
    return np.clip(np.rint(luma[:, :, None] * (0.9, 1.0, 1.1)), 0, 255).astype(np.uint8)


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
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=90)
    times = []
    for _ in range(9):
        start = clock()
        Image.open(io.BytesIO(buffer.getvalue())).load()
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


# Kernels: for each, arguments of the size that one picture of about 1 MP gives them.

SIDE, TILE, GRID = 512, 128, 1024


def _noise(*shape: int) -> np.ndarray:
    return rng_for("kernels", *shape).standard_normal(shape).astype(np.float32)


def _plane() -> np.ndarray:
    return np.abs(_noise(GRID, GRID // 2 + 1))


def _complex_plane() -> np.ndarray:
    return (_plane() + 1j * _plane()).astype(np.complex64)


def _lines() -> np.ndarray:
    return rng_for("lines").uniform(-32, 32, (96, 2)).astype(np.float32)


def _maps(count: int) -> np.ndarray:
    turns = rng_for("maps").uniform(-0.7, 0.7, count)
    rows = np.stack([np.cos(turns), -np.sin(turns), np.sin(turns), np.cos(turns)], axis=1)
    return (8 * rows).astype(np.float32)


def _codeword() -> tuple[object, ...]:
    code = Code(1024)
    information = np.zeros(1024, bool)
    information[code._positions] = True
    values = code.encode(bench_id("kernels")) + 1.5 * _noise(1024)
    return values.astype(np.float32), schedule(information), 32


CASES: dict[str, Callable[[], tuple[object, ...]]] = {
    "lattice.centre_phases": lambda: (_complex_plane(), 255.5, 255.5),
    "lattice.fold": lambda: (
        _noise(SIDE, SIDE),
        np.ones((8, 8), np.float32),
        np.empty((TILE, TILE), np.float32),
    ),
    "lattice.line_scores": lambda: (_plane(), _lines(), _maps(4096), np.empty(4096, np.float32)),
    "lattice.line_values": lambda: (
        _complex_plane(),
        8.0 * _lines().astype(np.float64),
        np.empty(96, np.complex128),
    ),
    "lattice.power_of": lambda: (_complex_plane(), _plane()),
    "lattice.smooth_line_scores": lambda: (_plane(), _lines(), _maps(81), np.empty(81, np.float32)),
    "lattice.unwarp": lambda: (
        _noise(SIDE, SIDE),
        np.array([[0.99, -0.09, 20.0], [0.09, 0.99, -20.0], [0.0, 0.0, 1.0]]),
        np.empty((SIDE, SIDE), np.float32),
    ),
    "lattice.whitened_power": lambda: (_plane(), _plane() + 1, 8.0, _plane()),
    "picture.box_mean": lambda: (
        _noise(SIDE, SIDE),
        8,
        8,
        np.empty((SIDE, SIDE), np.float32),
    ),
    "picture.normalised_residual": lambda: (
        128 + 40 * _noise(SIDE, SIDE),
        4,
        8,
        2.0,
        3.0,
        np.empty((SIDE, SIDE), np.float32),
    ),
    "picture.reduce_luma": lambda: (
        rendered(1024, 1024),
        np.array([0.299, 0.587, 0.114], np.float32),
        np.empty((SIDE, SIDE), np.float32),
    ),
    "polar.decode_list": _codeword,
}


def public_kernels() -> dict[str, Dispatcher]:
    """Return every compiled function that a module of waarmerk/kernels exports."""
    found = {}
    for module in pkgutil.iter_modules(waarmerk.kernels.__path__):
        loaded = importlib.import_module(f"waarmerk.kernels.{module.name}")
        for name in getattr(loaded, "__all__", ()):
            function = getattr(loaded, name)
            if isinstance(function, Dispatcher):
                found[f"{module.name}.{name}"] = function
    return found


def test_every_kernel_is_timed() -> None:
    assert set(CASES) == set(public_kernels())


@pytest.mark.parametrize("name", CASES)
def test_kernel(benchmark, name: str) -> None:
    arguments = CASES[name]()
    function = public_kernels()[name]
    timed(benchmark, lambda: function(*arguments), rendered(1024, 1024))
