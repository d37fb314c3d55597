"""What is to be examined: one file, one object in a store, or one member of an archive or a table.

A source is data alone: it can be sent to another machine, and opened there (`content`). Its name is
a text in UTF-8 and names it alone::

    photos/a.jpg                      a local file, as it was given
    file:///srv/%E9t%E9.jpg           a local file whose name is no UTF-8: its bytes (RFC 8089)
    s3://bucket/photos/a.jpg          an object in a store
    uploads.zip!/photos/a.jpg         a member of an archive
    train.parquet!/12/image.bytes     row 12 of a table, and the column that holds bytes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["INSIDE", "Container", "Source"]

INSIDE: Final = "!/"
"""Stands between the name of an archive or a table and what is in it."""

Container = Literal["zip", "tar", "parquet"]


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to examine.

    Attributes
    ----------
    uri
        Names it in the results.
    size
        Bytes, as the listing said; None if it did not.
    modified
        Nanoseconds since 1970 (UTC), as the listing said; of a member, those of its archive.
    etag
        What the store or the archive says of its version: an ETag, or the CRC-32 of a member.
    container
        What kind of archive or table it is a member of.
    place
        Where in that it is: of a member of a tar archive, where its content begins, in bytes of
        the archive as it is when decompressed; of one of a ZIP archive, where its entry in the
        directory begins; of a cell, the row of the table.
    sha256
        Of the content that was examined before, in hex: what still has it is not examined again.
    """

    uri: str
    size: int | None = None
    modified: int | None = None
    etag: str | None = None
    container: Container | None = None
    place: int | None = None
    sha256: str | None = None
