"""Listing and opening what is inside something, for the tests of archives and tables."""

from waarmerk.errors import InputError
from waarmerk.scan.content import opened
from waarmerk.scan.inputs import Listing, sources_of

__all__ = ["listed", "outcome", "read"]


def read(source):
    with opened(source) as found:
        return found if isinstance(found, bytes) else found.read_bytes()


def outcome(source):
    try:
        return str(len(read(source)))
    except InputError as error:
        return str(error)


def listed(path, **options):
    return list(sources_of([path], options=Listing(**options)))
