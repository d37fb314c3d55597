"""How far a marked picture is from its original: PSNR and SSIM.

PSNR is taken over all pixels of all channels against 255. SSIM is scikit-image's
``structural_similarity`` over the RGB channels with the settings of Wang et al. 2004 (Gaussian
weights of sigma 1.5, population covariance, range 255), averaged over channels and pixels;
``uniform`` is the same with scikit-image's own default, a uniform 7 x 7 window, because many papers
report that one.
"""

import math
from typing import Any

import numpy as np

# Rows of a 12-megapixel picture are measured in bands of this height to bound memory.
_BAND = 1024


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB over all values; infinite for equal arrays.

    >>> psnr(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8))
    0.0
    """
    if first.shape != second.shape:
        raise ValueError(f"shapes differ: {first.shape} and {second.shape}")
    total = 0
    for top in range(0, len(first), _BAND):
        rows = slice(top, top + _BAND)
        difference = first[rows].astype(np.int32) - second[rows]
        total += int((difference * difference).sum(dtype=np.int64))
    return 10 * math.log10(255**2 * first.size / total) if total else math.inf


def luma(rgb: np.ndarray) -> np.ndarray:
    """Return the BT.601 luma, as JPEG uses it, rounded to uint8."""
    return np.asarray(np.rint(rgb @ np.array([0.299, 0.587, 0.114], np.float32)), np.uint8)


def ssim(first: np.ndarray, second: np.ndarray, *, uniform: bool = False) -> float:
    """Return the structural similarity of two uint8 pictures ``[H, W, 3]``."""
    from skimage import metrics

    similarity: Any = metrics.structural_similarity
    weights = {} if uniform else {"gaussian_weights": True, "sigma": 1.5}
    return float(
        similarity(
            first,
            second,
            channel_axis=2,
            data_range=255,
            use_sample_covariance=uniform,
            **weights,
        )
    )


def fidelity(original: np.ndarray, marked: np.ndarray) -> dict[str, float]:
    """Return every figure of fidelity that the report needs for one picture."""
    return {
        "psnr": round(psnr(original, marked), 3),
        "psnr_luma": round(psnr(luma(original), luma(marked)), 3),
        "ssim": round(ssim(original, marked), 5),
        "ssim_uniform": round(ssim(original, marked, uniform=True), 5),
    }
