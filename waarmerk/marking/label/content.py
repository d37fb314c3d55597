"""What a label says: IPTC's digital source type with the AI system, and on request AIGC.

Both are open, unsigned and meant for everybody's programs: a claim that any reader understands,
beside the manifest that proves it and the watermark that survives without metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from waarmerk.errors import InputError
from waarmerk.marking.provenance import ALTERED, GENERATED, source_kind

if TYPE_CHECKING:
    from waarmerk.marking.payload import Kind

__all__ = ["AIGC", "IPTC", "SYSTEM", "AigcLabel", "LabelContent", "aigc_fields"]

IPTC: Final = "iptc.digitalsourcetype"
SYSTEM: Final = "iptc.aisystem"
AIGC: Final = "aigc"

MOST_LETTERS = 1024
"""Of one field. An address of an organisation or a content id has some dozens."""

_TERMS: dict[str, str] = {"generated": GENERATED, "altered": ALTERED}
_AIGC_LABELS = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class AigcLabel:
    """China's label of AI-generated content (GB 45438-2025, Annex E): seven fields, all strings.

    Parameters
    ----------
    content_producer
        Name or code of the provider that made the content.
    produce_id
        The provider's number of this content; None takes the mark id.
    label
        ``"1"`` the content is AI-generated, ``"2"`` possibly, ``"3"`` suspected.
    reserved_code1, reserved_code2
        For the producer's and the propagator's own checks.
    content_propagator, propagate_id
        The same of who passes the content on; may be empty.

    Raises
    ------
    InputError
        If a field is too long or holds a control character, or `label` is another.
    """

    content_producer: str
    produce_id: str | None = None
    label: str = "1"
    reserved_code1: str = ""
    content_propagator: str = ""
    propagate_id: str = ""
    reserved_code2: str = ""

    def __post_init__(self) -> None:
        if self.label not in _AIGC_LABELS:
            raise InputError(f"the AIGC label is 1, 2 or 3, not {self.label!r:.40}")
        for name, value in self.fields("").items():
            _check(value, f"the field {name} of the AIGC label")
        if not self.content_producer:
            raise InputError("the AIGC label needs its producer: a name or a code")

    def fields(self, mark_id: str) -> dict[str, str]:
        """Return the seven fields in the order of Annex E.

        Parameters
        ----------
        mark_id
            Stands in for a `produce_id` that was not given.
        """
        return {
            "Label": self.label,
            "ContentProducer": self.content_producer,
            "ProduceID": mark_id if self.produce_id is None else self.produce_id,
            "ReservedCode1": self.reserved_code1,
            "ContentPropagator": self.content_propagator,
            "PropagateID": self.propagate_id,
            "ReservedCode2": self.reserved_code2,
        }


@dataclass(frozen=True, slots=True)
class LabelContent:
    """What is to be written into a file.

    Parameters
    ----------
    kind
        ``generated`` or ``altered``; which IPTC term that is, C2PA and XMP share.
    system, system_version
        The AI system (IPTC Photo Metadata Standard 2025.1: AI System Used, AI System Version
        Used). Never a prompt and never a person.
    aigc
        The label of GB 45438-2025, if asked for.
    mark_id
        The id of the content, as 16 hex digits, which AIGC takes where it is given none.
    carried
        The XMP packet of a file of another format, which takes the place of the one that this file
        has not.

    Raises
    ------
    InputError
        If a text is too long or holds a control character, or a version comes without a system.
    """

    kind: Kind
    system: str | None = None
    system_version: str | None = None
    aigc: AigcLabel | None = None
    mark_id: str = ""
    carried: bytes = b""

    def __post_init__(self) -> None:
        if self.kind not in _TERMS:
            raise InputError(f"content is generated or altered, not {self.kind!r:.40}")
        if self.system is None and self.system_version is not None:
            raise InputError("the version of an AI system needs its name")
        for value in (self.system, self.system_version):
            if value is not None:
                _check(value, "the name or version of the AI system")

    @property
    def source_type(self) -> str:
        """The digital source type, as the address of an IPTC term."""
        return _TERMS[self.kind]

    @property
    def aigc_json(self) -> str | None:
        """The seven fields as JSON, which stands bare wherever the key is AIGC already.

        So the guides have it (TC260-PG-20257A, -20259A and -202510A, clause 6); the letters are
        ASCII, with escapes, so that no container's encoding matters.
        """
        if self.aigc is None:
            return None
        return json.dumps(self.aigc.fields(self.mark_id), separators=(",", ":"))


def aigc_fields(text: str) -> dict[str, str] | None:
    """Return the fields of an AIGC label, bare or in an object of that name; None if it is none.

    Parameters
    ----------
    text
        Any text, possibly hostile.
    """
    if len(text) > 1 << 16:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("AIGC"), dict):
        value = value["AIGC"]
    if not isinstance(value, dict) or not isinstance(value.get("Label"), str):
        return None
    return {name: text for name, text in value.items() if isinstance(text, str)}


def says_ai(source_type: str) -> bool:
    """Return whether a digital source type says that AI made or changed the content."""
    return source_kind(source_type) is not None


def _check(value: str, what: str) -> None:
    if not isinstance(value, str) or len(value) > MOST_LETTERS or not value.isprintable():
        raise InputError(
            f"{what} is a text of at most {MOST_LETTERS} letters that can all be printed"
        )
