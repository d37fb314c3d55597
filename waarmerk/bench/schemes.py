"""The marks of this project as schemes of the suite, and how others are named and loaded.

``--scheme`` takes a name of `OWN`, one of a peer, or a researcher's own scheme as ``FILE.py:NAME``
or ``package.module:NAME``; NAME is a class or function that gives the scheme without arguments.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

from waarmerk.bench.marks import bench_id, bench_key, hear_each, log10_p, read_each
from waarmerk.bench.protocol import (
    MEDIA,
    Content,
    Marked,
    Medium,
    Reading,
    RefusedError,
    Scheme,
    Value,
)
from waarmerk.errors import CannotMarkError, InputError

if TYPE_CHECKING:
    from waarmerk.detection.file import Effort
    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.marking.text.scheme import TextScheme

__all__ = ["OWN", "AudioMark", "ImageMark", "TextMarks", "defaults", "load"]


def _reading(finding: WatermarkFinding) -> Reading:
    payload = None if finding.mark_id is None else str(finding.mark_id)
    return Reading(finding.found, payload, log10_p(finding))


@dataclass(frozen=True, slots=True)
class ImageMark:
    """The mark waarmerk.image.1."""

    effort: Effort = "full"
    medium: ClassVar[Medium] = "image"
    keyed: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Return the name of the mark, with the effort if it is not the full one."""
        return "waarmerk.image.1" + ("" if self.effort == "full" else f" ({self.effort})")

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Mark a picture."""
        from waarmerk import mark_image

        sent = bench_id("suite", content.name, key, number)
        try:
            marked = mark_image(value, bench_key("suite", key), mark_id=sent)
        except CannotMarkError as error:
            raise RefusedError(str(error)) from error
        return Marked(marked.content, str(sent))

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Look for the mark of each key; the analysis of the picture is shared."""
        found = read_each(value, [bench_key("suite", key) for key in keys], self.effort)
        return [_reading(each) for each in found]


@dataclass(frozen=True, slots=True)
class AudioMark:
    """The mark waarmerk.audio.1."""

    effort: Effort = "full"
    medium: ClassVar[Medium] = "audio"
    keyed: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Return the name of the mark, with the effort if it is not the full one."""
        return "waarmerk.audio.1" + ("" if self.effort == "full" else f" ({self.effort})")

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Mark a sound."""
        from waarmerk import mark_audio

        sent = bench_id("suite", content.name, key, number)
        try:
            marked = mark_audio(value.samples, value.rate, bench_key("suite", key), mark_id=sent)
        except CannotMarkError as error:
            raise RefusedError(str(error)) from error
        return Marked(value._replace(samples=marked.content), str(sent))

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Look for the mark of each key; the analysis of the sound is shared."""
        known = [bench_key("suite", key) for key in keys]
        return [_reading(each) for each in hear_each(value.samples, value.rate, known, self.effort)]


@dataclass(frozen=True, slots=True)
class TextMarks:
    """A token watermark, made while the generator of the suite writes.

    Attributes
    ----------
    family : str
        A name of `waarmerk.bench.content.text_write.SCHEMES`; the one with an id reads both.
    """

    family: str = "waarmerk.text.1 with id"
    medium: ClassVar[Medium] = "text"
    keyed: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Return the name of the family."""
        return self.family

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Write a marked text of as many tokens as `value`, and one without a mark."""
        if content.generator is None:
            raise RefusedError("this content has nothing that writes")
        generator = content.generator()
        scheme, payload = self._scheme(key, f"{content.name} {number}")
        seed = (content.name, key, number)
        written = generator.write(scheme, len(value), self.name, *seed)
        plain = generator.write(None, len(value), *seed)
        return Marked(written.ids, payload, plain.ids)

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Look for the mark of each key, at any length."""
        from waarmerk import detect_texts

        found = []
        for key in keys:
            scheme, _ = self._scheme(key, "")
            texts = detect_texts([value], scheme, min_tokens=0, workers=1)
            found.append(_reading(texts.finding(0)))
        return found

    def _scheme(self, key: int, sent: str) -> tuple[TextScheme, str | None]:
        """Return the scheme with a key, and the payload that it writes."""
        return _text_scheme(self.family, key, sent)


@lru_cache(maxsize=4096)
def _text_scheme(family: str, key: int, sent: str) -> tuple[TextScheme, str | None]:
    from waarmerk.bench.content.text_model import VOCABULARY
    from waarmerk.bench.content.text_write import SCHEMES, scheme_of

    if SCHEMES[family][0] != "waarmerk":
        return scheme_of(family, VOCABULARY, "suite", key), None
    from waarmerk.marking.text import TextMark

    mark_id = bench_id("suite", sent, key) if SCHEMES[family][1]["mark_id"] else None
    return TextMark(bench_key("suite", key), mark_id), None if mark_id is None else str(mark_id)


OWN: dict[str, Callable[[], Scheme]] = {
    "waarmerk.image.1": ImageMark,
    "waarmerk.image.1 (fast)": partial(ImageMark, "fast"),
    "waarmerk.audio.1": AudioMark,
    "waarmerk.audio.1 (fast)": partial(AudioMark, "fast"),
    **{
        name: partial(TextMarks, name)
        for name in (
            "waarmerk.text.1 with id",
            "waarmerk.text.1",
            "synthid.transformers",
            "synthid.synthid-text",
            "kgw.lefthash",
            "kgw.selfhash",
            "gumbel.vllm",
            "gumbel.sglang",
        )
    },
}


def defaults(medium: Medium) -> tuple[str, ...]:
    """Return the names of the schemes that a suite measures when none is named."""
    return {
        "image": ("waarmerk.image.1",),
        "audio": ("waarmerk.audio.1",),
        "text": ("waarmerk.text.1 with id", "synthid.transformers"),
    }[medium]


def load(name: str) -> Scheme:
    """Return the scheme of a name, as the head of this module says.

    Raises
    ------
    InputError
        If there is no such scheme, or what is there is none.
    """
    if name in OWN:
        return OWN[name]()
    from waarmerk.bench.peers.schemes import PEERS, ready_peer

    if name in PEERS:
        return ready_peer(name)
    where, colon, attribute = name.rpartition(":")
    if not colon:
        raise InputError(
            f"{name}: is no scheme of the suite; there are {', '.join(OWN)}, those of peers "
            f"({', '.join(PEERS)}), and your own as FILE.py:NAME"
        )
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else _imported(where)
        scheme = getattr(module, attribute)()
    except (ImportError, AttributeError, TypeError, OSError) as error:
        raise InputError(f"{name}: this scheme cannot be loaded: {error}") from error
    if not isinstance(scheme, Scheme) or scheme.medium not in MEDIA:
        raise InputError(f"{name}: is not a scheme: see waarmerk.bench.protocol.Scheme")
    return scheme


def _imported(name: str) -> ModuleType:
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    """Import a file under a name of its own, once in every process."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    name = f"waarmerk_scheme_{digest}"
    if name not in sys.modules:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file with a scheme")
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise InputError(f"{path}: is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
