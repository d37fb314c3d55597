"""Detection of token watermarks.

`detector` asks the schemes, `search` weighs what they say over whole texts and windows, `tails`
knows what chance makes of sums, `payload` reads the mark id, and `tokenizers` turns raw text into
ids. `waarmerk.api` is the face of all of it.
"""

from waarmerk.detection.text.detector import (
    MIN_TOKENS,
    THRESHOLD,
    TextFindings,
    detect_ids,
    detect_many,
    detect_raw,
    look_with,
)

__all__ = [
    "MIN_TOKENS",
    "THRESHOLD",
    "TextFindings",
    "detect_ids",
    "detect_many",
    "detect_raw",
    "look_with",
]
