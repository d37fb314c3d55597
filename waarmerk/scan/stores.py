"""Objects in stores: S3, Google Cloud Storage, Azure and plain web servers, through obstore.

Settings and credentials come from the environment, as with the tools of each store
(``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``,
``AZURE_STORAGE_ACCOUNT_NAME`` ...), never from an address, and are never shown.

What is read is what was listed: every request names the version (If-Match), and an object that was
replaced meanwhile is an error.

The library runs threads of its own, which a forked process does not have: there it would wait for
ever. A process that uses a store after its parent did must be spawned; this is checked.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown
from waarmerk.scan.globs import Glob, has_magic
from waarmerk.scan.listing import Failed, Found, failed
from waarmerk.scan.names import escaped, scheme_of, unescaped, without_secrets
from waarmerk.scan.source import Source

if TYPE_CHECKING:
    from waarmerk.scan.known import Known

__all__ = ["SCHEMES", "Facts", "ObjectFile", "chunks", "facts", "forget", "listed", "nanoseconds"]

SCHEMES: Final = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "http", "https")

_CHUNK: Final = 1 << 20
_ON: Final = ("1", "true", "yes", "on")

# A stalled connection is given up after `read_timeout`; the other limit is for all of a large
# object. What takes too long altogether, the time limit of the scan ends.
_CLIENT: Final = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "15m"}
_RETRIES: Final = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}

_stores: dict[str, Any] = {}
_first_process: list[int] = []


class Facts(NamedTuple):
    """What a store says of an object: bytes, nanoseconds since 1970, version."""

    size: int | None
    modified: int | None
    etag: str | None


def nanoseconds(moment: datetime) -> int:
    """Return a time as nanoseconds since 1970, exactly."""
    if moment.tzinfo is None:
        from datetime import UTC

        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime.fromtimestamp(0, moment.tzinfo)
    return ((since.days * 86400 + since.seconds) * 10**6 + since.microseconds) * 1000


def listed(address: str, known: Known) -> Iterator[Found]:
    """List an object, or all whose address begins so, where that ends in a slash.

    ``*``, ``?``, ``[...]`` and ``**`` in an address stand for many, unless there is an object that
    is called so.
    """
    if address != without_secrets(address):
        yield failed(
            address,
            "a password or a signature does not belong in an address, which results name; give "
            "credentials in the environment",
        )
        return
    try:
        root, key = _parts(address)
        if not key or key.endswith("/"):
            prefix = root + "/" + (address[len(root) + 1 :] if key else "")
            yield from _below(root, key, known, None)
            known.add_folder(prefix.encode())
            return
        try:
            found = facts(address)
        except InputError:
            if scheme_of(address) in ("http", "https") or not has_magic(key):
                raise
        else:
            yield Source(address, *found)
            known.add(address.encode())
            return
        glob = Glob.of(address, keep=len(root) + 1)
        begun = unescaped(glob.base[len(root) + 1 :])
        any_found = False
        for source in _below(root, begun, known, glob):
            any_found = True
            yield source
        known.add_glob(glob)
        if not any_found:
            yield failed(address, "there is no such object, and none that matches the pattern")
    except InputError as error:
        yield Failed(address, str(error))


def _below(root: str, prefix: str, known: Known, glob: Glob | None) -> Iterator[Found]:
    """List the objects below a prefix, in the order of the store, page by page."""
    store = _store(root)
    scheme = scheme_of(root)
    check = known.anything
    with _in_words(f"{root}/{escaped(prefix, scheme)}"):
        import obstore

        for page in obstore.list(store, prefix or None, chunk_size=1000):
            for meta in page:
                uri = f"{root}/{escaped(meta['path'], scheme)}"
                if glob is not None and not glob.covers(uri):
                    continue
                if check and known.has(uri.encode()):
                    continue
                # What consoles make as a folder is an empty object whose name ends in a slash,
                # which the library takes away: then nothing has the name that is left.
                if not meta["size"] and _is_marker(store, meta["path"]):
                    continue
                modified = nanoseconds(meta["last_modified"])
                yield Source(uri, meta["size"], modified, meta["e_tag"])


def _is_marker(store: Any, key: str) -> bool:
    import obstore

    try:
        obstore.head(store, key)
    except FileNotFoundError:
        return True
    return False


def facts(address: str) -> Facts:
    """Return what a store says of an object.

    Raises
    ------
    InputError
        If it is not there, or the store cannot be asked.
    """
    root, key = _parts(address)
    store = _store(root)
    import obstore

    with _in_words(address):
        meta = obstore.head(store, key)
    return Facts(meta["size"], nanoseconds(meta["last_modified"]), meta["e_tag"])


@contextmanager
def chunks(address: str, etag: str | None) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Open an object: its size, and its content in pieces.

    Raises
    ------
    InputError
        If it cannot be read, or is no longer of the version that `etag` names; while it is read,
        too.
    """
    root, key = _parts(address)
    store = _store(root)
    import obstore

    with _in_words(address):
        answer = obstore.get(store, key, options={"if_match": etag} if etag else None)
        size = answer.meta["size"]

        def pieces() -> Iterator[bytes]:
            with _in_words(address):
                for piece in answer.stream(min_chunk_size=_CHUNK):
                    yield bytes(piece)

        yield size, pieces()


class ObjectFile(io.RawIOBase):
    """An object as a file that is read in place, by ranges, always of one version.

    Raises OSError when it cannot be read, as files do.
    """

    def __init__(self, address: str, known: Facts) -> None:
        super().__init__()
        if known.size is None:
            raise InputError(f"{shown(address)}: the store does not say how large it is")
        root, self._key = _parts(address)
        self._store = _store(root)
        self._address, self._size, self._etag = address, known.size, known.etag
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, from which the next range is read."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if begin + offset < 0:
            raise OSError(22, "Invalid argument")
        self._at = begin + offset
        return self._at

    def tell(self) -> int:
        """Return where the next range begins."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read a range."""
        import obstore

        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        options: Any = {"range": (self._at, self._at + wanted)}
        if self._etag:
            options["if_match"] = self._etag
        try:
            with _in_words(self._address):
                data = bytes(obstore.get(self._store, self._key, options=options).bytes())
        except InputError as error:
            raise OSError(5, str(error).removeprefix(f"{shown(self._address)}: ")) from error
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _parts(address: str) -> tuple[str, str]:
    """Return the root of a store and the key of an object in it."""
    scheme = scheme_of(address)
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise InputError(
            f"{shown(without_secrets(address))}: addresses of this kind are unknown; use one of "
            f"{known}, or ./ before the name of a file"
        )
    begin = len(scheme) + 3
    bucket, _, key = address[begin:].partition("/")
    if not bucket:
        raise InputError(f"{shown(address)}: names no bucket; use {scheme}://bucket/name")
    return address[:begin] + bucket, unescaped(key, scheme)


def forget() -> None:
    """Drop all clients: the environment may say something else now."""
    _stores.clear()


def _store(root: str) -> Any:
    """Return a client for a store; each is made once in a process."""
    process = os.getpid()
    if not _first_process:
        _first_process.append(process)
    elif _first_process[0] != process:
        raise InputError(
            f"{shown(root)}: this process was forked from one that uses object stores, where they "
            "cannot be reached; start processes with spawn or forkserver"
        )
    if root in _stores:
        return _stores[root]
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise InputError(
            f'{shown(root)}: object stores need the extra "cloud": pip install "waarmerk[cloud]"'
        ) from error
    # A client with options of its own does not look at these in the environment.
    secure = not any(
        os.environ.get(name, "").lower() in _ON
        for name in ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP", "ALLOW_HTTP")
    )
    options = _CLIENT | {"allow_http": not secure or scheme_of(root) == "http"}
    make: Any = from_url
    with _in_words(root):
        store = make(root, client_options=options, retry_config=_RETRIES)
    _stores[root] = store
    return store


@contextmanager
def _in_words(address: str) -> Iterator[None]:
    """Turn the errors of the library into one line each."""
    from obstore import exceptions

    name = shown(without_secrets(address))
    try:
        yield
    except exceptions.PreconditionError as error:
        raise InputError(f"{name}: was changed while it was read") from error
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise InputError(f"{name}: there is no such bucket") from error
        raise InputError(
            f"{name}: there is no such object; an address that ends in / lists all below"
        ) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise InputError(
            f"{name}: the store refuses access; check the credentials in the environment"
        ) from error
    except (exceptions.InvalidPathError, ValueError) as error:
        raise InputError(
            f"{name}: the library for object stores cannot read names in which a part is empty, "
            f". or .. ({_first_line(error)}); what follows is not listed; hand in a file system of "
            "fsspec for these"
        ) from error
    except (exceptions.BaseError, OSError) as error:
        if "NoSuchBucket" in str(error):
            raise InputError(f"{name}: there is no such bucket") from error
        raise InputError(f"{name}: the store cannot be used: {_first_line(error)}") from error


_QUERIES: Final = re.compile(r"\?\S+")
_USERS: Final = re.compile(r"(://)[^/\s@]*@")


def _first_line(error: Exception) -> str:
    """Return what an error says in its first line, without what could be secret."""
    line = (str(error).splitlines() or [type(error).__name__])[0].split(": <?xml")[0]
    return shown(_USERS.sub(r"\1", _QUERIES.sub("", line)))[:300]
