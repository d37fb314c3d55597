"""How reports call things, and how they write numbers."""

from __future__ import annotations

from typing import Any, Final

from waarmerk.bench.report.measures import Rate

__all__ = [
    "CATEGORY_TITLES",
    "QUALITIES",
    "TITLES",
    "in_per_cent",
    "interval",
    "quality_of",
    "share_of",
    "split_of",
]

TITLES: Final = {"image": "Images", "audio": "Audio", "text": "Text"}

CATEGORY_TITLES: Final = {
    "none": "Untouched",
    "in place": "In place",
    "localised": "Localised",
    "desynchronisation": "Desynchronisation",
    "analogue hole": "Analogue hole (simulated)",
    "malicious": "Malicious",
    "all": "All processing",
}

QUALITIES: Final = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "visqol": "ViSQOL, MOS",
    "pesq": "PESQ, MOS",
    "snr": "SNR, dB",
    "changed": "tokens changed, share",
    "perplexity": "perplexity",
    "bits": "bits a token, marked",
    "bits_unmarked": "bits a token, unmarked",
}
"""Measures of quality that have a name; the first that a scheme has stands for it in figures."""


_MORE_IS_WORSE: Final = ("lpips", "changed", "perplexity", "bits")


def share_of(rate: Rate) -> float | None:
    """Return the share, or None of nothing."""
    return rate["successes"] / rate["n"] if rate["n"] else None


def in_per_cent(rate: Rate) -> str:
    """Return a share in per cent; 100 and 0 only where it is that.

    >>> in_per_cent({"n": 10000, "successes": 9999})
    '99.99'
    """
    n, successes = rate["n"], rate["successes"]
    if not n:
        return "-"
    for digits in range(1, 7):
        text = f"{100 * successes / n:.{digits}f}"
        if (successes == n) == (float(text) == 100) and (successes == 0) == (float(text) == 0):
            return "100" if successes == n else "0" if successes == 0 else text
    return text


def interval(rate: Rate) -> str:
    """Return the interval of a share in per cent, rounded outwards.

    >>> interval({"low": 0.90126, "high": 1.0})
    '90.1 to 100'
    """
    low = int(rate["low"] * 1000) / 10
    high = -int(-rate["high"] * 1000 // 1) / 10
    return f"{low:g} to {high:g}"


def quality_of(scheme: dict[str, Any]) -> str:
    """Return the fidelity of a scheme in words: each measure with mean and worst."""
    parts = []
    for name, value in scheme["marks"]["quality"].items():
        worst = value["high"] if name in _MORE_IS_WORSE else value["low"]
        parts.append(f"{QUALITIES.get(name, name)}: {value['mean']:.4g} ({worst:.4g})")
    return "; ".join(parts)


def split_of(header: dict[str, Any]) -> str:
    """Return which half of the data a result file is about.

    >>> split_of({"parameters": {"half": "reporting", "content": "folder"}})
    'reporting'
    """
    parameters = header.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    half = str(parameters.get("half") or parameters.get("split") or "not stated")
    if parameters.get("content") == "shipped":
        # As `waarmerk.bench.content` says.
        return f"{half}, but of the content that comes with the package, which is in both halves"
    return half
