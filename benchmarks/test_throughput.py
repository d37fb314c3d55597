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
import pkgutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import waarmerk.kernels
from waarmerk import detect_image, mark_image
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.pictures import read_rgb
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.audio import apply_sound
from waarmerk.bench.transformations.image import apply

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


# Kernels: each is timed with the arguments that marking and detection of a picture of about 1 MP,
# or of a minute of sound, really gave it, those of its largest call. So nothing here follows a
# kernel's signature.


def public_kernels() -> list[str]:
    """Return every function that a module of waarmerk/kernels exports, as ``module.name``."""
    names = []
    for module in pkgutil.iter_modules(waarmerk.kernels.__path__):
        if not module.name.startswith("_"):
            loaded = importlib.import_module(f"waarmerk.kernels.{module.name}")
            names += [f"{module.name}.{name}" for name in loaded.__all__]
    return names


def size_of(arguments: tuple[object, ...]) -> int:
    """Return the bytes of all arrays among the arguments."""
    return sum(value.nbytes for value in arguments if isinstance(value, np.ndarray))


@pytest.fixture(scope="session")
def calls(request: pytest.FixtureRequest) -> dict[str, tuple[object, ...]]:
    """Return the arguments of the largest call of every kernel, copied before the call."""
    recorded: dict[str, tuple[object, ...]] = {}

    def watch(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def watching(*arguments: object) -> object:
            if name not in recorded or size_of(arguments) > size_of(recorded[name]):
                recorded[name] = copy.deepcopy(arguments)
            return function(*arguments)

        return watching

    data: Path | None = request.config.getoption("--data")
    rgb = rendered(1024, 1024) if data is None else read_rgb(data / "1024" / f"{PICTURE}.png")
    key, other = bench_key("throughput"), bench_key("throughput", "other")
    with pytest.MonkeyPatch.context() as patch:
        for name in public_kernels():
            module = importlib.import_module(f"waarmerk.kernels.{name.partition('.')[0]}")
            attribute = name.partition(".")[2]
            patch.setattr(module, attribute, watch(name, getattr(module, attribute)))
        marked = mark_image(rgb, key, mark_id=bench_id("throughput")).content
        detect_image(marked, keys=[key])
        detect_image(apply("rotate_5_crop", marked), keys=[key])
        detect_image(apply("perspective", marked), keys=[key, other])
        detect_image(apply("resize_0.5", rgb), keys=[other])
        record_sound()
    return recorded


def record_sound() -> None:
    """Mark a minute of 16 kHz stereo, and look for the mark as it is, faster, and of no key."""
    from waarmerk import detect_audio, mark_audio

    rate, key, other = 16000, bench_key("throughput"), bench_key("throughput", "other")
    sound = rng_for("sound").normal(0, 0.1, (60 * rate, 2)).astype(np.float32)
    marked = mark_audio(sound, rate, key, mark_id=bench_id("throughput")).content
    faster, _ = apply_sound("speed_1.05", marked, rate)
    for samples, wanted in ((marked, key), (faster, key), (sound, other)):
        detect_audio(samples, rate, keys=[wanted])


@pytest.mark.parametrize("name", public_kernels())
def test_kernel(benchmark, name: str, calls: dict[str, tuple[object, ...]]) -> None:
    if name not in calls:
        pytest.skip("called only by other kernels, or when the package is loaded")
    module, _, attribute = name.partition(".")
    function = getattr(importlib.import_module(f"waarmerk.kernels.{module}"), attribute)
    arguments = copy.deepcopy(calls[name])
    timed(benchmark, lambda: function(*arguments), rendered(1024, 1024))
