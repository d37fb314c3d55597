"""C2PA manifests of files that are examined: what they say, and whether that may be believed.

``reader`` asks the library and ``store`` turns its answer into a finding; ``ingredients`` and
``signals`` say what it holds about AI; ``trust`` keeps the lists of those who vouch for signers;
``recovery`` finds a lost manifest again by the watermark. Nothing here opens a connection.
"""

from waarmerk.detection.manifest.reader import INGREDIENT, Trust, load_anchors, read_manifest

__all__ = ["INGREDIENT", "Trust", "load_anchors", "read_manifest"]
