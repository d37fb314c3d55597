"""The mix of files that a scan is measured with, and how each of them is made.

The shares are a judgement, not a census: nobody publishes what is uploaded to a platform. They were
fixed before anything was measured, and the tables give every kind apart, so that another mix can be
computed from them. Every file is cut out of a picture or a sound of ``--data`` anew, at a place, a
size, a brightness and a quality of its own; so no two are alike, though few things are shown.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFont

from waarmerk.bench.content import graphics
from waarmerk.bench.content.sounds import clips
from waarmerk.bench.transformations.sound_codecs import mono, resample

Made = tuple[bytes, dict[str, Any]]
"""A file, and what a row says about it."""
Laid = Callable[[np.ndarray, int | None], np.ndarray | None]
"""Lays a mark on pixels, or on samples of a rate; None if they cannot hold one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of upload.

    Parameters
    ----------
    share
        Of all files.
    extension, form
        Of the name, and what Pillow or libsndfile call the format.
    low, high
        Megapixels, or seconds.
    why
        What it stands for.
    quality
        From, to; of a lossy format.
    sound
        Whether it is one.
    """

    share: float
    extension: str
    form: str
    low: float
    high: float
    why: str
    quality: tuple[int, int] = (75, 90)
    sound: bool = False


MIX: dict[str, Kind] = {
    "phone": Kind(
        0.08, ".jpg", "JPEG", 10.5, 12.0, "originals of phones: 12 megapixels, 2 to 6 MB", (78, 92)
    ),
    "messenger": Kind(
        0.14, ".jpg", "JPEG", 2.0, 4.0, "photos that an app made smaller before sending", (72, 88)
    ),
    "social": Kind(
        0.27, ".jpg", "JPEG", 0.7, 1.5, "what was downloaded and is uploaded again", (70, 88)
    ),
    "small": Kind(
        0.12, ".jpg", "JPEG", 0.15, 0.4, "avatars, previews, pictures of articles", (70, 88)
    ),
    "generated": Kind(0.10, ".png", "PNG", 0.8, 1.5, "output of image generators: PNG of 1 MP"),
    "screen": Kind(0.08, ".png", "PNG", 1.0, 2.7, "screenshots: flat areas, letters, a photo"),
    "webp": Kind(0.08, ".webp", "WEBP", 0.3, 1.5, "pictures saved from the web", (70, 88)),
    "avif": Kind(0.02, ".avif", "AVIF", 0.3, 1.5, "the same, of newer sites", (55, 75)),
    "gif": Kind(0.02, ".gif", "GIF", 0.08, 0.2, "stickers and clips, a third of them moving"),
    "bmp": Kind(0.005, ".bmp", "BMP", 0.3, 1.0, "old programs"),
    "tiff": Kind(0.005, ".tif", "TIFF", 1.0, 3.0, "scans and print"),
    "voice": Kind(
        0.03, ".opus", "OPUS", 5, 30, "voice messages: Opus, one channel", (20, 40), True
    ),
    "mp3": Kind(0.025, ".mp3", "MP3", 15, 45, "music and podcasts", (96, 192), True),
    "vorbis": Kind(0.005, ".ogg", "OGG", 10, 45, "games and free software", sound=True),
    "wav": Kind(0.01, ".wav", "WAV", 10, 45, "recorders, samples, synthetic speech", sound=True),
    "flac": Kind(0.01, ".flac", "FLAC", 15, 60, "music without loss", sound=True),
}
MARKED = 0.10
"""Of all files; every fifth of them also has a signed manifest, every fourth was cropped since."""

_ASPECTS = (4 / 3, 3 / 4, 3 / 2, 2 / 3, 16 / 9, 9 / 16, 1.0, 4 / 5)
_SCREENS = ((1080, 2340), (1170, 2532), (1920, 1080), (1440, 900), (1280, 800), (1080, 1920))
_LOOKS = 4


class Content:
    """The pictures and sounds that everything is cut out of, loaded when first needed."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._kept: dict[str, list[Any]] = {}

    def _once(self, name: str, make: Callable[[], list[Any]]) -> list[Any]:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _folder(self, name: str) -> list[Image.Image]:
        files = sorted((self._data / "images" / name).iterdir())
        return [
            Image.open(path).convert("RGB") for path in files if path.suffix in (".png", ".jpg")
        ]

    def _looks(self) -> list[Image.Image]:
        """Return the large pictures, each in some renderings."""
        return [
            image.point(_curve(0.75 + 0.13 * look, 1.25 - 0.12 * look))
            for image in self._folder("12mp")
            for look in range(_LOOKS)
        ]

    def pictures(self, megapixels: float) -> list[Image.Image]:
        """Return pictures that can be cut and reduced to a size without blowing them up much."""
        if megapixels > 4.5:
            return self._once("12", self._looks)
        if megapixels > 1.6:
            return self._once("5", lambda: [_reduced(i, 0.65) for i in self.pictures(12)])
        if megapixels > 0.5:
            return self._once(
                "1", lambda: self._folder("1024") + [_reduced(i, 0.6) for i in self.pictures(4)]
            )
        return self._once("0.3", lambda: self._folder("512") + self._folder("1024"))

    def sounds(self, kind: str) -> list[tuple[np.ndarray, int]]:
        """Return float32 ``[n, channels]`` and rate of the clips of the reporting half."""
        return self._once(
            kind,
            lambda: [
                soundfile.read(path, dtype="float32", always_2d=True)
                for what, path in clips(self._data / "audio")["reporting"]
                if what == kind
            ],
        )


def _reduced(image: Image.Image, scale: float) -> Image.Image:
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


def _curve(gain: float, gamma: float) -> list[int]:
    values = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255)
    return [round(float(value)) for value in values] * 3


def _pick(rng: np.random.Generator, among: Any) -> Any:
    return among[int(rng.integers(len(among)))]


def photo(content: Content, rng: np.random.Generator, megapixels: float) -> Image.Image:
    """Return a part of a picture at about a size."""
    image = _pick(rng, content.pictures(megapixels))
    # A large one stays at its own scale, as a camera has it: what differs is the place.
    large = megapixels > 4.5
    aspect = image.width / image.height if large else _pick(rng, _ASPECTS)
    share = rng.uniform(0.94, 1.0) if large else rng.uniform(0.75, 1.0)
    width = share * min(image.width, image.height * aspect)
    height = width / aspect
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    box = (left, top, left + width, top + height)
    if large:
        left, top, right, bottom = map(int, box)
        part = image.crop((left, top, right, bottom))
    else:
        area = 1e6 * megapixels
        size = (round((area * aspect) ** 0.5), round((area / aspect) ** 0.5))
        part = image.resize(size, Image.Resampling.BILINEAR, box)
        part = part.point(_curve(rng.uniform(0.8, 1.15), rng.uniform(0.8, 1.25)))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part


@cache
def _panels() -> list[Image.Image]:
    return [Image.fromarray(graphics.render(name)) for name in graphics.names()]


def screen(content: Content, rng: np.random.Generator) -> Image.Image:
    """Return something like a screen: panels of letters and charts, mostly a photo among them."""
    width, height = _pick(rng, _SCREENS)
    shade = tuple(int(value) for value in rng.integers(200, 256, 3))
    page = Image.new("RGB", (width, height), shade if rng.random() < 0.7 else (18, 18, 20))
    draw = ImageDraw.Draw(page)
    margin = int(rng.integers(10, 60))
    for top in range(80, height, 512 + margin):
        for left in range(margin, width, 512 + margin):
            if rng.random() < 0.8:
                panel = _pick(rng, _panels())
                page.paste(panel, (left, top))
    if rng.random() < 0.7:
        picture = photo(content, rng, 0.4)
        page.paste(picture, (int(rng.integers(width)) // 2, int(rng.integers(height)) // 2))
    title = f"{rng.integers(24):02}:{rng.integers(60):02}  {rng.integers(1 << 40):x}"
    draw.text((24, 20), title, (60, 120, 200), ImageFont.load_default(size=32))
    return page


def picture(
    name: str, content: Content, rng: np.random.Generator, laid: Laid | None
) -> tuple[bytes, dict[str, Any]]:
    """Make a picture of a kind."""
    kind = MIX[name]
    image = screen(content, rng) if name == "screen" else None
    image = image or photo(content, rng, rng.uniform(kind.low, kind.high))
    said: dict[str, Any] = {}
    if laid is not None and (marked := laid(np.asarray(image), None)) is not None:
        image = Image.fromarray(marked)
        said["marked"] = True
        if rng.random() < 0.25:
            said["cropped"] = True
            left, top = (int(rng.uniform(0.05, 0.2) * side) for side in image.size)
            image = image.crop((left, top, image.width - left // 2, image.height - top // 2))
    # A mark is laid on the picture as it is seen, so that is how the file stores it.
    data = encoded(
        image, kind.form, int(rng.integers(*kind.quality)), rng, upright="marked" in said
    )
    return data, {**said, "width": image.width, "height": image.height}


def encoded(
    image: Image.Image, form: str, quality: int, rng: np.random.Generator, *, upright: bool = False
) -> bytes:
    """Write a picture as programs do: with options that vary."""
    out = io.BytesIO()
    options: dict[str, Any] = {}
    if form == "JPEG":
        large = image.width * image.height > 8e6
        options = {"quality": quality, "subsampling": 0 if rng.random() < 0.15 else 2}
        options["progressive"] = not large and rng.random() < 0.3
        if large:
            options["exif"] = _exif(rng, 1 if upright else _pick(rng, (1, 1, 1, 6, 3, 8)))
    elif form == "PNG":
        options = {"compress_level": int(rng.integers(1, 5))}
    elif form == "WEBP":
        options = {"quality": quality, "method": int(rng.integers(0, 3))}
    elif form == "AVIF":
        options = {"quality": quality, "speed": 9, "max_threads": 1}
    elif form == "TIFF":
        options = {"compression": _pick(rng, ("tiff_lzw", "tiff_adobe_deflate", "raw"))}
    elif form == "GIF":
        image = image.quantize(int(rng.integers(64, 257)), Image.Quantize.FASTOCTREE)
        if rng.random() < 1 / 3:
            frames = [image.transform(image.size, Image.Transform.AFFINE, (1, 0, step, 0, 1, 0))
                      for step in (3, 6, 9, 12)]  # fmt: skip
            options = {"save_all": True, "append_images": frames, "duration": 80}
    image.save(out, form, **options)
    return out.getvalue()


def _exif(rng: np.random.Generator, held: int) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "A maker", f"Phone {rng.integers(20)}"
    exif[0x0112] = held
    exif[0x0132] = f"2026:{rng.integers(1, 13):02}:{rng.integers(1, 29):02} 10:00:00"
    return exif.tobytes()


def samples_of(
    content: Content, rng: np.random.Generator, what: str, seconds: float
) -> tuple[np.ndarray, int]:
    """Return a piece of sound, put together of several clips where one is too short."""
    parts: list[np.ndarray] = []
    first, rate = _pick(rng, content.sounds(what))
    missing = round(seconds * rate)
    clip = first
    while missing > 0:
        start = int(rng.integers(max(1, min(len(clip) // 2, len(clip) - missing))))
        parts.append(clip[start : start + missing])
        missing -= len(parts[-1])
        if missing > 0:
            clip, other = _pick(rng, content.sounds(what))
            clip = resample(clip, other, rate)
            clip = clip[:, :1].repeat(first.shape[1], 1) if clip.shape[1] == 1 else clip
            clip = mono(clip) if first.shape[1] == 1 else clip
    joined = np.concatenate(parts) * np.float32(rng.uniform(0.5, 1.0))
    return np.ascontiguousarray(joined, np.float32), rate


def sound(name: str, content: Content, rng: np.random.Generator, laid: Laid | None) -> Made:
    """Make a sound of a kind."""
    kind = MIX[name]
    speech = name == "voice" or (name in ("mp3", "wav", "vorbis") and rng.random() < 0.4)
    what = "speech" if speech else "music"
    samples, rate = samples_of(content, rng, what, rng.uniform(kind.low, kind.high))
    if name == "voice":
        samples, rate = resample(mono(samples), rate, 48_000), 48_000
    said: dict[str, Any] = {}
    if laid is not None and (marked := laid(samples, rate)) is not None:
        samples = marked
        said["marked"] = True
    data = sound_file(samples, rate, kind.form, int(rng.integers(*kind.quality)))
    return data, {
        **said,
        "seconds": round(len(samples) / rate, 3),
        "rate": rate,
        "channels": samples.shape[1],
    }


def sound_file(samples: np.ndarray, rate: int, form: str, kbps: int) -> bytes:
    """Write a sound."""
    if form == "MP3":
        return _mp3(samples, rate, kbps)
    out = io.BytesIO()
    subtype = {"OPUS": "OPUS", "OGG": "VORBIS"}.get(form, "PCM_16")
    container = "OGG" if form == "OPUS" else form
    # In blocks: libsndfile's Vorbis encoder overflows its stack on one large write.
    with soundfile.SoundFile(out, "w", rate, samples.shape[1], subtype, format=container) as file:
        for start in range(0, len(samples), 8192):
            file.write(np.clip(samples[start : start + 8192], -1, 1))
    return out.getvalue()


def _mp3(samples: np.ndarray, rate: int, kbps: int) -> bytes:
    import av

    out = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(out, "w", format="mp3") as file:
        # 9 is LAME's quickest: what is measured is reading.
        stream: Any = file.add_stream("libmp3lame", rate, options={"compression_level": "9"})
        stream.layout, stream.bit_rate = layout, 1000 * kbps
        planes = np.ascontiguousarray(np.clip(samples, -1, 1).T)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = rate
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def kinds_of(files: int, rng: np.random.Generator) -> list[str]:
    """Return the kind of every file, shares kept as far as whole files allow, in random order.

    >>> kinds_of(200, np.random.default_rng(1)).count("social")
    54
    """
    wanted = {name: kind.share * files for name, kind in MIX.items()}
    counts = {name: int(share) for name, share in wanted.items()}
    rest = sorted(wanted, key=lambda name: counts[name] - wanted[name])
    for name in rest[: files - sum(counts.values())]:
        counts[name] += 1
    names = [name for name, count in counts.items() for _ in range(count)]
    return [names[index] for index in rng.permutation(len(names))]
