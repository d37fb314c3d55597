"""Looking for token watermarks: one text, or any number of them at once.

Every scheme is tried on every text, and every try is paid for: the p-value of a finding is that of
the best scheme times the number of schemes. What comes out holds for one text; who looks at a
million texts has to expect a million times the threshold in false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from waarmerk.cores import cores
from waarmerk.detection.finding import Passage, WatermarkFinding
from waarmerk.detection.text.payload import read_id
from waarmerk.detection.text.search import Look, look, passages
from waarmerk.detection.text.tokenizers import tokenize
from waarmerk.detection.text_words import TOKEN_SCHEME
from waarmerk.errors import InputError
from waarmerk.marking.text.scheme import (
    Evidence,
    Ids,
    checked_ids,
    checked_texts,
    one_text,
    ragged,
)
from waarmerk.marking.text_wrapper import strip_hidden

if TYPE_CHECKING:
    from waarmerk.marking.payload import MarkId
    from waarmerk.marking.text.scheme import TextScheme

__all__ = [
    "MIN_TOKENS",
    "THRESHOLD",
    "TextFindings",
    "detect_ids",
    "detect_many",
    "detect_raw",
    "look_with",
]

MIN_TOKENS: Final = 200
"""Below it a text counts as too short: the Code of Practice on marking AI-generated content asks
for watermarks in free-form text of more than 200 tokens."""

THRESHOLD: Final = 1e-5
"""The p-value from which on a mark counts as found."""

_PIECE = 1 << 18  # tokens that one thread looks at in one go
_SMALLEST_PIECE = 1 << 12  # fewer are not worth a thread


@dataclass(frozen=True, slots=True, eq=False)
class TextFindings:
    """What was found in many texts: one row each, in their order.

    Parameters
    ----------
    schemes
        Names of the schemes that were tried, in order.
    key_ids
        Of their keys; None where a key has no id.
    tokens
        int64 [texts]: how many tokens each text has.
    checked
        bool [texts]: whether it was long enough to be looked at.
    found
        bool [texts]: whether a mark was found.
    scheme
        int64 [texts]: the scheme that fits best, as an index; -1 where nothing was checked.
    tokens_scored
        int64 [texts]: how many tokens that scheme counted.
    log10_p
        float64 [texts]: log10 of the p-value, all schemes and windows paid for; NaN where nothing
        was checked.
    passages
        For every text the passages in which the mark was found; empty where it was not.
    mark_ids
        For every text the id that was read, if any.
    min_tokens
        From which length on texts were looked at.
    """

    schemes: tuple[str, ...]
    key_ids: tuple[str | None, ...]
    tokens: NDArray[np.int64]
    checked: NDArray[np.bool_]
    found: NDArray[np.bool_]
    scheme: NDArray[np.int64]
    tokens_scored: NDArray[np.int64]
    log10_p: NDArray[np.float64]
    passages: tuple[tuple[Passage, ...], ...]
    mark_ids: tuple[MarkId | None, ...]
    min_tokens: int

    def __len__(self) -> int:
        return self.tokens.size

    def finding(self, row: int) -> WatermarkFinding:
        """Return the finding of one text."""
        if not self.checked[row]:
            tokens = int(self.tokens[row])
            return WatermarkFinding(
                "not_checked",
                self.schemes[0] if len(set(self.schemes)) == 1 else TOKEN_SCHEME,
                reason=f"too short: {tokens} token{'s' * (tokens != 1)}, and marks are looked for "
                f"from {self.min_tokens} on",
                tokens_scored=0,
            )
        scheme = int(self.scheme[row])
        found, mark_id = bool(self.found[row]), self.mark_ids[row]
        return WatermarkFinding(
            "found" if found else "not_found",
            self.schemes[scheme],
            key_id=self.key_ids[scheme] if found else None,
            log10_p=float(self.log10_p[row]),
            mark_id=mark_id,
            # A mark on tokens is made while a model writes, and by nothing else.
            kind="generated" if found and mark_id is None else None,
            segments=self.passages[row],
            tokens_scored=int(self.tokens_scored[row]),
        )

    def columns(self) -> dict[str, Any]:
        """Return the findings as columns of equal length, for a data frame or an Arrow table."""
        return {
            "tokens": self.tokens,
            "checked": self.checked,
            "found": self.found,
            "scheme": [self.schemes[i] if i >= 0 else None for i in self.scheme],
            "key_id": [
                self.key_ids[i] if found else None
                for i, found in zip(self.scheme, self.found, strict=True)
            ],
            "tokens_scored": self.tokens_scored,
            "log10_p": self.log10_p,
            "mark_id": [None if mark is None else mark.hex for mark in self.mark_ids],
        }


def detect_ids(
    ids: Any,
    schemes: Iterable[TextScheme] | TextScheme,
    *,
    min_tokens: int = MIN_TOKENS,
    threshold: float = THRESHOLD,
) -> WatermarkFinding:
    """Look for token watermarks in the ids of one text; see `waarmerk.detect_text`."""
    array = checked_ids(ids)
    return detect_many((array, one_text(array)), schemes, min_tokens=min_tokens,
                       threshold=threshold, workers=1).finding(0)  # fmt: skip


def detect_raw(
    text: str,
    schemes: Iterable[TextScheme] | TextScheme,
    tokenizer: Any,
    *,
    min_tokens: int = MIN_TOKENS,
    threshold: float = THRESHOLD,
) -> WatermarkFinding:
    """Look for token watermarks in raw text; see `waarmerk.detect_text`.

    The passages of the finding say the characters too, if the tokenizer does.
    """
    if tokenizer is None:
        raise InputError(
            "raw text needs the tokenizer of the model that may have written it: the mark is in "
            "the tokens"
        )
    # A wrapped manifest is thousands of characters that no model wrote.
    tokens = tokenize(strip_hidden(text), tokenizer)
    seen = detect_ids(tokens.ids, schemes, min_tokens=min_tokens, threshold=threshold)
    spans = tokens.spans
    if spans is None or not seen.segments:
        return seen
    return replace(
        seen,
        segments=tuple(
            Passage(p.start, p.end, int(spans[p.start][0]), int(spans[p.end - 1][1]))
            for p in seen.segments
            if isinstance(p, Passage)
        ),
    )


def look_with(
    schemes: Iterable[TextScheme] | TextScheme, tokenizer: Any, *, min_tokens: int = MIN_TOKENS
) -> Callable[[str], list[WatermarkFinding]]:
    """Return what `waarmerk.detect_file` takes to look for token marks in the text of a file."""
    tried = _as_schemes(schemes)
    return lambda text: [detect_raw(text, tried, tokenizer, min_tokens=min_tokens)]


def detect_many(
    texts: Any,
    schemes: Iterable[TextScheme] | TextScheme,
    *,
    min_tokens: int = MIN_TOKENS,
    threshold: float = THRESHOLD,
    workers: int | None = None,
) -> TextFindings:
    """Look for token watermarks in many texts; see `waarmerk.detect_texts`."""
    tried = _as_schemes(schemes)
    if not 0.0 < threshold < 1.0:
        raise InputError(f"the threshold is a p-value between 0 and 1, not {threshold!r}")
    if isinstance(min_tokens, bool) or not isinstance(min_tokens, int) or min_tokens < 0:
        raise InputError(f"min_tokens is a number of tokens, not {min_tokens!r}")
    if workers is not None and workers < 1:
        raise InputError(f"at least one worker is needed, not {workers}")
    ids, offsets = _as_ragged(texts)
    count = workers or cores()
    pieces = _pieces(offsets, count)
    log10_threshold = math.log10(threshold)

    def work(piece: tuple[int, int]) -> _Piece:
        first, last = piece
        part = ids[offsets[first] : offsets[last]]
        return _look_at(part, offsets[first : last + 1] - offsets[first], tried, min_tokens,
                        log10_threshold)  # fmt: skip

    count = min(count, len(pieces))
    if count <= 1:
        done = [work(piece) for piece in pieces]
    else:
        with ThreadPoolExecutor(count) as pool:  # the kernels run without Python's lock
            done = list(pool.map(work, pieces))
    lengths = np.diff(offsets)
    return TextFindings(
        schemes=tuple(scheme.name for scheme in tried),
        key_ids=tuple(scheme.key_id for scheme in tried),
        tokens=lengths,
        checked=lengths >= min_tokens,
        found=_joined([p.found for p in done], np.bool_),
        scheme=_joined([p.scheme for p in done], np.int64),
        tokens_scored=_joined([p.tokens_scored for p in done], np.int64),
        log10_p=_joined([p.log10_p for p in done], np.float64),
        passages=tuple(places for p in done for places in p.passages),
        mark_ids=tuple(mark for p in done for mark in p.mark_ids),
        min_tokens=min_tokens,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Columns of `TextFindings` for some of the texts."""

    found: NDArray[np.bool_]
    scheme: NDArray[np.int64]
    tokens_scored: NDArray[np.int64]
    log10_p: NDArray[np.float64]
    passages: list[tuple[Passage, ...]]
    mark_ids: list[MarkId | None]


def _look_at(
    ids: Ids, offsets: Ids, schemes: Sequence[TextScheme], min_tokens: int, threshold: float
) -> _Piece:
    texts, all_tried = offsets.size - 1, math.log10(len(schemes))
    best = np.full(texts, np.inf)
    chosen, counts = np.full(texts, -1), np.zeros(texts, np.int64)
    ways: dict[int, tuple[Evidence, Look]] = {}
    way, way_of = 0, np.zeros(texts, np.int64)
    for index, scheme in enumerate(schemes):
        evidence = scheme.evidence(ids, offsets)
        for one in (evidence, *evidence.others):
            price = -math.log10(one.share)
            seen = look(one, offsets, beat=best - price)
            paid = seen.log10_p + price
            better = paid < best
            best[better], chosen[better] = paid[better], index
            counts[better], way_of[better] = seen.counts[better], way
            if (paid[better] + all_tried <= threshold).any():  # of hundreds of keys, few are kept
                ways[way] = one, seen
            way += 1
    best = np.minimum(best + all_tried, 0.0)
    checked = np.diff(offsets) >= min_tokens
    found = checked & (best <= threshold)
    out = _Piece(
        found=found,
        scheme=np.where(checked, chosen, -1),
        tokens_scored=np.where(checked, counts, 0),
        log10_p=np.where(checked, best, np.nan),
        passages=[()] * texts,
        mark_ids=[None] * texts,
    )
    for text in np.flatnonzero(found):
        evidence, seen = ways[way_of[text]]
        part = slice(int(offsets[text]), int(offsets[text + 1]))
        places = passages(_part(evidence, part), seen.where[text], threshold=threshold)
        out.passages[text] = tuple(Passage(place.start, place.end) for place in places)
        out.mark_ids[text] = read_id(
            schemes[int(chosen[text])], ids[part], out.passages[text], threshold
        )
    return out


def _part(evidence: Evidence, part: slice) -> Evidence:
    return Evidence(evidence.scores[part], evidence.counted[part], evidence.law)


def _as_schemes(schemes: Iterable[TextScheme] | TextScheme) -> tuple[TextScheme, ...]:
    # A single one is what people will pass.
    given = cast(
        "tuple[TextScheme, ...]",
        (schemes,) if hasattr(schemes, "evidence") else tuple(schemes),
    )
    if not given:
        raise InputError("no scheme was given; name one to look for, such as SynthID(keys)")
    for scheme in given:
        if not hasattr(scheme, "evidence"):
            raise InputError(
                f"{scheme!r:.60} is no scheme of text marks; give SynthID, KGW, Gumbel or TextMark"
            )
    return given


def _as_ragged(texts: Any) -> tuple[Ids, Ids]:
    """Return ids and offsets of a pair of them, an Arrow list array, or a sequence of texts."""
    if hasattr(texts, "offsets") and hasattr(texts, "values"):  # pyarrow.ListArray
        if getattr(texts, "null_count", 0):
            raise InputError("the texts hold nulls; leave those rows out")
        offsets = np.asarray(texts.offsets, np.int64)
        texts = (np.asarray(texts.values)[offsets[0] : offsets[-1]], offsets - offsets[0])
    if isinstance(texts, tuple) and len(texts) == 2 and isinstance(texts[1], np.ndarray):
        return checked_texts(*texts)
    return ragged(texts)


def _pieces(offsets: Ids, workers: int) -> list[tuple[int, int]]:
    """Cut texts into runs of about as many tokens each, enough of them for all workers."""
    texts = offsets.size - 1
    size = min(_PIECE, max(_SMALLEST_PIECE, -(-int(offsets[-1]) // workers)))
    cuts = [0]
    while cuts[-1] < texts:
        until = int(np.searchsorted(offsets, offsets[cuts[-1]] + size, side="right")) - 1
        cuts.append(min(max(until, cuts[-1] + 1), texts))
    return list(pairwise(cuts))


def _joined(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
