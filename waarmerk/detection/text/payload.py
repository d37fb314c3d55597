"""Reading the mark id out of the payload layers of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from waarmerk.detection.statistics import LOG10_IDS, log10_of_best
from waarmerk.detection.text.tails import tail_of
from waarmerk.marking.payload import Code
from waarmerk.marking.text.layers import vote_law
from waarmerk.marking.text.textmark import TEXT_1, TextMark

if TYPE_CHECKING:
    from waarmerk.detection.finding import Passage
    from waarmerk.marking.payload import MarkId
    from waarmerk.marking.text.scheme import Ids, TextScheme

__all__ = ["read_id"]

SURE: Final = -10.0
"""log10 of the p-value from which on an id counts as read, where the threshold asks for less.

The p-value is about text without the mark. In text that has it, the decoder may err, and one of its
32 candidates has the right CRC by chance in one case of 2,000; it agrees with the votes nearly as
well as the true id. In 13,500 decodings at the edge all five such ids had more than 1e-11, and the
median of right ones was 1e-10 to 1e-20.
"""


def read_id(
    scheme: TextScheme, ids: Ids, passages: Sequence[Passage], threshold: float
) -> MarkId | None:
    """Read the id that a text carries.

    The decoder always has an opinion. What counts is how well the votes agree with the word of the
    id: the chance that they agree as well with any of the 2^64 words.

    Parameters
    ----------
    scheme
        The one that was found; None comes back for those that carry no id.
    ids
        The text.
    passages
        Where its mark stands.
    threshold
        log10 of the largest p-value at which a mark counts as found; an id needs at most `SURE`.
    """
    if not isinstance(scheme, TextMark):
        return None
    code = Code(TEXT_1.code_length)
    # Between passages, and around them, may be more of the text than can be told from chance. And
    # what a text begins with carries no word, if this is its beginning.
    spans = {(passages[0].start, passages[-1].end), (0, ids.size)}
    spans |= {(start + TEXT_1.lead, end) for start, end in spans if end - start > TEXT_1.lead}
    for start, end in sorted(spans, key=lambda span: span[1] - span[0]):
        votes = scheme.votes(ids, start, end)
        if not votes.tokens:
            continue
        tail = tail_of(vote_law(votes.weights))
        for mark_id in code.decode(votes.soft.astype(np.float32)):
            agreement = int(votes.soft @ code.encode(mark_id).astype(np.int64))
            log10_p = tail.exact(agreement, votes.tokens) + LOG10_IDS
            if log10_of_best(log10_p, len(spans)) <= min(threshold, SURE):
                return mark_id
    return None
