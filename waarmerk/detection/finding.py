"""What one layer had to say: the findings a report is made of.

A finding states what was seen and nothing more; what findings mean together is decided in
:mod:`waarmerk.detection.verdict` alone. ``as_dict()`` gives the JSON of the detection report
(``waarmerk.detection/1``); keys that are optional there (``reason``, ``aspect``) are left out
when they have nothing to say.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, Literal

from waarmerk.marking.payload import Kind, MarkId

__all__ = [
    "Finding",
    "Geometry",
    "Ingredient",
    "IngredientStatus",
    "Kind",
    "LabelFinding",
    "ManifestFinding",
    "ManifestStatus",
    "Passage",
    "Segment",
    "SoundGeometry",
    "Status",
    "WatermarkFinding",
]

Status = Literal["found", "not_found", "not_checked", "unreadable", "error"]
"""Of a watermark or a label. ``not_checked``: nobody looked, and ``reason`` says why.
``unreadable``: it was looked at, and this content or label cannot be read (a picture too small
for the mark, a label that does not parse). A watermark that is surely there but whose id cannot
be read is ``found`` with ``mark_id`` None."""

ManifestStatus = Literal[
    "trusted", "valid", "invalid", "recovered", "absent", "error", "not_checked"
]
"""``trusted``: intact, and the signer chains to a given anchor. ``valid``: intact, signer unknown.
``invalid``: broken. ``recovered``: the stripped manifest was found again through the watermark;
its signature holds, but the bytes have changed since. ``error``: there is one, and it cannot be
read."""

IngredientStatus = Literal["intact", "broken", "no_manifest", "unknown"]
"""Of something that went into the content: ``intact``, its own manifest held when it was added and
holds now, whoever signed it; ``unknown``, it has one, and nothing is on record about it."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the content lies relative to the marked original.

    Parameters
    ----------
    scale
        How much larger things are on the canonical grid than in the marked picture. Every picture
        is brought onto that grid, so that a plain resize leaves this at 1.0 and a crop raises it.
    rotation
        Degrees counter-clockwise.
    mirrored
        True when the picture was flipped left to right (before the rotation).
    aspect
        Horizontal over vertical scale; 1.0 is unchanged.
    """

    scale: float = 1.0
    rotation: float = 0.0
    mirrored: bool = False
    aspect: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return the geometry as it stands in the report."""
        out: dict[str, Any] = {
            "scale": round(float(self.scale), 6),
            "rotation": round(float(self.rotation), 4),
            "mirrored": bool(self.mirrored),
        }
        if round(float(self.aspect), 6) != 1.0:
            out["aspect"] = round(float(self.aspect), 6)
        return out


@dataclass(frozen=True, slots=True)
class SoundGeometry:
    """How sound plays relative to the marked original.

    Parameters
    ----------
    tempo
        How much faster it plays; 1.0 is unchanged.
    pitch
        How much higher it is, as a ratio of frequencies. A plain change of speed changes both
        alike.
    """

    tempo: float = 1.0
    pitch: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return the geometry as it stands in the report."""
        return {"tempo": round(float(self.tempo), 5), "pitch": round(float(self.pitch), 3)}


@dataclass(frozen=True, slots=True)
class Segment:
    """A passage of the received recording, from `start` to `end` in seconds."""

    start: float
    end: float

    def as_dict(self) -> dict[str, Any]:
        """Return the segment as it stands in the report."""
        return {"start": round(float(self.start), 2), "end": round(float(self.end), 2)}


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a text, from token `start` to before token `end`.

    ``first`` and ``last`` say the same in characters of the text, where that is known.
    """

    start: int
    end: int
    first: int | None = None
    last: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the passage as it stands in the report."""
        out = {"start_token": self.start, "end_token": self.end}
        if self.first is not None and self.last is not None:
            out |= {"start_character": self.first, "end_character": self.last}
        return out


@dataclass(frozen=True, slots=True)
class WatermarkFinding:
    """What the watermark detector saw.

    ``log10_p`` is the truth: the decimal logarithm of a bound on the probability that content
    which does not carry this mark scores as high, with all keys, alignments and schemes that were
    tried paid for. ``p_value`` is ten to that power and may underflow to 0.0; it is filled in
    when only ``log10_p`` is given. Both are None when nothing was measured.

    ``segments`` say where in a sound or a text the mark stands, in order; of pictures there are
    none. ``tokens_scored`` is how many tokens of a text were counted.

    ``public`` marks have no secret key: anyone can write them, so they are claims and prove
    nothing. ``system`` is the generator that writes such a mark.
    """

    status: Status
    scheme: str
    key_id: str | None = None
    p_value: float | None = None
    log10_p: float | None = None
    mark_id: MarkId | None = None
    kind: Kind | None = None
    geometry: Geometry | SoundGeometry | None = None
    reason: str | None = None
    segments: tuple[Segment | Passage, ...] = ()
    tokens_scored: int | None = None
    system: str | None = None
    public: bool = False

    def __post_init__(self) -> None:
        if self.p_value is None and self.log10_p is not None:
            object.__setattr__(self, "p_value", 10.0 ** min(float(self.log10_p), 0.0))
        if self.kind is None and self.mark_id is not None:
            object.__setattr__(self, "kind", self.mark_id.kind)

    @property
    def found(self) -> bool:
        """Whether a mark was found."""
        return self.status == "found"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as it stands in the report; a p-value is never written as 0."""
        p_value: float | None = None
        log10_p: float | None = None
        if self.log10_p is not None:
            # A bound above 1 says nothing, and JSON has no infinity.
            log10_p = max(min(float(self.log10_p), 0.0), -sys.float_info.max)
        if self.p_value is not None and not math.isnan(self.p_value):
            # The smallest *normal* number: some JSON readers flush smaller ones to 0.
            p_value = max(min(float(self.p_value), 1.0), sys.float_info.min)
        out: dict[str, Any] = {
            "layer": "watermark",
            "status": self.status,
            "scheme": self.scheme,
            # Without a find, a key, an id or a kind would look like one.
            "key_id": self.key_id if self.found else None,
            "p_value": p_value,
            "log10_p": log10_p,
            "mark_id": self.mark_id.hex if self.found and self.mark_id is not None else None,
            "kind": self.kind if self.found else None,
            "geometry": self.geometry.as_dict() if self.found and self.geometry else None,
        }
        if self.found and self.segments:
            out["segments"] = [segment.as_dict() for segment in self.segments]
        if self.tokens_scored is not None:
            out["tokens_scored"] = int(self.tokens_scored)
        if self.public:
            out["public"] = True
        if self.system is not None:
            out["system"] = self.system
        if self.reason is not None:
            out["reason"] = self.reason
        return out


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that went into the content, as the manifest tells of it.

    Parameters
    ----------
    relationship
        ``parentOf`` (what was opened), ``componentOf`` (what was put in), ``inputTo`` (what a
        model was given), or whatever else the file says.
    depth
        1 for an ingredient of the active manifest, 2 for one of its ingredients, and so on.
    status
        See :data:`IngredientStatus`.
    digital_source_type
        The IRI that says how it came to be.
    signer
        Name of the signer of its manifest.
    title
        Its name, which can be personal.
    """

    relationship: str
    depth: int
    status: IngredientStatus
    digital_source_type: str | None = None
    signer: str | None = None
    title: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the ingredient as it stands in the report, without its title."""
        return {
            "relationship": self.relationship,
            "depth": self.depth,
            "status": self.status,
            "digital_source_type": self.digital_source_type,
            "signer": self.signer,
        }


@dataclass(frozen=True, slots=True)
class ManifestFinding:
    """What the C2PA manifest store of the file says, and whether that may be believed.

    Parameters
    ----------
    status
        See :data:`ManifestStatus`.
    signer
        Name of the signer of the active manifest, as its certificate gives it.
    digital_source_type
        The IRI that says how the content came to be.
    codes
        Every C2PA validation code met.
    soft_bindings
        ``(alg, value)`` pairs of the active manifest.
    reason
        Why the status is what it is, when the codes do not say.
    sidecar
        Name of the file beside the input that holds the manifest; None if it is in the input.
    signals
        What the manifest says about AI in the terms of the C2PA asset rubrics; those of its
        ingredients begin with ``parent:``, ``component:`` or ``input:``.
    ingredients
        What went into the content.
    generator
        The program that made the claim, with its version.
    signed_at
        RFC 3339, from a time-stamp that holds.
    trust_list
        Name of the list that vouched for the signer.
    bound_keys
        ``(alg, key id)`` of the soft bindings that name a key.
    """

    status: ManifestStatus
    signer: str | None = None
    digital_source_type: str | None = None
    codes: tuple[str, ...] = ()
    soft_bindings: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    sidecar: str | None = None
    signals: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    generator: str | None = None
    signed_at: str | None = None
    trust_list: str | None = None
    bound_keys: tuple[tuple[str, str], ...] = ()

    @property
    def intact(self) -> bool:
        """Whether signature and content hashes hold for these bytes."""
        return self.status in ("trusted", "valid")

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as it stands in the report."""
        out: dict[str, Any] = {
            "layer": "manifest",
            "status": self.status,
            "signer": self.signer,
            "digital_source_type": self.digital_source_type,
            "codes": list(self.codes),
        }
        if self.soft_bindings:
            out["soft_bindings"] = [
                {"alg": alg, "value": value} for alg, value in self.soft_bindings
            ]
        if self.bound_keys:
            out["bound_keys"] = [{"alg": alg, "key_id": key} for alg, key in self.bound_keys]
        if self.signals:
            out["signals"] = list(self.signals)
        if self.ingredients:
            out["ingredients"] = [ingredient.as_dict() for ingredient in self.ingredients]
        told = {
            "generator": self.generator,
            "signed_at": self.signed_at,
            "trust_list": self.trust_list,
        }
        out |= {name: value for name, value in told.items() if value is not None}
        if self.sidecar is not None:
            # A file name need not be valid Unicode; JSON must be.
            name = self.sidecar.encode("utf-8", "surrogateescape")
            out["sidecar"] = name.decode("utf-8", "replace")
        if self.reason is not None:
            out["reason"] = self.reason
        return out


@dataclass(frozen=True, slots=True)
class LabelFinding:
    """What one unsigned, machine-readable label says (IPTC, AIGC and the like).

    The hidden characters of a text are reported as one, too, with the standard
    ``hidden-characters``: their value says how many of which kind there are and where.

    Parameters
    ----------
    status, reason
        See :data:`Status`.
    standard, value
        Which label, and what it reads; never anything personal.
    kind
        What it says about AI, outright; None if nothing.
    system
        The generator that it names.
    carrier
        Where it stood.
    details
        More of it, by name.
    personal
        What people may not want to have passed on: prompts, names, accounts. Not in reports unless
        asked for.
    """

    status: Status
    standard: str | None = None
    value: str | None = None
    reason: str | None = None
    kind: Kind | None = None
    system: str | None = None
    carrier: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    personal: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as it stands in the report."""
        out: dict[str, Any] = {
            "layer": "label",
            "status": self.status,
            "standard": self.standard,
            "value": self.value,
        }
        told = {"kind": self.kind, "system": self.system, "carrier": self.carrier}
        out |= {name: value for name, value in told.items() if value is not None}
        if self.details:
            out["details"] = dict(self.details)
        if self.reason is not None:
            out["reason"] = self.reason
        return out


Finding = WatermarkFinding | ManifestFinding | LabelFinding
