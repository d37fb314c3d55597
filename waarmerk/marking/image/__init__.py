"""The image mark ``waarmerk.image.1``: its definition, and laying it on a picture.

`scheme`, `canonical` and `lines` define what marker and detector share; `pattern`, `perception`
and `embed` are the marker's alone.
"""

from waarmerk.marking.image.embed import MINIMUM_SIDE, Embedded, embed_array

__all__ = ["MINIMUM_SIDE", "Embedded", "embed_array"]
