"""From what a user gives to sources: files, folders, patterns, lists, addresses.

Nothing here raises for one input: what cannot be listed is given as `Failed`, and the rest goes on.
Everything is listed when it is asked for, so a million files take no memory.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from waarmerk.errors import InputError
from waarmerk.scan import archives
from waarmerk.scan.folders import local_source, walk
from waarmerk.scan.globs import Glob, has_magic
from waarmerk.scan.known import Known
from waarmerk.scan.listing import Failed, Found, Listing, failed
from waarmerk.scan.names import as_text, local_path, local_uri, scheme_of
from waarmerk.scan.source import Source

__all__ = ["Failed", "Found", "Listing", "names_from", "sources_of"]

_LONGEST: Final = 1 << 16
"""Names in lists are shorter, in bytes: no system has longer ones."""


def sources_of(
    inputs: Iterable[str | os.PathLike[str]], *, options: Listing | None = None
) -> Iterator[Found]:
    """List what is to be examined.

    In a folder the order is that of the names as bytes, and what is below a folder comes in its
    place; inputs come in the order given. What two inputs name alike is given once.

    Parameters
    ----------
    inputs
        Files; folders, with all below; patterns such as ``photos/**/*.jpg``, unless there is a file
        that is called so; ``-``, for names that stand on standard input; addresses of objects
        (``s3://bucket/photos/a.jpg``), of all below a prefix (``s3://bucket/photos/``), or patterns
        of them; ``file://`` URIs. ``~`` is a name like any other.

        Archives (.zip, .tar, .tar.gz, .tgz, .tar.bz2, .tbz2, .tar.xz, .txz) and tables (.parquet)
        stand for what is in them.
    options
        What else is asked for.

    Returns
    -------
    found
        Sources, and what could not be listed.
    """
    options = Listing() if options is None else options
    known = Known()
    for item in inputs:
        if isinstance(item, str) and item == "-":
            yield from _from_list(known, options)
            continue
        try:
            name = os.fsencode(item)
        except UnicodeEncodeError:
            name = os.fspath(item).encode("utf-8", "replace")
            yield failed(as_text(name), "is not a possible file name")
            continue
        yield from _expanded(_given(name, known, options, patterns=True), options)


def names_from(stream: BinaryIO, *, nul: bool = False) -> Iterator[bytes | None]:
    r"""Read names, each as soon as it is there; None stands for one that is too long.

    Parameters
    ----------
    stream
        What they stand in.
    nul
        Whether they end in NUL; otherwise in a line feed, or ``\r\n``. The last one need not end.
    """
    separator = b"\0" if nul else b"\n"
    read = getattr(stream, "read1", stream.read)
    begun, first, skipping = b"", True, False
    while True:
        block = read(1 << 16)
        *whole, begun = (begun + block).split(separator)
        if not block and begun:
            whole, begun = [begun], b""
        for name in whole:
            if first and not nul:
                name = name.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901
            first = False
            if not nul:
                name = name.removesuffix(b"\r")  # noqa: PLW2901
            if skipping:
                skipping = False
            elif len(name) > _LONGEST:
                yield None
            elif name:
                yield name
        if not block:
            return
        if len(begun) > _LONGEST:
            if not skipping:
                yield None
            begun, skipping = b"", True


def _from_list(known: Known, options: Listing) -> Iterator[Found]:
    """List what is named on standard input."""
    if sys.stdin is None:
        yield failed("-", "there is no standard input")
        return
    names = names_from(sys.stdin.buffer, nul=options.nul)
    while True:
        try:
            name = next(names)
        except StopIteration:
            return
        except OSError as error:
            yield failed("-", f"standard input cannot be read: {error.strerror or error}")
            return
        if name is None:
            yield failed("-", f"holds a name of more than {_LONGEST} bytes")
        else:
            yield from _expanded(_given(name, known, options, patterns=False), options)


def _expanded(found: Iterator[Found], options: Listing) -> Iterator[Found]:
    """Put what is in archives and tables in their place."""
    for item in found:
        if (
            not options.archives
            or not isinstance(item, Source)
            or archives.container_of(item.uri) is None
        ):
            yield item
        elif options.inside is not None:
            yield from options.inside(item)
        else:
            yield from archives.inside(item, columns=options.columns, filesystem=options.filesystem)


def _given(name: bytes, known: Known, options: Listing, *, patterns: bool) -> Iterator[Found]:
    """List one input, without what was listed before."""
    text = as_text(name)
    if not name:
        yield failed("", "an empty name is no input")
        return
    if options.filesystem is not None:
        from waarmerk.scan import filesystems

        yield from filesystems.listed(text, options.filesystem, known, options.hidden)
        return
    scheme = scheme_of(text)
    if scheme is not None and scheme != "file":
        from waarmerk.scan import stores

        if not known.has(name):
            yield from stores.listed(text, known)
        return
    if scheme == "file":
        try:
            name = os.fsencode(local_path(text))
        except InputError as error:
            yield Failed(text, str(error))
            return
    if not _is_known(name, known, options):
        yield from _local(name, known, options, patterns=patterns and scheme is None)


def _is_known(name: bytes, known: Known, options: Listing) -> bool:
    """Return whether an input was listed before; it may be what a folder was listed without."""
    if not known.anything:
        return False
    if known.has_file(name):
        return True
    left_out = not options.hidden and b"/." in name
    linked = not options.follow_links and os.path.islink(name)  # noqa: PTH114
    return not left_out and not linked and (known.has(name) or known.has_folder(name + b"/"))


def _local(name: bytes, known: Known, options: Listing, *, patterns: bool) -> Iterator[Found]:
    """List a file, a folder or a pattern of this machine."""
    uri = local_uri(name)
    try:
        status = os.stat(name)  # noqa: PTH116
    except FileNotFoundError:
        if os.path.islink(name):  # noqa: PTH114
            yield failed(uri, "is a link to nothing")
        elif patterns and has_magic(os.fsdecode(name)):
            yield from _matching(name, uri, known, options)
        else:
            yield failed(uri, "there is no such file or folder")
    except OSError as error:
        yield failed(uri, f"cannot be read: {error.strerror or error}")
    except ValueError:  # a name with a null character
        yield failed(as_text(name), "is not a possible file name")
    else:
        if stat.S_ISREG(status.st_mode):
            yield local_source(uri, status)
            known.add(name)
        elif stat.S_ISDIR(status.st_mode):
            yield from walk(name, status, known, options)
            known.add_folder(name if name.endswith(b"/") else name + b"/")
        else:
            yield failed(uri, "is not a regular file")


def _matching(name: bytes, uri: str, known: Known, options: Listing) -> Iterator[Found]:
    """List what a pattern matches."""
    glob = Glob.of(os.fsdecode(name))
    base = os.fsencode(glob.base)
    # What it matches may all have been given before.
    found = known.anything
    try:
        status = os.stat(base or b".")  # noqa: PTH116
    except OSError:
        pass
    else:
        for item in walk(base, status, known, options, glob):
            found = True
            yield item
        known.add_glob(glob)
    if not found:
        yield failed(uri, "there is no such file, and none that matches the pattern")
