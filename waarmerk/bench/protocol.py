"""What the suite measures: content, schemes that mark it, and transformations of what was marked.

A scheme is anything with the members of `Scheme`; a researcher's own needs no base class and no
registration (docs/benchmarking.md shows one). What is marked is called a value::

    image   uint8 [height, width, 3], RGB
    audio   a `Sound`: float32 [samples, channels] with full scale 1, and its rate
    text    int64 [tokens], ids of the suite's tokenizer

    Content ─load─> value ─Scheme.mark─> Marked ─Transformation─> value ─Scheme.read─> Reading

Nothing is changed in place: every step returns a new value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from waarmerk.errors import WaarmerkError

if TYPE_CHECKING:
    import numpy as np

    from waarmerk.bench.content.generator import TextGenerator

__all__ = [
    "CATEGORIES",
    "MEDIA",
    "Category",
    "Content",
    "Marked",
    "Medium",
    "Reading",
    "RefusedError",
    "Scheme",
    "Sound",
    "Tools",
    "Transformation",
    "Value",
]

Medium = Literal["image", "audio", "text"]
MEDIA: tuple[Medium, ...] = ("image", "audio", "text")

Category = Literal[
    "none", "in place", "localised", "desynchronisation", "analogue hole", "malicious"
]
"""The Code of Practice's words for what happens to content (Measure 3.3)."""

CATEGORIES: tuple[Category, ...] = (
    "none",
    "in place",
    "localised",
    "desynchronisation",
    "analogue hole",
    "malicious",
)

Value = Any
"""Content as arrays; which, says the table above."""


class RefusedError(WaarmerkError):
    """A scheme does not mark this content; the reason becomes part of its row."""


class Sound(NamedTuple):
    """A sound: float32 ``[samples, channels]`` with full scale 1, and samples per second."""

    samples: np.ndarray
    rate: int


@dataclass(frozen=True, slots=True)
class Content:
    """One piece of content that nobody marked yet.

    Attributes
    ----------
    name : str
        Unique among the content of a medium; stands in rows.
    medium : {"image", "audio", "text"}
        What kind of value it is.
    group : str
        Content type that error rates are split by: a folder of pictures, ``music``, ``en``.
    load : callable
        Returns the value. It can be pickled, as other processes call it.
    generator : callable or None
        For text: returns the generator that writes marked text in its place. Can be pickled, too.
    """

    name: str
    medium: Medium
    group: str
    load: Callable[[], Value]
    generator: Callable[[], TextGenerator] | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """A marked value, and the payload in it: hex digits, or None if the scheme carries none.

    `original` is the value before, where it is not what was handed in: a text of another length.
    `seconds` is the CPU time of marking where another process did it; else the suite measures.
    """

    value: Value
    payload: str | None = None
    original: Value | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a detector says of one value.

    Attributes
    ----------
    found : bool or None
        Whether it takes the value for marked, at its own threshold; None if it never says.
    payload : str or None
        Hex digits that it reads.
    log10_p : float or None
        Of its claimed probability to say this of unmarked content; at most 0. None: it has none.
    seconds : float or None
        CPU time of the reading, where another process did it; else the suite measures.
    """

    found: bool | None
    payload: str | None = None
    log10_p: float | None = None
    seconds: float | None = None


@runtime_checkable
class Scheme(Protocol):
    """A watermark: something that marks, and something that finds the mark.

    Keys are numbers: the scheme makes its secret key from the number, the same one every time, so
    that rows can be repeated. A payload follows from ``(content, key, number)`` likewise. A scheme
    must be importable by name, as every worker makes its own.

    One that never says that there is no mark, and gives no p-value, may say so with an attribute
    ``decides = False``: content without a mark then tells nothing about it, and is left out.
    """

    @property
    def name(self) -> str:
        """Stands in rows and reports."""

    @property
    def medium(self) -> Medium:
        """What it marks."""

    @property
    def keyed(self) -> bool:
        """Whether it has keys; without, wrong keys are not tried."""

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Mark a value of `content` with key `key` and its payload number `number`.

        Raises
        ------
        RefusedError
            If it does not mark this value.
        """

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Look for the mark of each key by itself: one reading a key, in their order."""


class Tools:
    """What a transformation may use beside the value: chance, and what an attacker can have.

    Attackers here know the scheme and have things marked by it, but never its key.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        content: Content,
        scheme: Scheme,
        key: int,
        contents: Sequence[Content] = (),
    ) -> None:
        self.rng = rng
        self.content = content
        self._scheme = scheme
        self._key = key
        self._contents = tuple(contents)

    @property
    def scheme_name(self) -> str:
        """Name of the scheme that marked the value."""
        return self._scheme.name

    @property
    def key(self) -> int:
        """Number of the key that marked the value: a name for what was marked alike."""
        return self._key

    def other_key(self, value: Value) -> Value:
        """Return the value marked, or marked over, with a key that is the attacker's own."""
        return self._scheme.mark(self.content, value, -1).value

    def copies(self, count: int) -> list[Value]:
        """Return this very content marked `count` times with the key, each with another payload."""
        value = self.content.load()
        return [
            self._scheme.mark(self.content, value, self._key, 1 + number).value
            for number in range(count)
        ]

    def works(self) -> Iterator[tuple[Value, Value]]:
        """Yield (original, marked) of other contents under the same key, each with its payload.

        They come in the order of the contents, over and over again with new payloads; contents
        that the scheme refuses are left out.
        """
        others = [other for other in self._contents if other.name != self.content.name]
        number = 0
        while True:
            done = 0
            for other in others:
                value = other.load()
                try:
                    marked = self._scheme.mark(other, value, self._key, 1000 + number)
                except RefusedError:
                    continue
                done += 1
                yield (value if marked.original is None else marked.original), marked.value
            if not done:
                return
            number += 1

    def other_contents(self) -> list[Content]:
        """Return the other contents of the run, as they were before marking."""
        return [other for other in self._contents if other.name != self.content.name]


@dataclass(frozen=True, slots=True)
class Transformation:
    """A family of changes of one kind, with a strength axis.

    Attributes
    ----------
    name : str
        Stands in rows.
    medium : {"image", "audio", "text"}
        What it changes.
    category : Category
        In the words of the Code of Practice.
    title : str
        How reports call it.
    axis : str
        What `strengths` are, with the unit: ``quality``, ``share of the area kept, %``.
    strengths : tuple of float
        From the weakest change to the strongest. One without an axis has one strength, 0.
    function : callable
        ``(value, strength, tools) -> value``.
    quick : tuple of float
        The strengths of the quick profile; the others are for the full one.
    forges : bool
        Whether what comes out is content that never was marked, made to look as if: being found is
        bad then.
    """

    name: str
    medium: Medium
    category: Category
    title: str
    axis: str
    strengths: tuple[float, ...]
    function: Callable[[Value, float, Tools], Value] = field(repr=False)
    quick: tuple[float, ...] = ()
    forges: bool = False
