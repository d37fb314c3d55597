"""What a provider says about its AI system in every manifest: its provenance profile.

Where each fact goes, so that an ordinary C2PA reader finds it::

    system, version      softwareAgent of the action that made or altered the content,
                         and Iptc4xmpExt:AISystemUsed, AISystemVersionUsed in cawg.metadata
    provider             schema:provider in cawg.metadata
    model, oversight     c2pa.ai-disclosure
    operations           actions of their own
    training             cawg.training-mining
    time                 `when` of the action; who signs with a time-stamp has it proven
    unique id            the manifest's own label, and the mark id in the soft binding

That is what California's latent disclosure asks for (SB 942: provider, system and version, time,
unique identifier), and Measure 1.3 of the EU's Code of Practice on transparency.

A manifest is public and stays with the file. So there is no place here for prompts, nor for who
used the system, and a profile that has one is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.marking.vocabulary import (
    ACTIONS,
    LANGUAGES,
    MODEL_TYPE,
    MODEL_TYPES,
    NO_SOURCE,
    OVERSIGHT,
    TRAINING,
    USES,
    full_source_type,
    is_domain,
    is_language,
    is_model_type,
)

if TYPE_CHECKING:
    from waarmerk.marking.label import AigcLabel

__all__ = ["MOST_OPERATIONS", "MOST_TEXT", "Disclosure", "Operation"]

MOST_TEXT = 500  # characters of one fact; a manifest is carried by every copy
MOST_OPERATIONS = 50
MOST_DOMAINS = 10

_CONTEXT = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "schema": "https://schema.org/",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that was done to the content, besides its being generated or altered.

    Parameters
    ----------
    action
        One of C2PA 2.4, 18.15.2, for instance ``c2pa.translated``; the prefix may be left out.
    description
        In words; public.
    source
        By what the change was made: a digital source type of the IPTC, for instance
        ``trainedAlgorithmicMedia`` or ``humanEdits``. Needed for every action that people can see
        or hear.
    source_language, target_language
        Tags (BCP 47), needed for ``c2pa.translated``, possible for ``c2pa.dubbed``.
    """

    action: str
    description: str | None = None
    source: str | None = None
    source_language: str | None = None
    target_language: str | None = None

    def __post_init__(self) -> None:
        action = self.action if "." in self.action[:5] else f"c2pa.{self.action}"
        if action not in ACTIONS:
            raise InputError(
                f"{self.action!r:.60} is not an action that can be reported; use one of "
                f"{', '.join(sorted(ACTIONS))}"
            )
        object.__setattr__(self, "action", action)
        if self.source is not None:
            object.__setattr__(self, "source", full_source_type(self.source))
        elif action not in NO_SOURCE:
            raise InputError(
                f"the action {action} needs its source: what kind of source made the change, "
                "for instance trainedAlgorithmicMedia (AI), algorithmicMedia or humanEdits"
            )
        _text("description", self.description)
        languages = self.source_language, self.target_language
        if action not in LANGUAGES and languages != (None, None):
            raise InputError(f"the action {action} has no languages; {' and '.join(LANGUAGES)} do")
        if action == "c2pa.translated" and None in languages:
            raise InputError(f"the action {action} needs source_language and target_language")
        for tag in languages:
            if tag is not None and not is_language(tag):
                raise InputError(f"{tag!r:.60} is not a language tag (BCP 47), like nl or pt-BR")

    def as_action(self) -> dict[str, Any]:
        """Return it as manifests write it."""
        languages = {
            "sourceLanguage": self.source_language,
            "targetLanguage": self.target_language,
        }
        languages = {name: tag for name, tag in languages.items() if tag is not None}
        said = {
            "description": None if self.description is None else shown(self.description),
            "digitalSourceType": self.source,
            "parameters": languages or None,
        }
        return {"action": self.action} | {k: v for k, v in said.items() if v is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What a provider says about its AI system; all of it is public and none of it is required.

    Parameters
    ----------
    system, version
        Name of the AI system, and its version.
    provider
        Who provides it: an organization, not a user.
    model_name, model_identifier
        Of the model in it; the identifier is for machines, for instance a package URL.
    model_type
        In what form the model is, of C2PA 2.4, table 12; ``c2pa.types.model`` if that is nobody's
        business. Or a label in your own name space.
    oversight
        ``fully_autonomous``: nobody looked at the output. ``prompt_guided``: somebody gave prompts
        or settings, and did not approve the output. ``human_validated``: somebody approved it.
    scientific_domain
        Terms of arXiv's taxonomy, for instance ``cs.CV``, where the content is scientific.
    operations
        What was done to the content besides.
    training
        Whether others may use the content: by purpose (``ai_generative_training``,
        ``ai_inference``, ``ai_training``, ``data_mining``), ``allowed`` or ``notAllowed``.
    label
        Whether labels (IPTC) are written into the file; None leaves it to its format.
    aigc
        The label of GB 45438-2025 to write into the file, too.
    timestamp
        Address of the time-stamp authority (RFC 3161) that is asked for every signature.
    """

    system: str | None = None
    version: str | None = None
    provider: str | None = None
    model_name: str | None = None
    model_identifier: str | None = None
    model_type: str = MODEL_TYPE
    oversight: str | None = None
    scientific_domain: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = ()
    training: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    label: bool | None = None
    aigc: AigcLabel | None = None
    timestamp: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("system", "version", "provider", "model_name", "model_identifier"):
            _text(name, getattr(self, name))
        if self.version is not None and self.system is None:
            raise InputError("version is the version of a system; give the system too")
        if not is_model_type(self.model_type):
            first, *others = sorted(MODEL_TYPES)
            known = ", ".join(name.removeprefix(first) for name in others)
            raise InputError(
                f"model_type: {self.model_type!r:.60} is not one of {first}, or that followed by "
                f"{known}"
            )
        if self.oversight is not None and self.oversight not in OVERSIGHT:
            raise InputError(
                f"oversight is one of {', '.join(OVERSIGHT)}, not {self.oversight!r:.60}"
            )
        if len(self.operations) > MOST_OPERATIONS:
            raise InputError(f"{len(self.operations)} operations; {MOST_OPERATIONS} is the most")
        if len(self.scientific_domain) > MOST_DOMAINS:
            raise InputError(f"more than {MOST_DOMAINS} scientific domains")
        for term in self.scientific_domain:
            if not is_domain(term):
                raise InputError(
                    f"scientific_domain: {term!r:.60} is not a term of arXiv's taxonomy, like cs.CV"
                )
        for purpose, use in self.training.items():
            if purpose not in TRAINING or use not in USES:
                raise InputError(
                    f"training: {purpose!r:.60} = {use!r:.60} is not understood; the purposes are "
                    f"{', '.join(TRAINING)}, the values {' and '.join(USES)}"
                )
        if self.timestamp is not None:
            from waarmerk.marking.timestamp import require_address

            require_address(self.timestamp)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Disclosure:
        """Read a profile; docs/signing.md shows one with every key.

        Raises
        ------
        InputError
            If the file cannot be read, or has a key that is not known, of the wrong type, or for
            something that manifests must not say; it names file, table and key.
        """
        from waarmerk.marking.disclosure_file import read_profile

        return read_profile(path)

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing that goes into a manifest."""
        return self.system is None and not self.assertions() and not self.operations

    def assertions(self) -> list[dict[str, Any]]:
        """Return the assertions that say it, as the C2PA library takes them."""
        made: list[dict[str, Any]] = []
        about_model: dict[str, Any] = {}
        if self.model_name is not None:
            about_model["modelName"] = shown(self.model_name)
        if self.model_identifier is not None:
            about_model["modelIdentifier"] = shown(self.model_identifier)
        if self.oversight is not None:
            about_model["contentProfile"] = {"humanOversightLevel": self.oversight}
        if self.scientific_domain:
            about_model["scientificDomain"] = list(self.scientific_domain)
        if about_model or self.model_type != MODEL_TYPE:
            data = {"modelType": self.model_type, **about_model}
            made.append({"label": "c2pa.ai-disclosure", "created": True, "data": data})
        if self.provider is not None:
            made.append(_metadata(self.provider, self.system, self.version))
        if self.training:
            entries = {f"cawg.{name}": {"use": use} for name, use in sorted(self.training.items())}
            data = {"entries": entries}
            made.append({"label": "cawg.training-mining", "created": True, "data": data})
        return made


def _metadata(provider: str, system: str | None, version: str | None) -> dict[str, Any]:
    """Return the provider, with the system it provides, as metadata (CAWG metadata 1.1)."""
    data: dict[str, Any] = {
        "@context": _CONTEXT if system is not None else {"schema": _CONTEXT["schema"]},
        "schema:provider": {"@type": "schema:Organization", "schema:name": shown(provider)},
    }
    if system is not None:
        data["Iptc4xmpExt:AISystemUsed"] = shown(system)
        if version is not None:
            data["Iptc4xmpExt:AISystemVersionUsed"] = shown(version)
    # kind: this assertion is JSON, all others are CBOR.
    return {"label": "cawg.metadata", "kind": "Json", "created": True, "data": data}


def _text(name: str, value: str | None) -> None:
    if value is not None and not 0 < len(value.strip()) <= len(value) <= MOST_TEXT:
        raise InputError(
            f"{name} is a text of 1 to {MOST_TEXT} characters; leave it out, or fill it"
        )
