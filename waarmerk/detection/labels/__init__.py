"""Reading unsigned labels: what a file says about AI beside its content.

``carriers`` turn a file into items, key and value; ``conventions`` say what items mean. Both are
tables, so that a format or a convention is one entry and one test. A label is a claim: anybody can
write one and anybody can take it away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from waarmerk.detection.finding import LabelFinding

__all__ = ["labels_in_pixels", "read_labels"]


def read_labels(source: bytes | BinaryIO, media_type: str) -> tuple[LabelFinding, ...]:
    """Return the labels of a file.

    Parameters
    ----------
    source
        The file, or a stream that can seek; it stands afterwards where it stood. No content makes
        this fail, take long or need much memory; large media are not read whole.
    media_type
        What the file is taken for. Its first bytes decide; the type only where they cannot, as for
        texts.

    Returns
    -------
    tuple of LabelFinding
        Each thing that was said once; empty if there is nothing. A label that does not parse has
        the status ``unreadable`` and a reason. ``value`` and ``details`` hold nothing personal.

    Raises
    ------
    OSError
        If the stream cannot be read.

    Notes
    -----
    Which carriers and conventions there are stands in :mod:`waarmerk.detection.labels.carriers` and
    :mod:`waarmerk.detection.labels.conventions`, with their sources.

    Examples
    --------
    >>> packet = (
    ...     b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    ...     b'<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" e:Digital'
    ...     b'SourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>'
    ...     b"</rdf:RDF>"
    ... )
    >>> [(label.standard, label.kind) for label in read_labels(packet, "image/svg+xml")]
    [('iptc.digitalsourcetype', 'generated')]
    """
    from waarmerk.detection.labels.carriers import items_of
    from waarmerk.detection.labels.conventions import findings_of
    from waarmerk.detection.labels.source import Source

    if isinstance(source, bytes):
        return findings_of(items_of(Source(source), media_type))
    position = source.tell()
    try:
        return findings_of(items_of(Source(source), media_type))
    finally:
        source.seek(position)


def labels_in_pixels(pixels: npt.NDArray[np.uint8]) -> tuple[LabelFinding, ...]:
    """Return the labels that are hidden in the lowest bits of pixels.

    Parameters
    ----------
    pixels
        ``uint8[height, width, 4]`` or ``[..., 3]``, as a file without loss holds them; others,
        like ``[height, width]``, have no place for one.

    Returns
    -------
    tuple of LabelFinding
        Empty if there is nothing.
    """
    from waarmerk.detection.labels.pixels import hidden_labels

    return hidden_labels(pixels)
