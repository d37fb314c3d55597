"""The scores that were published for SynthID, to compare with.

They take bits and a mask, as `SynthID.g_values`, `SynthID.context_repetition_mask` and
`SynthID.eos_mask` give them, and are equal to those of the implementations they are named in::

    keep = scheme.context_repetition_mask(ids) & scheme.eos_mask(ids, eos)[scheme.ngram_len - 1 :]
    mean_score(scheme.g_values(ids), keep)

None of them is a probability of error. What a report says of a text comes from
`SynthID.evidence`, whose law is known.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError

__all__ = ["bayesian_score", "mean_score", "weighted_mean_score"]

Floats = NDArray[np.float64]


def mean_score(g: Any, mask: Any) -> Floats:
    """Return the share of ones among the bits that count.

    Parameters
    ----------
    g
        0 or 1 [..., tokens, layers].
    mask
        0 or 1 [..., tokens]: which tokens count.

    Returns
    -------
    float64 [...]
        About ½ without a mark; NaN where no token counts.

    Raises
    ------
    InputError
        If the shapes do not fit.

    Notes
    -----
    ``detector_mean.mean_score`` of google-deepmind/synthid-text 0.2.1.
    """
    return weighted_mean_score(g, mask, np.ones(_checked(g, mask)[0].shape[-1]))


def weighted_mean_score(g: Any, mask: Any, weights: Any = None) -> Floats:
    """Return the share of ones, where layers count differently.

    Parameters
    ----------
    g, mask
        As of `mean_score`.
    weights
        float [layers], which are scaled to a mean of 1; None for weights that fall in a straight
        line from 10 for the first layer to 1 for the last.

    Returns
    -------
    float64 [...]
        NaN where no token counts.

    Raises
    ------
    InputError
        If the shapes do not fit, or the weights do not add up to something above 0.

    Notes
    -----
    ``detector_mean.weighted_mean_score`` of google-deepmind/synthid-text 0.2.1.
    """
    bits, keep = _checked(g, mask)
    depth = bits.shape[-1]
    given = np.linspace(10, 1, depth) if weights is None else np.asarray(weights, np.float64)
    if given.shape != (depth,):
        raise InputError(f"{depth} layers need {depth} weights, not an array of {given.shape}")
    total = float(given.sum())
    if not 0 < total < np.inf:
        raise InputError(f"the weights of the layers add up to {total}; some are above 0")
    sums = (bits * keep[..., None] * (given / total)).sum((-2, -1))
    count = keep.sum(-1)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def bayesian_score(g: Any, mask: Any, beta: Any, delta: Any, prior: float) -> Floats:
    """Return the probability of a mark that a trained model gives.

    Parameters
    ----------
    g, mask
        As of `mean_score`.
    beta
        float [layers], of the trained model.
    delta
        float [layers, layers], of the trained model: what bits of earlier layers (second axis) tell
        of a layer (first axis). Only what lies below the diagonal is used.
    prior
        The probability of a mark before the text is seen; kept from 1e-5 to 1 - 1e-5.

    Returns
    -------
    float64 [...]
        The prior where no token counts.

    Raises
    ------
    InputError
        If the shapes do not fit, or the prior is no probability.

    Notes
    -----
    ``BayesianDetectorModel`` of transformers 4.46 and later, whose parameters have two axes of
    length 1 more.
    """
    bits, keep = _checked(g, mask)
    depth = bits.shape[-1]
    offset = np.asarray(beta, np.float64)
    slope = np.asarray(delta, np.float64)
    if offset.size != depth or slope.size != depth * depth:
        raise InputError(
            f"{depth} layers need {depth} values of beta and {depth} times {depth} of delta, not "
            f"{offset.shape} and {slope.shape}; was the detector trained with other keys?"
        )
    if not 0 <= prior <= 1:
        raise InputError(f"the prior is a probability, not {prior}")
    earlier = np.tril(slope.reshape(depth, depth), -1)
    # The probability that two different bits met at the layer, as the model sees it.
    two = _logistic(offset.reshape(depth) + bits @ earlier.T)
    marked = 0.5 * ((bits + 0.5) * two + (1 - two))
    evidence = (keep[..., None] * np.log(marked / 0.5)).sum((-2, -1))
    prior = min(max(float(prior), 1e-5), 1 - 1e-5)
    return _logistic(evidence + np.log(prior / (1 - prior)))


def _logistic(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), which a tanh computes without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def _checked(g: Any, mask: Any) -> tuple[Floats, Floats]:
    bits = np.asarray(g, np.float64)
    keep = np.asarray(mask, np.float64)
    if bits.ndim < 2 or bits.shape[-1] == 0 or keep.shape != bits.shape[:-1]:
        raise InputError(
            f"g has a row of bits for every token and the mask a value, not {bits.shape} and "
            f"{keep.shape}"
        )
    return bits, keep
