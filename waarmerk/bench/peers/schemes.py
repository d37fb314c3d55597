"""The peers as schemes of the suite, by name; `PEERS` is what ``--scheme`` looks in.

What a row of theirs means:

- The image peers are told how long the payload is, and nothing else. They always return bits and
  never say that there is no mark, so `found` is None and there is no p-value.
- audiowmark prints patterns with a rating; the payload read is the best rated one. With 128 bits it
  prints some for every sound, so `found` is None; with a short payload it prints none where it sees
  none, and `found` says whether it printed any.
- For the peers of text, our marker writes with their key, bit for bit as theirs does, and their own
  detector reads. Its z-score becomes a p-value by the normal law that transformers documents for
  it; `found` is its prediction at its own threshold, z > 3. SynthID has no threshold of its own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from waarmerk.bench.peers.audiowmark import AUDIOWMARK_VARIABLE, AudiowmarkProgram, audiowmark_path
from waarmerk.bench.peers.client import ImagePeers, PeerRefusedError, PeerWorker, worker_file
from waarmerk.bench.peers.environments import (
    ENVIRONMENTS,
    PEERS_VARIABLE,
    environments_folder,
    installed,
    python_of,
)
from waarmerk.bench.protocol import (
    Content,
    Marked,
    Medium,
    Reading,
    RefusedError,
    Scheme,
    Sound,
    Value,
)
from waarmerk.bench.seeds import rng_for
from waarmerk.errors import InputError

__all__ = [
    "PEERS",
    "USUAL",
    "Audiowmark",
    "AudiowmarkShort",
    "AudiowmarkShortSpeed",
    "BlindWatermark",
    "ImwatermarkDwtDct",
    "ImwatermarkDwtDctSvd",
    "TransformersKGW",
    "TransformersKGWSelfhash",
    "TransformersSynthID",
    "environment_of",
    "peer_names",
    "ready_peer",
    "use",
    "versions",
]


@lru_cache(maxsize=8)
def _worker(environment: str, kind: str, folder: Path, *arguments: str) -> PeerWorker:
    """Return the worker of an environment; schemes of one process share it."""
    python = python_of(ENVIRONMENTS[environment], folder)
    return PeerWorker(environment, python, worker_file(kind), arguments)


class _ImagePeer:
    """A peer of pictures that carries so many bits."""

    medium: ClassVar[Medium] = "image"
    decides: ClassVar[bool] = False
    keyed: ClassVar[bool] = False
    usual_bits: ClassVar[int]
    plain_name: ClassVar[str]
    peer: ClassVar[str]
    environment: ClassVar[str]
    module: ClassVar[str]

    def __init__(self, bits: int | None = None) -> None:
        self.bits = self.usual_bits if bits is None else bits
        if self.bits % 4:
            raise InputError(f"{self.plain_name}: {self.bits} bits are no whole hex digits")

    @property
    def name(self) -> str:
        """Return the name, with the bits if they are not the usual ones."""
        usual = self.bits == self.usual_bits
        return self.plain_name if usual else f"{self.plain_name}.{self.bits}bit"

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Mark a picture."""
        sent = _payload(self.name, self.bits, content, key, number)
        bits = f"{int(sent, 16):0{self.bits}b}"
        try:
            marked, spent = self._peers().embed(self.peer, value, bits, **self._options(key))
        except PeerRefusedError as error:
            raise RefusedError(str(error)) from error
        return Marked(marked, sent, seconds=spent.cpu)

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Read bits under each key; without keys, once for all of them."""
        if self.keyed:
            return [self._reading(value, key) for key in keys]
        return [self._reading(value, keys[0])] * len(keys) if keys else []

    def _reading(self, value: Value, key: int) -> Reading:
        try:
            bits, spent = self._peers().extract(self.peer, value, self.bits, **self._options(key))
        except PeerRefusedError:  # a picture that it cannot read is a payload that it did not read
            return Reading(None)
        return Reading(None, f"{int(bits, 2):0{self.bits // 4}x}", seconds=spent.cpu)

    def _options(self, _key: int) -> dict[str, object]:
        return {}

    def _peers(self) -> ImagePeers:
        return ImagePeers(_worker(self.environment, "image", environments_folder(), self.module))


class _Imwatermark(_ImagePeer):
    usual_bits: ClassVar[int] = 32
    environment: ClassVar[str] = "invisible-watermark"
    module: ClassVar[str] = "imwatermark"


class ImwatermarkDwtDct(_Imwatermark):
    """invisible-watermark's ``dwtDct``, the default of Stable Diffusion; 32 bits, no key."""

    plain_name: ClassVar[str] = "imwatermark.dwtDct"
    peer: ClassVar[str] = "dwtDct"


class ImwatermarkDwtDctSvd(_Imwatermark):
    """invisible-watermark's ``dwtDctSvd``; 32 bits, no key."""

    plain_name: ClassVar[str] = "imwatermark.dwtDctSvd"
    peer: ClassVar[str] = "dwtDctSvd"


class BlindWatermark(_ImagePeer):
    """blind-watermark; 64 bits, and two passwords that follow from the key."""

    keyed: ClassVar[bool] = True
    plain_name: ClassVar[str] = "blind-watermark"
    usual_bits: ClassVar[int] = 64
    peer: ClassVar[str] = "blind"
    environment: ClassVar[str] = "blind-watermark"
    module: ClassVar[str] = "blind_watermark"

    def _options(self, key: int) -> dict[str, object]:
        # It seeds NumPy's older generator with them, which takes 32 bits.
        return {"passwords": rng_for("passwords", key).integers(1 << 32, size=2).tolist()}


class Audiowmark:
    """audiowmark as it comes: 128 bits, strength 10.

    Parameters
    ----------
    bits : int
        128, or a short payload: 12, 16 or 20.
    strength : float or None
        None leaves it at the program's default.
    detect_speed : bool
        Whether another speed is searched for, which takes many times as long.
    """

    medium: ClassVar[Medium] = "audio"
    keyed: ClassVar[bool] = True

    def __init__(
        self, bits: int = 128, strength: float | None = None, *, detect_speed: bool = False
    ) -> None:
        self.bits, self.strength, self.detect_speed = bits, strength, detect_speed
        self._program: AudiowmarkProgram | None = None

    @property
    def name(self) -> str:
        """Return the name, with what differs from the program's defaults."""
        parts = ["audiowmark"]
        parts += [f"{self.bits}bit"] if self.bits != 128 else []
        parts += [] if self.strength is None else [f"strength{self.strength:g}"]
        parts += ["speed"] if self.detect_speed else []
        return ".".join(parts)

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Mark a sound."""
        # Named by the bits alone: with and without the search, the marked sound is the same.
        sent = _payload(f"audiowmark {self.bits}", self.bits, content, key, number)
        options = [*self._short(), *self._key(key)]
        if self.strength is not None:
            options += ["--strength", f"{self.strength:g}"]
        try:
            marked, done = self._tool().add(value.samples, value.rate, sent, options)
        except PeerRefusedError as error:
            raise RefusedError(str(error)) from error
        return Marked(Sound(marked, value.rate), sent, seconds=done.cpu)

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Read the best rated pattern under each key."""
        return [self._reading(value, key) for key in keys]

    def _reading(self, value: Value, key: int) -> Reading:
        options = [*self._short(), *self._key(key)]
        options += ["--detect-speed"] if self.detect_speed else []
        patterns, done = self._tool().get(value.samples, value.rate, options)
        found = None if self.bits == 128 else bool(patterns)
        return Reading(found, patterns[0].bits if patterns else None, seconds=done.cpu)

    def _short(self) -> list[str]:
        return [] if self.bits == 128 else ["--short", str(self.bits)]

    def _key(self, key: int) -> list[str]:
        secret = rng_for("audiowmark key", key).bytes(16)
        return ["--key", self._tool().key_file(f"{key}", secret)]

    def _tool(self) -> AudiowmarkProgram:
        if self._program is None:
            self._program = AudiowmarkProgram(audiowmark_path())
        return self._program


class AudiowmarkShort(Audiowmark):
    """audiowmark at its strongest in our measurements: 16 bits, strength 30."""

    def __init__(self) -> None:
        super().__init__(16, 30)


class AudiowmarkShortSpeed(Audiowmark):
    """The same, reading with the search for another speed; slow."""

    def __init__(self) -> None:
        super().__init__(16, 30, detect_speed=True)


class _TransformersPeer:
    """A mark of transformers: written by ours with the same key, read by theirs."""

    medium: ClassVar[Medium] = "text"
    keyed: ClassVar[bool] = True
    name: ClassVar[str]
    family: ClassVar[str]

    def mark(self, content: Content, value: Value, key: int, number: int = 0) -> Marked:
        """Write a marked text: the very one that our own scheme of the family writes."""
        from waarmerk.bench.schemes import TextMarks

        return TextMarks(self.family).mark(content, value, key, number)

    def read(self, value: Value, keys: Sequence[int]) -> list[Reading]:
        """Ask their detector under each key."""
        worker = _worker("transformers", "text", environments_folder())
        source = worker.file("ids.npy")
        np.save(source, np.asarray(value, np.int64))
        return [self._reading(worker, source, key) for key in keys]

    def _reading(self, worker: PeerWorker, source: Path, key: int) -> Reading:
        try:
            answer = worker.ask(input=str(source), **self._request(_text_scheme(self.family, key)))
        except PeerRefusedError:  # too short for it
            return Reading(None)
        return Reading(answer.get("found"), log10_p=_upper_tail(answer["z"]), seconds=answer["cpu"])

    def _request(self, scheme: Any) -> dict[str, object]:
        raise NotImplementedError


class TransformersKGW(_TransformersPeer):
    """KGW with one token of context (lefthash), read by transformers' ``WatermarkDetector``."""

    name: ClassVar[str] = "transformers.kgw.lefthash"
    family: ClassVar[str] = "kgw.lefthash"

    def _request(self, scheme: Any) -> dict[str, object]:
        return {
            "do": "kgw",
            "vocabulary": scheme.vocab_size,
            "repeats": True,  # its default: an n-gram counts as often as it occurs
            "marking": {
                "greenlist_ratio": scheme.gamma,
                "bias": scheme.delta,
                "hashing_key": scheme.hashing_key,
                "seeding_scheme": scheme.seeding,
                "context_width": scheme.context_width,
            },
        }


class TransformersKGWSelfhash(TransformersKGW):
    """KGW with four tokens of context and the candidate's own hash (selfhash)."""

    name: ClassVar[str] = "transformers.kgw.selfhash"
    family: ClassVar[str] = "kgw.selfhash"


class TransformersSynthID(_TransformersPeer):
    """SynthID-Text, read by the mean of the g-values that transformers computes."""

    name: ClassVar[str] = "transformers.synthid"
    family: ClassVar[str] = "synthid.transformers"

    def _request(self, scheme: Any) -> dict[str, object]:
        return {
            "do": "synthid",
            "marking": {
                "keys": list(scheme.keys),
                "ngram_len": scheme.ngram_len,
                "sampling_table_size": scheme.sampling_table_size,
                "sampling_table_seed": scheme.sampling_table_seed,
                "context_history_size": scheme.context_history_size,
            },
        }


PEERS: dict[str, Callable[[], Scheme]] = {
    "imwatermark.dwtDct": ImwatermarkDwtDct,
    "imwatermark.dwtDctSvd": ImwatermarkDwtDctSvd,
    "blind-watermark": BlindWatermark,
    "audiowmark": Audiowmark,
    "audiowmark.16bit.strength30": AudiowmarkShort,
    "audiowmark.16bit.strength30.speed": AudiowmarkShortSpeed,
    "transformers.kgw.lefthash": TransformersKGW,
    "transformers.kgw.selfhash": TransformersKGWSelfhash,
    "transformers.synthid": TransformersSynthID,
}
"""Every peer by the name that its rows have."""

USUAL = tuple(name for name in PEERS if name != "audiowmark.16bit.strength30.speed")
"""Those that are measured if none is named; the other takes as long as the sounds last."""


def ready_peer(name: str) -> Scheme:
    """Return a peer that can be run: what ``--scheme`` loads.

    Raises
    ------
    InputError
        If its environment is not ready, or its program is not there.
    """
    environment = environment_of(name)
    if environment is None:
        audiowmark_path()
    else:
        python_of(ENVIRONMENTS[environment], environments_folder())
    return PEERS[name]()


def peer_names(suite: str, *, large: bool, audiowmark: bool) -> list[str]:
    """Return the peers of a suite that are measured if none is named.

    Parameters
    ----------
    suite : {"image", "audio", "text", "all"}
        What they mark.
    large : bool
        Whether those with large environments are among them.
    audiowmark : bool
        Whether audiowmark is.
    """
    media = {"image", "audio", "text"} if suite == "all" else {suite}
    media -= set() if audiowmark else {"audio"}
    return [
        name
        for name in USUAL
        if PEERS[name]().medium in media
        and (large or (where := environment_of(name)) is None or not ENVIRONMENTS[where].large)
    ]


def use(environments: Path, audiowmark: str | Path | None = None) -> None:
    """Let this process, and those that it starts, find the peers there."""
    os.environ[PEERS_VARIABLE] = str(environments.absolute())
    if audiowmark is not None:
        os.environ[AUDIOWMARK_VARIABLE] = audiowmark_path(audiowmark)


def environment_of(name: str) -> str | None:
    """Return the name of the environment of a peer; None for a program."""
    scheme = PEERS[name]()
    if isinstance(scheme, _ImagePeer):
        return scheme.environment
    return "transformers" if isinstance(scheme, _TransformersPeer) else None


def versions(name: str) -> dict[str, str]:
    """Return the version of a peer where it is ready, by package; empty where it is not."""
    environment = environment_of(name)
    if environment is None:
        try:
            said = AudiowmarkProgram(audiowmark_path()).version()
        except InputError:
            return {}
        return {"audiowmark": said.removeprefix("audiowmark ")}
    found = installed(ENVIRONMENTS[environment], environments_folder())
    return {environment: found[environment]} if environment in found else {}


def _payload(name: str, bits: int, content: Content, key: int, number: int) -> str:
    """Return hex digits."""
    drawn = int.from_bytes(rng_for("payload", name, content.name, key, number).bytes(16), "big")
    return f"{drawn >> (128 - bits):0{bits // 4}x}"


def _text_scheme(family: str, key: int) -> Any:
    """Return our scheme of a family with the suite's key: what the text was written with."""
    from waarmerk.bench.content.text_model import VOCABULARY
    from waarmerk.bench.content.text_write import scheme_of

    return scheme_of(family, VOCABULARY, "suite", key)


def _upper_tail(z: float) -> float:
    """Return log10 of the probability that a normal variable exceeds `z`.

    >>> round(_upper_tail(1.6448536), 4)
    -1.301
    """
    from scipy.special import log_ndtr

    return min(0.0, float(log_ndtr(-z)) / math.log(10))
