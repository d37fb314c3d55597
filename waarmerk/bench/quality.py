"""How far a marked or changed value is from the one before."""

from __future__ import annotations

import math
from difflib import SequenceMatcher

import numpy as np

from waarmerk.bench.image_quality import psnr, ssim
from waarmerk.bench.protocol import Content, Medium, Value
from waarmerk.bench.sound_quality import pesq, snr

__all__ = ["change", "fidelity"]

BEST = 99.0
"""Stands for the infinite PSNR and SNR of what did not change, as JSON has no infinity."""


def fidelity(content: Content, original: Value, marked: Value) -> dict[str, float]:
    """Return figures of a marked value against its original.

    Pictures: ``psnr`` in dB over all values, ``ssim`` (Gaussian windows). Sounds: ``snr`` in dB,
    ``pesq`` (wide band, P.862.2). Texts have no original: ``bits`` is what a marked token tells
    under the model's own distribution, ``bits_unmarked`` the same of a text without a mark.
    """
    if content.medium == "image":
        return {
            "psnr": _finite(psnr(original, marked)),
            "ssim": round(ssim(original, marked), 5),
        }
    if content.medium == "audio":
        return {
            "snr": _finite(snr(original.samples, marked.samples)),
            "pesq": round(pesq(original.samples, marked.samples, marked.rate), 4),
        }
    return {"bits": _bits(content, marked), "bits_unmarked": _bits(content, original)}


def change(medium: Medium, before: Value, after: Value) -> dict[str, float]:
    """Return how much a transformation changed, where the two can be compared.

    Pictures of one size: ``psnr``; sounds of one length and rate: ``snr``; texts: ``changed``, the
    share of tokens that were replaced, inserted or deleted.
    """
    if medium == "image":
        return {"psnr": _finite(psnr(before, after))} if before.shape == after.shape else {}
    if medium == "audio":
        alike = before.rate == after.rate and before.samples.shape == after.samples.shape
        return {"snr": _finite(snr(before.samples, after.samples))} if alike else {}
    matcher = SequenceMatcher(None, before.tolist(), after.tolist(), autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    return {"changed": round(1 - kept / max(len(before), len(after), 1), 4)}


def _finite(decibels: float) -> float:
    return BEST if math.isnan(decibels) else round(min(decibels, BEST), 3)


def _bits(content: Content, text: Value) -> float:
    """Return the mean of -log2 p of the tokens under the generator's final distribution."""
    from waarmerk.bench.content.text_model import ORDER, Writer

    if content.generator is None:
        raise ValueError(f"{content.name}: nothing writes this text")
    generator = content.generator()
    writer = Writer(generator.model, generator.setting)
    whole = np.concatenate([generator.prompt, text])
    told = []
    for end in range(len(generator.prompt), len(whole)):
        ids, scores = writer.candidates(whole[max(0, end - ORDER) : end])
        place = np.flatnonzero(ids == whole[end])
        if place.size:
            told.append(-float(scores[place[0]]) / math.log(2))
    return round(float(np.mean(told)), 4) if told else 0.0
