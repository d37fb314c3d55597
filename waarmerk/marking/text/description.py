"""Schemes in files: what may be public in one, the keys in another that only its owner can read.

::

    s.json       {"schema": "waarmerk.textscheme/1", "scheme": "synthid.transformers",
                  "parameters": {...}, "key_file": "s.key.json"}
    s.key.json   {"schema": "waarmerk.textkey/1", "key_id": 16 hex digits, "created": RFC 3339,
                  "secrets": {...}}                                                     mode 0600

The key file is named as it lies from the scheme's file. That of `waarmerk.text.1` is a key of
`waarmerk keygen`. The id of a key is drawn, not derived: many of these keys are small numbers, and
a hash would give them away.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from waarmerk.errors import InputError, KeyFileError, OutputError
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.keyfile import TEXT_KEY_SCHEMA, as_json, read_private, write_files
from waarmerk.marking.text.gumbel import Gumbel
from waarmerk.marking.text.kgw import KGW
from waarmerk.marking.text.synthid import SynthID
from waarmerk.marking.text.textmark import TEXT_1, TextMark

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

__all__ = ["SCHEME_NAMES", "load_scheme", "new_scheme", "save_scheme"]

SCHEME_SCHEMA: Final = "waarmerk.textscheme/1"
LARGEST_FILE = 1 << 20
_KEY_ID: Final = re.compile("[0-9a-f]{16}")

_Parts = Callable[[Mapping[str, Any], Mapping[str, Any], "str | None"], "TextScheme"]
_FAMILIES: Final[dict[str, _Parts]] = {
    "synthid.transformers": SynthID.from_parts,
    "synthid.synthid-text": SynthID.from_parts,
    "kgw.lefthash": KGW.from_parts,
    "kgw.selfhash": KGW.from_parts,
    "gumbel.vllm": Gumbel.from_parts,
    "gumbel.sglang": Gumbel.from_parts,
}
SCHEME_NAMES: Final = (*_FAMILIES, TEXT_1.name)
_TAKEN: Final = {
    "synthid": (
        "depth",
        "ngram_len",
        "sampling_table_size",
        "sampling_table_seed",
        "context_history_size",
        "skip_first_ngram_calls",
        "num_leaves",
    ),
    "kgw": ("vocab_size", "gamma", "delta", "context_width"),
    "gumbel": ("context_width", "dual"),
    "waarmerk": (),
}
"""What a new scheme of each family takes; all else is its name, or drawn."""


def save_scheme(
    scheme: TextScheme,
    path: str | os.PathLike[str],
    *,
    key_path: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> tuple[Path, Path]:
    """Write a scheme to a file, and its keys to another beside it.

    Parameters
    ----------
    scheme
        What to save. Of `TextMark` the key is saved as `MarkingKey.save` does, its mark id is not.
    path
        Of the description, such as ``s.json``.
    key_path
        Of the key file; ``s.key.json`` for ``s.json`` when left out.
    overwrite
        Whether files that exist are replaced.

    Returns
    -------
    path, key_path
        The files that were written.

    Raises
    ------
    InputError
        If the scheme has a key id that does not consist of 16 hex digits.
    OutputError
        If one of the files exists (unless `overwrite`) or cannot be written; then none is.
    """
    path = Path(path)
    if not path.name:
        raise OutputError(f"{str(path)!r} is a folder; name a file in it, such as s.json")
    keys = Path(key_path) if key_path is not None else path.with_suffix(".key.json")
    if isinstance(scheme, TextMark):
        key_part = scheme.key.file(keys)
    else:
        key_id = scheme.key_id or secrets.token_hex(8)
        if not _KEY_ID.fullmatch(key_id):
            raise InputError(f"a key id in a file has 16 hex digits, not {key_id!r}")
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        content = {
            "schema": TEXT_KEY_SCHEMA,
            "key_id": key_id,
            "created": now,
            "secrets": scheme.secrets(),
        }
        key_part = (keys, as_json(content), 0o600)
    public = {
        "schema": SCHEME_SCHEMA,
        "scheme": scheme.name,
        "parameters": scheme.parameters(),
        "key_file": os.path.relpath(keys, path.parent),
    }
    write_files(key_part, (path, as_json(public), 0o644), overwrite=overwrite)
    return path, keys


def load_scheme(
    path: str | os.PathLike[str], *, allow_readable_by_others: bool = False
) -> TextScheme:
    """Read a scheme and the key file that it names.

    Parameters
    ----------
    path
        A file that `save_scheme` wrote.
    allow_readable_by_others
        As of `MarkingKey.load`.

    Raises
    ------
    InputError
        If the file cannot be read or describes no scheme that is known.
    KeyFileError
        If its key file cannot be read, is damaged, or is open to others.
    """
    path = Path(path)
    data = _read(path)
    name, parameters, key_file = (data.get(k) for k in ("scheme", "parameters", "key_file"))
    if name not in SCHEME_NAMES:
        raise InputError(f"{path}: {name!r:.60} is no scheme; known are {', '.join(SCHEME_NAMES)}")
    if not isinstance(parameters, dict) or not isinstance(key_file, str):
        raise InputError(f"{path}: parameters or key_file is missing; save the scheme anew")
    key_path = path.parent / key_file
    if name == TEXT_1.name:
        return TextMark(
            MarkingKey.load(key_path, allow_readable_by_others=allow_readable_by_others)
        )
    keys = read_private(key_path, allow_readable_by_others)
    secret, key_id = keys.get("secrets"), keys.get("key_id")
    if keys.get("schema") != TEXT_KEY_SCHEMA:
        raise KeyFileError(
            f"{key_path}: holds a key of another kind (schema {keys.get('schema')!r:.40}); "
            f"{name} needs one of schema {TEXT_KEY_SCHEMA}"
        )
    if not isinstance(secret, dict) or not _KEY_ID.fullmatch(str(key_id)):
        raise KeyFileError(f"{key_path}: the key in it is damaged; restore the file from a backup")
    try:
        scheme = _FAMILIES[name](parameters, secret, key_id)
    except (InputError, KeyError, TypeError) as error:
        # Never the message of a KeyError alone, and nothing of what the key file holds.
        cause = str(error) if isinstance(error, InputError) else "a parameter is missing or unknown"
        raise InputError(f"{path}: does not describe {name}: {cause}") from None
    if scheme.name != name:
        raise InputError(f"{path}: is called {name}, but its parameters are those of {scheme.name}")
    return scheme


def new_scheme(name: str, parameters: Mapping[str, Any]) -> TextScheme:
    """Make a scheme with new random keys.

    Parameters
    ----------
    name
        One of `SCHEME_NAMES`.
    parameters
        What the scheme's class takes besides its keys, such as ``ngram_len``; ``vocab_size`` is
        needed for KGW. ``depth`` says how many keys SynthID gets (30 when left out).

    Raises
    ------
    InputError
        If there is no such scheme, or it takes no such parameters.
    """
    if name not in SCHEME_NAMES:
        raise InputError(f"{name!r:.60} is no scheme; known are {', '.join(SCHEME_NAMES)}")
    given: dict[str, Any] = {**parameters, "key_id": secrets.token_hex(8)}
    family, _, rest = name.partition(".")
    variant: Any = rest
    known = _TAKEN[family]
    if unknown := sorted(set(parameters) - set(known)):
        takes = ", ".join(known) if known else "no parameters"
        raise InputError(f"{name} has no parameter {unknown[0]!r:.60}; it takes {takes}")
    if family == "kgw" and "vocab_size" not in given:
        raise InputError(f"{name} needs vocab_size, the width of the model's logits")
    if family == "kgw":
        # The seed is key times token modulo 2^64 - 1, of which 32 bits are used: odd keys of full
        # size leave no two tokens with related lists.
        return KGW(hashing_key=secrets.randbits(62) | 1, seeding=variant, **given)
    if family == "gumbel":
        if variant == "sglang" and given.get("dual") is not None:
            given["second_key"] = secrets.randbits(64)
        return Gumbel(secrets.randbits(64), variant=variant, **given)
    if family == "synthid":
        depth = given.pop("depth", 30)
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= 64:
            raise InputError(f"the depth is a number of layers from 1 to 64, not {depth!r}")
        # Signed 64 bits is what both originals take. The low 16 differ: with the usual table layers
        # that share them would say the same.
        low = secrets.SystemRandom().sample(range(1 << 16), depth)
        keys = tuple((secrets.randbits(48) - (1 << 47) << 16) + part for part in low)
        return SynthID(keys, variant=variant, **given)
    return TextMark(MarkingKey.generate())


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        data = json.loads(text) if len(text) <= LARGEST_FILE else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("schema") != SCHEME_SCHEMA:
        raise InputError(
            f"{path}: describes no scheme of text marks (schema {SCHEME_SCHEMA}); give a file that "
            "`waarmerk text keygen` wrote; a key of `waarmerk keygen` goes with --key"
        )
    return data
