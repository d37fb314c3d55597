"""Naive twins of the kernels: a few lines of NumPy each, slow and obviously right."""

import numpy as np


def polar_encode(bits):
    """Send u: the left half of a word is both halves' words combined, the right half its own."""
    if len(bits) == 1:
        return list(bits)
    half = len(bits) // 2
    left, right = polar_encode(bits[:half]), polar_encode(bits[half:])
    return [a ^ b for a, b in zip(left, right, strict=True)] + right


def polar_value(llr, known):
    """Log-likelihood of the bit that follows the known ones, in max-log arithmetic."""
    half = len(llr) // 2
    if half == 0:
        return llr[0]
    first, second = llr[:half], llr[half:]
    if len(known) < half:
        low = np.minimum(np.abs(first), np.abs(second))
        return polar_value(np.sign(first) * np.sign(second) * low, known)
    left = 1 - 2 * np.array(polar_encode(known[:half]))
    return polar_value(second + left * first, known[half:])


def polar_decode(llr, information, list_size):
    """List decoding by the definition: every value computed anew from the root."""
    paths = [(0.0, [])]
    for is_information in information:
        longer = []
        for metric, known in paths:
            value = polar_value(llr, known)
            longer.append((metric + max(0.0, -value), [*known, 0]))
            if is_information:
                longer.append((metric + max(0.0, value), [*known, 1]))
        if is_information:
            longer = sorted(longer, key=lambda path: path[0])[:list_size]
        paths = longer
    paths.sort(key=lambda path: path[0])
    bits = np.array([known for _, known in paths], np.uint8)[:, np.asarray(information, bool)]
    return bits, np.array([metric for metric, _ in paths])
