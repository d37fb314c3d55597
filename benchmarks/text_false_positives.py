"""P-values of human text under keys that marked nothing, and what the originals say of the same.

Windows of five lengths are laid over the documents of the reporting half at even distances; none
reaches over the end of a document. Longer ones overlap. Every window is looked at with every key of
every scheme. So p-values are not independent: windows share tokens, documents share phrases, and
all windows share the keys. `interval` takes both into account, by drawing documents and keys again.

A row holds, for one scheme, key, language and length, how many windows of each document fell below
each threshold; documents without any are left out.

``... as published`` is the figure of the original and what it is usually taken for: KGW's z-score
counts repeated n-grams, as the detector of transformers does by default, and SynthID's mean score
counts them too, its z being that of as many fair coins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_ndtr
from scipy.stats import beta

from waarmerk.bench.content.text_model import Ids
from waarmerk.bench.content.text_write import SCHEMES, SHARES, WITH_ID, scheme_of
from waarmerk.bench.rows import Row
from waarmerk.bench.seeds import rng_for

if TYPE_CHECKING:
    from waarmerk.marking.text import KGW, SynthID

THRESHOLDS = (0.1, 1e-2, 1e-3, 1e-4, 1e-5)
PUBLISHED = " as published"
WINDOWS = {50: 6000, 100: 5000, 200: 4500, 500: 3600, 1000: 3000}
KEYS = 20
QUICK_KEYS = 2
QUICK_WINDOWS = dict.fromkeys(WINDOWS, 120)
DETECTORS = tuple(name for name in SCHEMES if name != WITH_ID)  # the id is looked for as well
ORIGINALS = tuple(name for name in SCHEMES if name.startswith(("synthid", "kgw")))
STATISTICS = (*DETECTORS, *(name + PUBLISHED for name in ORIGINALS))


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows over the documents of one language, laid end to end.

    Parameters
    ----------
    ids, offsets
        Of the documents, ragged.
    starts, document
        By length: int64 [windows], where each window begins in `ids`, and in which document.
    """

    ids: Ids
    offsets: Ids
    starts: dict[int, Ids]
    document: dict[int, Ids]

    def ragged(self, length: int) -> tuple[Ids, Ids]:
        """Return all windows of a length as texts."""
        starts = self.starts[length]
        ids = self.ids[(starts[:, None] + np.arange(length)).ravel()]
        return ids, np.arange(starts.size + 1) * length

    def sums(self, values: np.ndarray, length: int, skip: int) -> np.ndarray:
        """Add up the values of all tokens of each window but its first ones."""
        total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        starts = self.starts[length]
        return total[starts + length] - total[starts + skip]


def lay(documents: list[Ids], counts: dict[int, int]) -> Windows:
    """Lay so many windows of each length evenly over documents."""
    sizes = np.array([document.size for document in documents])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    starts, where = {}, {}
    for length, count in counts.items():
        room = np.maximum(sizes - length + 1, 0)  # where one may begin
        until = np.cumsum(room)
        if not until[-1]:
            raise SystemExit(f"no document has {length} tokens")
        number = min(count, int(until[-1]))
        at = ((np.arange(number) + 0.5) * until[-1] / number).astype(np.int64)
        document = np.searchsorted(until, at, side="right")
        where[length] = document
        starts[length] = offsets[document] + at - (until - room)[document]
    return Windows(np.concatenate(documents), offsets, starts, where)


def shared(counts: dict[int, int], language: str) -> dict[int, int]:
    """Return the part of the windows that a language has."""
    share = SHARES[language] / sum(SHARES.values())
    return {length: round(count * share) for length, count in counts.items()}


def tasks(keys: int) -> Iterator[Row]:
    """Yield what names the rows of one call of `measure`."""
    for statistic in STATISTICS:
        for key in range(keys):
            for language in SHARES:
                yield {"scheme": statistic, "key": key, "language": language}


def layout(windows: Windows, language: str) -> list[Row]:
    """Return rows that say how many windows each document has, and how they overlap."""
    return [
        {
            "scheme": "windows", "key": 0, "language": language, "length": length,
            "windows": int(starts.size), "documents": counted(windows.document[length]),
            "different": covered(starts, length) // length,
        }
        for length, starts in windows.starts.items()
    ]  # fmt: skip


def covered(starts: Ids, length: int) -> int:
    """Return how many tokens lie in any window; starts rise."""
    return int(np.minimum(np.diff(starts), length).sum()) + length if starts.size else 0


def counted(documents: Ids) -> list[list[int]]:
    """Return [document, how often] of all that occur."""
    return np.stack(np.unique(documents, return_counts=True), axis=1).tolist()


def measure(name: Row, windows: Windows, vocab_size: int, workers: int = 1) -> list[Row]:
    """Return the rows of one scheme, key and language: one for each length."""
    statistic = name["scheme"].removesuffix(PUBLISHED)
    scheme = scheme_of(statistic, vocab_size, "false positives", name["key"])
    if name["scheme"].endswith(PUBLISHED):
        judge = published(scheme, windows)
    else:
        judge = lambda length: exact(scheme, windows.ragged(length), workers)  # noqa: E731
    rows = []
    for length, documents in windows.document.items():
        log10_p = judge(length)
        below = [log10_p <= np.log10(t) for t in THRESHOLDS]
        hits = np.unique(documents[below[0]])
        table = [[int(d), *(int((b & (documents == d)).sum()) for b in below)] for d in hits]
        smallest = round(float(log10_p.min()), 4)
        rows.append(
            {**name, "length": length, "windows": len(log10_p), "hits": table, "smallest": smallest}
        )
    return rows


def exact(scheme: Any, texts: tuple[Ids, Ids], workers: int) -> np.ndarray:
    """Return log10 p as the detector reports it."""
    from waarmerk import detect_texts

    return detect_texts(texts, scheme, min_tokens=0, workers=workers).log10_p


def published(scheme: SynthID | KGW, windows: Windows) -> Callable[[int], np.ndarray]:
    """Return what gives log10 p of all windows of a length by the original's figure."""
    if hasattr(scheme, "keys"):
        ones, first, chance = _ones(scheme, windows.ids), scheme.ngram_len - 1, 0.5
        draws = len(scheme.keys)
    else:
        first = scheme.context_width - (scheme.seeding == "selfhash")
        ones, chance, draws = _green(scheme, windows.ids, first), scheme.gamma, 1

    def judge(length: int) -> np.ndarray:
        trials = draws * (length - first)
        excess = windows.sums(ones, length, first) - chance * trials
        # Of the upper tail, in logarithms: it does not underflow.
        return log_ndtr(-excess / np.sqrt(trials * chance * (1 - chance))) / np.log(10)

    return judge


def _ones(scheme: SynthID, ids: Ids) -> np.ndarray:
    """Return how many of a token's g-values are 1; the first tokens have none."""
    before, step = scheme.ngram_len - 1, 1 << 18
    parts = [np.zeros(before, np.int64)]
    for start in range(0, ids.size, step):
        g = scheme.g_values(ids[start : start + step + before])
        parts.append(g.sum(axis=1, dtype=np.int64))
    return np.concatenate(parts)


def _green(scheme: KGW, ids: Ids, before: int) -> np.ndarray:
    """Say of each token whether it is green, 1 or 0; the first tokens are not."""
    contexts = np.lib.stride_tricks.sliding_window_view(ids[:-1], before)
    green = scheme.contains(contexts, ids[before:])
    return np.concatenate([np.zeros(before, np.int64), green])


def interval(
    hits: np.ndarray, windows: np.ndarray, different: int, draws: int = 1000
) -> tuple[float, float]:
    """Return limits of the true share, 95 %, that allow for what windows have in common.

    Keys and documents are drawn again independently (Owen 2007, "The pigeonhole bootstrap"). Where
    hits are few that says too little, so that the limits are never narrower than those of Clopper
    and Pearson for as many windows as do not overlap.

    Parameters
    ----------
    hits
        int64 [keys, documents].
    windows
        int64 [documents].
    different
        How many windows without overlap there would be room for.
    """
    keys, documents = hits.shape
    rng = rng_for("bootstrap", keys, documents)
    key_weights = rng.multinomial(keys, np.full(keys, 1 / keys), draws)
    weights = rng.multinomial(documents, np.full(documents, 1 / documents), draws)
    # Keys first: [draws, documents] is small, a table of all three would not be.
    shares = np.sum((key_weights @ hits) * weights, axis=1) / (keys * (weights @ windows))
    low, high = np.quantile(shares, [0.025, 0.975])
    trials = different * keys
    count = trials * hits.sum() / (keys * windows.sum())
    lower = beta.ppf(0.025, count, trials - count + 1) if count else 0.0
    upper = beta.ppf(0.975, count + 1, max(trials - count, 1e-9))
    return float(min(low, lower)), float(max(high, upper))
