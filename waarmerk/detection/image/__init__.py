"""The detector of ``waarmerk.image.1``.

`detect_array` looks first at the picture as it is, in its eight right-angle orientations, and
searches crops, scales, angles and aspects only when that finds nothing. Everything that does not
depend on the key is done once for all keys.
"""

from waarmerk.detection.image.detector import detect_array, detect_each

__all__ = ["detect_array", "detect_each"]
