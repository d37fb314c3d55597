"""What the guard times: every kernel and every pipeline, on content rendered on the spot.

A kernel is called with the arguments of its largest call in real marking and detection, recorded
here; so nothing follows a kernel's signature, and a new kernel becomes a case by being exported.
Whatever takes long to make, such as marked content, is made once and handed over as `Material`,
which can be pickled: under Valgrind everything takes sixty times as long.

A case's name is ``medium/what/how``, kernels are ``kernel/module.name``.
"""

import copy
import importlib
import io
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import waarmerk.kernels
from waarmerk.bench.content.text_write import SCHEMES, WITH_ID, scheme_of
from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.seeds import rng_for

__all__ = [
    "KERNEL",
    "Call",
    "Case",
    "Material",
    "cases",
    "chosen",
    "jpeg",
    "make_material",
    "noise",
    "public_kernels",
    "record_image_calls",
    "record_sound_calls",
    "rendered",
    "watched",
]

Call = Callable[[], object]
Recorded = dict[str, tuple[Any, ...]]
Texts = tuple[np.ndarray, np.ndarray]

KERNEL = "kernel/"
SIZES = {"512": 512, "1mp": 1024}
RATE, SECONDS = 16_000, 20
VOCABULARY, TEXTS, TOKENS, STEPS = 32_000, 4, 500, 4
DETECTED = tuple(name for name in SCHEMES if name != WITH_ID)  # an id makes no other detector


@dataclass(frozen=True, slots=True)
class Case:
    """Something whose cost is watched.

    Attributes
    ----------
    name : str
        See above.
    ready : callable
        Makes ready, untimed; returns the call that is timed. A kernel that writes into its
        arguments gets new ones that way.
    size : int
        Bytes that each call made ready has to itself.
    """

    name: str
    ready: Callable[[], Call]
    size: int = 0

    @property
    def small(self) -> bool:
        """Whether it is quick enough to be counted under Valgrind."""
        return self.name.startswith((KERNEL, "text/"))


@dataclass(frozen=True, slots=True)
class Material:
    """What the cases work on.

    Attributes
    ----------
    calls : dict
        Positional arguments of each kernel's largest call.
    pictures : dict
        Of each size: uint8 [h, w, 3] unmarked, marked, and marked and rotated.
    sounds : tuple
        float32 [samples, 1] at 16 kHz: unmarked and marked.
    files : tuple of bytes
        JPEG files: unmarked, and with a watermark and a signed manifest.
    """

    calls: Recorded
    pictures: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    sounds: tuple[np.ndarray, np.ndarray]
    files: tuple[bytes, bytes]


def rendered(width: int, height: int) -> np.ndarray:
    """Return a picture uint8 [height, width, 3] whose amplitudes fall as 1/f, as photographs'."""
    rng = rng_for("rendered", width, height)
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    radius[0, 0] = 1.0
    luma = np.fft.irfft2(spectrum / radius, (height, width))
    luma = 128 + 45 * (luma - luma.mean()) / luma.std()
    levels = np.clip(np.rint(luma[:, :, None] * (0.9, 1.0, 1.1)), 0, 255)
    return np.asarray(levels, np.uint8)


def noise(seconds: float, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """Return white noise, float32 [samples, channels]."""
    sound = rng_for("sound").normal(0, 0.1, (round(seconds * rate), channels))
    return np.asarray(sound, np.float32)


def jpeg(rgb: np.ndarray) -> bytes:
    """Encode at quality 90 with Pillow's defaults."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _rotated(rgb: np.ndarray) -> np.ndarray:
    """Turn by 5 degrees; this file's own, so that no change to a transformation is a slowdown."""
    return np.array(Image.fromarray(rgb).rotate(5, Image.Resampling.BICUBIC))


# Kernels


def public_kernels() -> list[str]:
    """Return every function that a module of waarmerk/kernels exports, as ``module.name``."""
    names = []
    for module in pkgutil.iter_modules(waarmerk.kernels.__path__):
        if not module.name.startswith("_"):
            loaded = importlib.import_module(f"waarmerk.kernels.{module.name}")
            # Some export constants and data types beside the functions.
            functions = [name for name in loaded.__all__ if _is_function(getattr(loaded, name))]
            names += [f"{module.name}.{name}" for name in functions]
    return names


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type)


def _kernel(name: str) -> Callable[..., object]:
    module, _, attribute = name.partition(".")
    function: Callable[..., object] = getattr(
        importlib.import_module(f"waarmerk.kernels.{module}"), attribute
    )
    return function


def _bytes_of(arguments: tuple[Any, ...]) -> int:
    return sum(value.nbytes for value in arguments if isinstance(value, np.ndarray))


@contextmanager
def watched() -> Iterator[Recorded]:
    """Record the arguments of every kernel's largest call, copied before the call.

    Everything must have been compiled before: Numba cannot compile a kernel that calls a kernel
    which is being watched.
    """
    recorded: Recorded = {}

    def watch(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def watching(*arguments: object) -> object:
            if name not in recorded or _bytes_of(arguments) > _bytes_of(recorded[name]):
                recorded[name] = copy.deepcopy(arguments)
            return function(*arguments)

        return watching

    originals = {name: _kernel(name) for name in public_kernels()}
    try:
        for name, function in originals.items():
            _put(name, watch(name, function))
        yield recorded
    finally:
        for name, function in originals.items():
            _put(name, function)


def _put(name: str, function: Callable[..., object]) -> None:
    module, _, attribute = name.partition(".")
    setattr(importlib.import_module(f"waarmerk.kernels.{module}"), attribute, function)


def record_image_calls(rgb: np.ndarray) -> None:
    """Mark a picture, and look for the mark as it is, rotated, seen askew, and of no key."""
    from waarmerk import detect_image, mark_image
    from waarmerk.detection.file import detect_bytes

    key, other = bench_key("throughput"), bench_key("throughput", "other")
    height, width = rgb.shape[:2]
    marked = mark_image(rgb, key, mark_id=bench_id("throughput")).content
    # Corners that come to lie in those of the picture: top left, bottom left, bottom right, ...
    x, y = 0.04 * width, 0.04 * height
    corners = (x, y / 2, 0.0, height - y, width - x / 2, float(height), float(width), y)
    askew = Image.fromarray(marked).transform(
        (width, height), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC
    )
    half = Image.fromarray(rgb).resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    detect_image(marked, keys=[key])
    detect_image(_rotated(marked), keys=[key])
    detect_image(np.array(askew), keys=[key, other])
    detect_image(np.array(half), keys=[other])
    # Files have colours, too.
    png = io.BytesIO()
    Image.fromarray(rgb).save(png, "PNG")
    for data, name in ((jpeg(rgb), "a.jpg"), (png.getvalue(), "a.png")):
        detect_bytes(data, name, keys=[other], effort="fast")


def record_sound_calls(sound: np.ndarray, rate: int = RATE) -> None:
    """Mark a sound, and look for the mark as it is, faster, and of no key."""
    from waarmerk import detect_audio, mark_audio

    key, other = bench_key("throughput"), bench_key("throughput", "other")
    marked = mark_audio(sound, rate, key, mark_id=bench_id("throughput")).content
    places = np.arange(0.0, len(marked) - 1, 1.05)
    columns = [np.interp(places, np.arange(len(marked)), column) for column in marked.T]
    faster = np.ascontiguousarray(np.stack(columns, 1), np.float32)
    for samples, wanted in ((marked, key), (faster, key), (sound, other)):
        detect_audio(samples, rate, keys=[wanted])
    # Two channels, by turns in memory and one after the other.
    pair = np.repeat(sound[:, :1], 2, axis=1)
    for samples in (pair, np.asfortranarray(pair)):
        detect_audio(samples, rate, keys=[other], effort="fast")


def _record_text_calls() -> None:
    """Generate a few tokens with every scheme, and look for it."""
    for name in SCHEMES:
        _steps(name, candidates=0)()()
        _steps(name, candidates=50)()()
        _detect_texts(name)


def _record_rare_calls() -> None:
    """Use what random ids and the usual settings never call."""
    from waarmerk.api import detect_texts
    from waarmerk.marking.text import Gumbel, SynthID, generate
    from waarmerk.marking.text.scheme import TextScheme

    for variant in ("vllm", "sglang"):
        Gumbel(1, variant).uniforms([[1, 2, 3, 4]], [list(range(64))])
    scheme = scheme_of(WITH_ID, VOCABULARY, "throughput")
    scores = _scores(1000) / np.float32(3)
    marked = generate(lambda _: scores, [1, 2, 3, 4], scheme, max_tokens=TOKENS, rng=1)
    detect_texts([marked, marked[: TOKENS // 2]], scheme, workers=1)
    rare: list[TextScheme] = [
        SynthID(range(30), sampling_table_size=1000),
        SynthID(range(30), variant="synthid-text", num_leaves=3),
        Gumbel(1, "sglang", dual=0.5, second_key=2),
        Gumbel(1, dual=0.5),
    ]
    for scheme in rare:
        request = scheme.request(range(1, 9))
        request.step(_scores(VOCABULARY))
        request.append(1)
        detect_texts(_random_texts(), scheme, workers=1)


def _record_all() -> None:
    record_image_calls(rendered(SIZES["512"], SIZES["512"]))
    record_sound_calls(noise(SECONDS))
    _record_text_calls()
    _record_rare_calls()


def make_material() -> Material:
    """Render, mark and record; compiles whatever was not compiled yet."""
    from waarmerk import mark_audio, mark_image

    key, mark_id = bench_key("throughput"), bench_id("throughput")
    _record_all()
    with watched() as calls:
        _record_all()
    pictures = {}
    for name, size in SIZES.items():
        plain = rendered(size, size)
        marked = mark_image(plain, key, mark_id=mark_id).content
        pictures[name] = (plain, marked, _rotated(marked))
    sound = noise(SECONDS)
    heard = mark_audio(sound, RATE, key, mark_id=mark_id).content
    small = jpeg(pictures["512"][0])
    return Material(calls, pictures, (sound, heard), (small, _signed(small)))


def _signed(data: bytes) -> bytes:
    """Mark a JPEG file and sign its manifest with a test certificate made for it."""
    from waarmerk import Signer, mark_file
    from waarmerk.marking.certificate import write_test_chain

    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        source, target = Path(folder, "plain.jpg"), Path(folder, "marked.jpg")
        source.write_bytes(data)
        chain = write_test_chain(Path(folder, "key.json"))
        signer = Signer.from_files(chain.chain, chain.key)
        mark_file(source, target, bench_key("throughput"), signer=signer)
        return target.read_bytes()


# Text


def _random_texts() -> Texts:
    """Return ragged texts of random ids: int64 [tokens], and where each begins and ends."""
    ids = rng_for("throughput", "uniform").integers(0, VOCABULARY, TEXTS * TOKENS)
    return ids, np.arange(TEXTS + 1) * TOKENS


def _scores(width: int) -> NDArray[np.float32]:
    return np.asarray(rng_for("throughput", "scores").normal(0, 3, width), np.float32)


def _steps(scheme_name: str, candidates: int) -> Callable[[], Call]:
    """Return what makes ready to mark some tokens, of all or of some candidates."""
    scheme = scheme_of(scheme_name, VOCABULARY, "throughput")
    prompt = rng_for("throughput", "prompt").integers(0, VOCABULARY, 32)
    left = np.arange(candidates) * (VOCABULARY // candidates) if candidates else None
    scores = _scores(candidates or VOCABULARY)

    def ready() -> Call:
        request = scheme.request(prompt)

        def steps() -> None:
            for token in range(STEPS):
                request.step(scores, left)
                request.append(token)

        return steps

    return ready


def _detect_texts(scheme_name: str) -> object:
    from waarmerk.api import detect_texts

    scheme = scheme_of(scheme_name, VOCABULARY, "throughput")
    return detect_texts(_random_texts(), scheme, workers=1)


# Cases


def cases(material: Material) -> list[Case]:
    """Return every case."""
    return [
        *_kernel_cases(material.calls),
        *_image_cases(material),
        *_audio_cases(material),
        *_text_cases(),
        *_file_cases(material),
    ]


def chosen(names: list[str], only: tuple[str, ...]) -> list[str]:
    """Return the names that match any of some patterns (``*``, ``?``), or contain it."""
    return [
        name
        for name in names
        if not only or any(fnmatchcase(name, f"*{pattern}*") for pattern in only)
    ]


def _always(call: Call) -> Callable[[], Call]:
    return lambda: call


def _kernel_cases(calls: Recorded) -> list[Case]:
    def ready(name: str) -> Call:
        return partial(_kernel(name), *copy.deepcopy(calls[name]))

    return [
        Case(KERNEL + name, partial(ready, name), _bytes_of(calls[name]))
        for name in public_kernels()
        if name in calls
    ]


def _image_cases(material: Material) -> list[Case]:
    from waarmerk import detect_image, mark_image

    key, mark_id = bench_key("throughput"), bench_id("throughput")
    found = []
    for size, (plain, marked, rotated) in material.pictures.items():
        calls: dict[str, Call] = {
            "mark": partial(mark_image, plain, key, mark_id=mark_id),
            "detect fast, marked": partial(detect_image, marked, keys=[key], effort="fast"),
            "detect full, rotated": partial(detect_image, rotated, keys=[key]),
            "detect full, unmarked": partial(detect_image, plain, keys=[key]),
        }
        found += [Case(f"image/{size}/{how}", _always(call)) for how, call in calls.items()]
    return found


def _audio_cases(material: Material) -> list[Case]:
    from waarmerk import detect_audio, mark_audio

    key, mark_id = bench_key("throughput"), bench_id("throughput")
    plain, marked = material.sounds
    calls: dict[str, Call] = {
        "mark": partial(mark_audio, plain, RATE, key, mark_id=mark_id),
        "detect fast, marked": partial(detect_audio, marked, RATE, keys=[key], effort="fast"),
        "detect full, unmarked": partial(detect_audio, plain, RATE, keys=[key]),
    }
    return [Case(f"audio/{SECONDS} s/{name}", _always(call)) for name, call in calls.items()]


def _text_cases() -> list[Case]:
    return [
        *(Case(f"text/{name}/step", _steps(name, candidates=0)) for name in SCHEMES),
        *(Case(f"text/{name}/detect", _always(partial(_detect_texts, name))) for name in DETECTED),
    ]


def _file_cases(material: Material) -> list[Case]:
    from waarmerk.detection.file import detect_bytes

    unmarked, signed = material.files
    key = bench_key("throughput", "other")
    calls = {
        "unmarked JPEG, no key": partial(detect_bytes, unmarked, "a.jpg"),
        "unmarked JPEG, one key": partial(detect_bytes, unmarked, "a.jpg", [key]),
        "manifest": partial(detect_bytes, signed, "a.jpg"),
    }
    return [Case(f"file/{name}", _always(call)) for name, call in calls.items()]
