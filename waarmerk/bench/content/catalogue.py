"""The content that the suite marks: a user's folder, or what comes with the package.

::

    DIR/images/GROUP/picture.png    or DIR/GROUP/..; GROUP is the content type in the report
    DIR/audio/clip.flac             mu_* is music, all others speech
    DIR/text/en.jsonl.gz            a document a line, see `waarmerk.bench.content.texts`

Figures are for content that nothing was tuned on. A folder of pictures whose name ends in ``-more``
or ``-tuning`` is the tuning half; sounds and texts are dealt into halves by their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from PIL import Image

from waarmerk.bench.content import sounds, texts
from waarmerk.bench.content.generator import TextGenerator, library
from waarmerk.bench.content.pictures import SUFFIXES, read_rgb
from waarmerk.bench.content.text_model import Ids
from waarmerk.bench.content.text_write import PROMPT
from waarmerk.bench.protocol import Content, Medium, Sound, Value
from waarmerk.errors import InputError

__all__ = ["HALVES", "LENGTHS", "Half", "contents", "few", "size_of"]

Half = Literal["tuning", "reporting", "both"]
HALVES: tuple[Half, ...] = ("tuning", "reporting", "both")
TUNING = ("-more", "-tuning")
SMALL = 2_000_000
"""Pixels of the largest picture that the quick profile takes."""

LENGTHS = (400, 200, 1200)
"""Tokens of a text; documents take turns, as error rates are given by length."""

_SHIPPED_PICTURES = ("lake.jpg", "pebbles.jpg", "sea.webp")
_SHIPPED_SOUNDS = {"tune.flac": "music", "voice.flac": "speech"}


def contents(medium: Medium, data: Path | None, half: Half, models: Path) -> list[Content]:
    """Return all content of a medium, in a fixed order.

    Parameters
    ----------
    medium : {"image", "audio", "text"}
        What kind.
    data : Path or None
        A folder as shown above; None for what comes with the package.
    half : {"tuning", "reporting", "both"}
        What comes with the package is in both.
    models : Path
        Folder where the models that write texts are kept.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    if data is not None and not data.is_dir():
        raise InputError(f"{data}: is not a folder; --data names one with images/, audio/ or text/")
    find = {"image": _pictures, "audio": _sounds, "text": _texts}[medium]
    found = list(find(data, half, models))
    if not found:
        raise InputError(
            f"{data}: has no content for the suite {medium}, half {half}; "
            "docs/benchmarking.md says how such a folder looks"
        )
    return found


def few(all_of_them: list[Content], most: int, *, large: bool = False) -> list[Content]:
    """Return the first contents of each group, without very large pictures unless `large`."""
    taken: dict[str, list[Content]] = {}
    for content in all_of_them:
        group = taken.setdefault(content.group, [])
        if len(group) < most and (large or not _is_large(content)):
            group.append(content)
    return [content for group in taken.values() for content in group]


def size_of(medium: Medium, value: Value) -> float:
    """Return megapixels, seconds or tokens, to three digits."""
    if medium == "image":
        return float(round(value.shape[0] * value.shape[1] / 1e6, 3))
    if medium == "audio":
        return float(round(len(value.samples) / value.rate, 3))
    return float(len(value))


def _is_large(content: Content) -> bool:
    path = content.load.args[0] if isinstance(content.load, partial) else None
    if content.medium != "image" or not isinstance(path, Path):
        return False
    with Image.open(path) as image:
        return image.width * image.height > SMALL


def _of(data: Path, name: str) -> Path:
    """Return the subfolder of a medium, or the folder itself if it has none."""
    return data / name if (data / name).is_dir() else data


def _pictures(data: Path | None, half: Half, _models: Path) -> Iterator[Content]:
    if data is None:
        for name in _SHIPPED_PICTURES:
            yield Content(f"shipped/{name}", "image", "shipped", partial(_shipped_picture, name))
        return
    for folder in sorted(path for path in _of(data, "images").iterdir() if path.is_dir()):
        if half == "both" or folder.name.endswith(TUNING) == (half == "tuning"):
            for path in sorted(folder.iterdir()):
                if path.suffix.lower() in SUFFIXES:
                    name = f"{folder.name}/{path.stem}"
                    yield Content(name, "image", folder.name, partial(read_rgb, path))


def _shipped(name: str) -> Path:
    """Return a file of the demo; packages are installed as folders here, never as archives."""
    return Path(str(resources.files("waarmerk") / "demo_data" / name))


def _shipped_picture(name: str) -> np.ndarray:
    return read_rgb(_shipped(name))


def _sounds(data: Path | None, half: Half, _models: Path) -> Iterator[Content]:
    if data is None:
        for name, group in _SHIPPED_SOUNDS.items():
            yield Content(f"shipped/{name}", "audio", group, partial(_shipped_sound, name))
        return
    for piece in sounds.pieces(_of(data, "audio"), half):
        yield Content(piece.name, "audio", piece.kind, partial(_sound, piece))


def _shipped_sound(name: str) -> Sound:
    samples, rate = soundfile.read(_shipped(name), dtype="float32", always_2d=True)
    return Sound(samples, rate)


def _sound(piece: sounds.Piece) -> Sound:
    return Sound(*piece.load())


def _texts(data: Path | None, half: Half, models: Path) -> Iterator[Content]:
    if half != "reporting":
        raise InputError(
            "texts are reported on in the reporting half; the tuning half trains the generator"
        )
    folder = None if data is None else _of(data, "text")
    languages = ("en",) if folder is None else texts.LANGUAGES
    for language in languages:
        for name, *_ in _places(folder, models, language):
            load = partial(_text, folder, models, language, name)
            generator = partial(_generator, folder, models, language, name)
            yield Content(f"{language}/{name}", "text", language, load, generator)


@lru_cache(maxsize=4)
def _places(folder: Path | None, models: Path, language: str) -> list[tuple[str, int, int, int]]:
    """Return name, document, start and end of windows of `LENGTHS` tokens.

    Of every document the first comes first, then every second, and so on, so that the first few
    are of as many documents.
    """
    known = library(folder, models, language)
    found = []
    for index, document in enumerate(known.documents):
        starts = range(0, document.size + 1, LENGTHS[index % len(LENGTHS)])
        for number, (start, end) in enumerate(pairwise(starts)):
            found.append((number, index, start, end))
    return [
        (f"{known.names[index]}/{number}", index, start, end)
        for number, index, start, end in sorted(found)
    ]


def _place(folder: Path | None, models: Path, language: str, name: str) -> tuple[int, int, int]:
    return {each[0]: each[1:] for each in _places(folder, models, language)}[name]


def _text(folder: Path | None, models: Path, language: str, name: str) -> Ids:
    index, start, end = _place(folder, models, language, name)
    return library(folder, models, language).documents[index][start:end].copy()


def _generator(folder: Path | None, models: Path, language: str, name: str) -> TextGenerator:
    known = library(folder, models, language)
    index, start, _ = _place(folder, models, language, name)
    document = known.documents[index]
    # The first window goes on from the longest paragraph; further ones from where they stand.
    prompt = known.prompts[index] if start == 0 else document[start : start + PROMPT]
    return TextGenerator(known, prompt)
