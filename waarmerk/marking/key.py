"""Keys: the secret that makes a mark, and the random numbers that follow from it.

One 256-bit secret serves every scheme. Nothing uses the secret itself::

    secret --HKDF-SHA256, info "waarmerk key id"--------> key id, 64 bits, public
           --HKDF-SHA256, info "waarmerk/" + scheme ----> sub-key of one scheme, 256 bits
                                                             |
                            SHAKE-256(sub-key + label) <-----+
                                      |
                              KeyStream: signs, phases, permutations, ...

All of it is specified to the bit, because a mark must be readable for decades: no generator of
NumPy's is used, whose streams may change between releases.

A key file is JSON (`keyfile`). Everybody who can read it can forge and remove marks, so it is
written for its owner alone (mode 0600) and refused where others may read it::

    {"schema": "waarmerk.key/1", "key_id": 16 hex digits, "secret": 64 hex digits,
     "created": RFC 3339, "retired": RFC 3339, if it is}

    {"schema": "waarmerk.keyring/1", "keys": [such objects]}
"""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from waarmerk.errors import KeyFileError
from waarmerk.marking.keyfile import (
    KEY_SCHEMA,
    RING_SCHEMA,
    Part,
    as_json,
    read_private,
    write_files,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["KeyRing", "KeyStream", "MarkingKey"]

SECRET_BYTES = 32


class KeyStream:
    """Random numbers that follow from a key, the same on every machine and in every release.

    The stream is SHAKE-256 of the 32-byte sub-key followed by the label in UTF-8. Every call takes
    the next bytes, so the order and the sizes of the calls are part of a scheme's definition.
    Words are little-endian.

    Parameters
    ----------
    seed : bytes
        Sub-key and label.

    Examples
    --------
    >>> key = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z")
    >>> key.stream("waarmerk.image.1", "an example").signs(4)
    array([-1,  1, -1, -1], dtype=int8)
    """

    __slots__ = ("_buffer", "_position", "_xof")

    def __init__(self, seed: bytes) -> None:
        self._xof = hashlib.shake_256(seed)
        self._buffer = b""
        self._position = 0

    def __repr__(self) -> str:
        return f"KeyStream(position={self._position})"

    def bytes(self, n: int) -> bytes:
        """Take n bytes."""
        if n < 0:
            raise ValueError(f"cannot take {n} bytes from a key stream")
        end = self._position + n
        if end > len(self._buffer):
            # hashlib can only start over; doubling keeps the total work proportional.
            self._buffer = self._xof.digest(max(end, 2 * len(self._buffer), 4096))
        taken = self._buffer[self._position : end]
        self._position = end
        return taken

    def uint32(self, n: int) -> "NDArray[np.uint32]":
        """Take n words of 32 bits."""
        import numpy as np

        return np.frombuffer(self.bytes(4 * n), "<u4").astype(np.uint32)

    def uniform(self, n: int) -> "NDArray[np.float64]":
        """Take n numbers in [0, 1): a word of 32 bits divided by 2^32."""
        return self.uint32(n) / 4294967296.0

    def signs(self, n: int) -> "NDArray[np.int8]":
        """Take n signs: bit 0 is +1, bit 1 is -1, the lowest bit of a byte first.

        Whole bytes are consumed; the bits left over in the last one are skipped.
        """
        import numpy as np

        data = np.frombuffer(self.bytes((n + 7) // 8), np.uint8)
        return (1 - 2 * np.unpackbits(data, count=n, bitorder="little").view(np.int8)).astype(
            np.int8
        )

    def phases(self, n: int) -> "NDArray[np.float64]":
        """Take n angles in [0, 2 pi): `uniform` times 2 pi."""
        import numpy as np

        return self.uniform(n) * (2.0 * np.pi)

    def permutation(self, n: int) -> "NDArray[np.int64]":
        """Take a permutation of 0 ... n-1: the stable order of n words of 64 bits."""
        import numpy as np

        words = np.frombuffer(self.bytes(8 * n), "<u8").astype(np.uint64)
        return np.argsort(words, kind="stable").astype(np.int64)


@dataclass(frozen=True, slots=True)
class MarkingKey:
    """A secret of 256 bits that marks content and finds the marks again.

    Use `generate` for a new key and `load` for one in a file. The secret appears neither in `repr`
    nor in any message.

    Parameters
    ----------
    secret : bytes
        32 bytes from a source of secrets.
    created : str
        Date and time of its making, RFC 3339.
    retired : str or None, optional
        Since when it marks nothing any more, RFC 3339. A retired key still detects.

    Raises
    ------
    ValueError
        If the secret is not 32 bytes, or a date is not RFC 3339.
    """

    secret: bytes = field(repr=False)
    _: KW_ONLY
    created: str
    retired: str | None = None
    key_id: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.secret, bytes) or len(self.secret) != SECRET_BYTES:
            raise ValueError(f"the secret of a key is {SECRET_BYTES} bytes")
        for date in (self.created, self.retired):
            if date is not None and not _is_date(date):
                raise ValueError(f"{date!r} is not a date and time in RFC 3339")
        # One way: the id may be published, as it is in every detection report.
        object.__setattr__(self, "key_id", _derive(self.secret, b"waarmerk key id", 8).hex())

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the system's source of secrets."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return cls(secrets.token_bytes(SECRET_BYTES), created=now)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, allow_readable_by_others: bool = False) -> Self:
        """Read a key file.

        Parameters
        ----------
        path : path
            A file that `save` wrote.
        allow_readable_by_others : bool, optional
            Accept a file that others than its owner may read, for instance a secret that an
            orchestrator mounts with a mode of its own.

        Raises
        ------
        KeyFileError
            If the file cannot be read, holds no key, holds a damaged one, or is open to others.
        """
        data = read_private(Path(path), allow_readable_by_others)
        if data.get("schema") == RING_SCHEMA:
            raise KeyFileError(f"{path}: holds a ring of keys, not one key; load it with KeyRing")
        return cls._from_dict(data, Path(path))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the key to a file that only its owner can read.

        Raises
        ------
        OutputError
            If the file exists and `overwrite` is not set, or it cannot be written.
        """
        write_files(self.file(path), overwrite=overwrite)

    def file(self, path: str | os.PathLike[str]) -> Part:
        """Return the file that `save` writes, for those who write more than this one."""
        return Path(path), as_json(self._as_dict()), 0o600

    def stream(self, scheme: str, label: str) -> KeyStream:
        """Start the random numbers of one purpose in one scheme.

        Parameters
        ----------
        scheme : str
            Name and version of the scheme, such as ``waarmerk.image.1``.
        label : str
            What the numbers are for; different labels give independent streams.
        """
        subkey = _derive(self.secret, b"waarmerk/" + scheme.encode(), 32)
        return KeyStream(subkey + label.encode())

    def _as_dict(self) -> dict[str, str]:
        data = {"schema": KEY_SCHEMA, "key_id": self.key_id}
        data |= {"secret": self.secret.hex(), "created": self.created}
        return data if self.retired is None else data | {"retired": self.retired}

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any], path: Path) -> Self:
        """Check every field; the message never shows what the file holds."""
        if data.get("schema") != KEY_SCHEMA:
            raise KeyFileError(
                f"{path}: not a key file of waarmerk (schema {KEY_SCHEMA}); "
                "give the file that `waarmerk keygen` wrote"
            )
        secret, created, retired = (data.get(name) for name in ("secret", "created", "retired"))
        try:
            if not isinstance(secret, str) or not isinstance(created, str):
                raise ValueError("secret and created are strings")
            if not isinstance(retired, str | None):
                raise ValueError("retired is a string")
            key = cls(bytes.fromhex(secret), created=created, retired=retired)
        except ValueError:
            raise KeyFileError(
                f"{path}: the key in it is damaged; restore the file from a backup"
            ) from None
        if data.get("key_id") != key.key_id:
            raise KeyFileError(
                f"{path}: the key id in it does not belong to the secret in it, so one of them was "
                "changed; restore the file from a backup"
            )
        return key


@dataclass(frozen=True, slots=True, init=False)
class KeyRing:
    """Keys with their history: what marks today, and what was marked before stays readable.

    Parameters
    ----------
    keys : iterable of MarkingKey
        In order of preference. Of a key given twice the last one counts, in the place of the
        first: detection pays in its p-value for every key it tries.
    """

    keys: tuple[MarkingKey, ...]

    def __init__(self, keys: Iterable[MarkingKey]) -> None:
        object.__setattr__(self, "keys", tuple({key.key_id: key for key in keys}.values()))

    @classmethod
    def load(
        cls,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        allow_readable_by_others: bool = False,
    ) -> Self:
        """Read key files and ring files into one ring, in the order given.

        Parameters
        ----------
        paths : path or iterable of paths
            Files that `MarkingKey.save` or `KeyRing.save` wrote.
        allow_readable_by_others : bool, optional
            As `MarkingKey.load`.

        Raises
        ------
        KeyFileError
            As `MarkingKey.load`.
        """
        keys: list[MarkingKey] = []
        for name in [paths] if isinstance(paths, str | os.PathLike) else paths:
            path = Path(name)
            data = read_private(path, allow_readable_by_others)
            entries: Any = [data]
            if data.get("schema") == RING_SCHEMA:
                entries = data.get("keys")
                if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
                    raise KeyFileError(
                        f"{path}: the ring in it is damaged; restore the file from a backup"
                    )
            keys += [MarkingKey._from_dict(entry, path) for entry in entries]
        return cls(keys)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write all keys to one ring file; see `MarkingKey.save`."""
        keys = [key._as_dict() for key in self.keys]
        content = as_json({"schema": RING_SCHEMA, "keys": keys})
        write_files((Path(path), content, 0o600), overwrite=overwrite)

    @property
    def active(self) -> tuple[MarkingKey, ...]:
        """The keys that are not retired."""
        return tuple(key for key in self.keys if key.retired is None)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[MarkingKey]:
        return iter(self.keys)

    def __contains__(self, key_id: object) -> bool:
        return any(key.key_id == key_id for key in self.keys)

    def __getitem__(self, key_id: str) -> MarkingKey:
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise KeyError(key_id)


def _derive(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 without salt, RFC 5869."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, None, info).derive(secret)


def _is_date(text: str) -> bool:
    """Tell whether a text is an RFC 3339 date and time."""
    shape = (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
    )
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return re.fullmatch(shape, text) is not None
