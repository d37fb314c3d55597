"""Profiles in TOML: a :class:`~waarmerk.marking.disclosure.Disclosure` that lies in a file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waarmerk.errors import InputError
from waarmerk.marking.disclosure import Disclosure, Operation
from waarmerk.marking.formats import shown
from waarmerk.marking.vocabulary import TRAINING, USES

__all__ = ["read_profile"]

_MOST_BYTES = 1 << 16

# Tables and their keys: what a key is called in Disclosure, and the type of its value.
_TABLES: dict[str, dict[str, tuple[str, type]]] = {
    "system": {
        "name": ("system", str),
        "version": ("version", str),
        "provider": ("provider", str),
    },
    "model": {
        "name": ("model_name", str),
        "identifier": ("model_identifier", str),
        "type": ("model_type", str),
    },
    "disclosure": {
        "oversight": ("oversight", str),
        "scientific_domain": ("scientific_domain", list),
    },
    "training": {"opt_out": ("opt_out", bool), **{name: (name, str) for name in TRAINING}},
    "label": {"write": ("label", bool), "aigc": ("aigc", dict)},
    "timestamp": {"url": ("timestamp", str)},
}
_OPERATION = ("action", "description", "source", "source_language", "target_language")
_AIGC = (
    "content_producer",
    "produce_id",
    "label",
    "reserved_code1",
    "content_propagator",
    "propagate_id",
    "reserved_code2",
)
_TYPES = {str: "a text", bool: "true or false", list: "a list of texts", dict: "a table"}

# What must not be in a manifest (Measure 1.3 of the Code of Practice; SB 1000), by what people
# call it.
_PERSONAL = re.compile(
    r"prompt|user|author|creator|person|email|e-mail|phone|account|customer|client|operator"
    r"|session|address|login|birth",
    re.IGNORECASE,
)


def read_profile(path: str | os.PathLike[str]) -> Disclosure:
    """Read a profile; see :meth:`waarmerk.marking.disclosure.Disclosure.from_toml`."""
    name = shown(str(path))
    tables = _parsed(Path(path), name)
    facts: dict[str, Any] = {}
    for title, table in tables.items():
        if title == "operations":
            facts["operations"] = _operations(table, name)
            continue
        if title not in _TABLES:
            raise _unknown(name, title, [*(f"[{t}]" for t in _TABLES), "[[operations]]"])
        if not isinstance(table, dict):
            raise InputError(f"{name}: {shown(title)} is a table; write [{shown(title)}]")
        for key, value in table.items():
            where = f"[{title}] {shown(key)}"
            if key not in _TABLES[title]:
                raise _unknown(name, where, list(_TABLES[title]), key)
            target, kind = _TABLES[title][key]
            facts[target] = _typed(value, kind, name, where)
    facts = _settled(facts, name)
    with _named(name):
        return Disclosure(**facts)


def _settled(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the facts under the names of `Disclosure`, lists and purposes brought together."""
    training = dict.fromkeys(TRAINING, USES[1]) if facts.pop("opt_out", False) else {}
    training |= {purpose: facts.pop(purpose) for purpose in TRAINING if purpose in facts}
    if training:
        facts["training"] = training
    if "scientific_domain" in facts:
        terms = facts["scientific_domain"]
        where = "[disclosure] scientific_domain"
        facts["scientific_domain"] = tuple(_typed(term, str, name, where) for term in terms)
    if "aigc" in facts:
        facts["aigc"] = _aigc(facts["aigc"], name)
    return facts


def _aigc(fields: dict[str, Any], name: str) -> Any:
    from waarmerk.marking.label import AigcLabel

    for key, value in fields.items():
        where = f"[label.aigc] {shown(key)}"
        if key not in _AIGC:
            raise _unknown(name, where, list(_AIGC), key)
        _typed(value, str, name, where)
    if "content_producer" not in fields:
        raise InputError(f"{name}: [label.aigc]: has no content_producer, which the label needs")
    with _named(f"{name}: [label.aigc]"):
        return AigcLabel(**fields)


def _operations(entries: Any, name: str) -> tuple[Operation, ...]:
    if not isinstance(entries, list):
        raise InputError(f"{name}: operations is a list of tables; write [[operations]]")
    made = []
    for number, entry in enumerate(entries, 1):
        where = f"[[operations]] {number}"
        for key, value in _typed(entry, dict, name, where).items():
            if key not in _OPERATION:
                raise _unknown(name, f"{where} {shown(key)}", list(_OPERATION), key)
            _typed(value, str, name, f"{where} {key}")
        if "action" not in entry:
            raise InputError(f"{name}: {where}: has no action")
        with _named(f"{name}: {where}"):
            made.append(Operation(**entry))
    return tuple(made)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put the name of the file before what is wrong with it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _parsed(path: Path, name: str) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name}: is larger than {_MOST_BYTES} bytes, so it is not a profile")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{name}: is not TOML: {shown(str(error)):.100}") from error


def _typed(value: Any, kind: type, name: str, where: str) -> Any:
    # type, not isinstance: True is a bool, and also an int
    if type(value) is not kind:
        raise InputError(f"{name}: {where}: is {_TYPES[kind]}, not {shown(repr(value)):.40}")
    return value


def _unknown(name: str, where: str, known: list[str], key: str = "") -> InputError:
    if _PERSONAL.search(key or where):
        return InputError(
            f"{name}: {shown(where)}: a manifest is public, and never says what was prompted or "
            "who used the system; take it out of the profile"
        )
    return InputError(f"{name}: {shown(where)}: is not known; there are {', '.join(known)}")
