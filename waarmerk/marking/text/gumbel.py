"""Keyed Gumbel sampling, as vLLM 0.33 and SGLang 0.5.23 do it: the same draw for the same context.

Sampling a token is the same as adding noise to every score and taking the largest::

    token = argmax  score - ln(-ln u)          u uniform in (0, 1), one for every token

Here u comes from a key, the tokens before, and the token. The token that wins tends to have a u
near 1, and a detector with the key sees that: ``-ln(1 - u)`` of the tokens of a text adds up to
more than their number. To whoever has no key, one draw looks like any other. A context that came
before in the same text is sampled in the ordinary way.

============  ==================================  =====================================
variant       ``vllm``                            ``sglang``
============  ==================================  =====================================
u             Philox4x32-10, 24 bits, float32     Murmur3, 32 bits
context       the last tokens of the output,      the last tokens of prompt and output,
              -1 where there is none yet          fewer where there are no more
comes again   within the last 8192 tokens         ever; after 4096 contexts nothing is marked
two keys      both derived from one; which of     two keys of their own; a coin of both and the
              them marks a token is left to       context says which
              chance
============  ==================================  =====================================

S. Aaronson, "Watermarking of large language models" (2023).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.kernels import text_gumbel as kernels
from waarmerk.marking.text.scheme import (
    LARGEST_ID,
    Evidence,
    Exponentials,
    Ids,
    Marks,
    Scores,
    checked_ids,
    checked_scores,
    checked_texts,
    count_once,
)

__all__ = ["Gumbel", "GumbelRequest"]

Variant = Literal["vllm", "sglang"]
Words = NDArray[np.uint64]

WIDEST = {"vllm": 1024, "sglang": 64}
"""SGLang's own limit; vLLM has none, but a context this long survives no edit."""
VLLM_HISTORY = 8192  # tokens back in which a context comes again; vLLM's default
SGLANG_CONTEXTS = 4096  # contexts that are marked in a request; fixed in SGLang


@dataclass(frozen=True, slots=True)
class Gumbel(Marks):
    """Keyed Gumbel sampling of one of two engines.

    Parameters
    ----------
    key
        A whole number below 2^64. For SGLang also as that engine takes it: text of 1 to 16 hex
        digits. Secret.
    variant
        ``"vllm"`` or ``"sglang"``.
    context_width
        Tokens before a token that its u depends on, from 1; at most 64 in SGLang, 1024 in vLLM.
    dual
        For two keys, the number that the engine's configuration has, from 0 to 1. vLLM:
        ``alpha``, the share of the *second* key, both being derived from `key`. SGLang: the mixing
        probability, the share of the *first* key. None for one key.
    second_key
        SGLang's second key; None for one key, and for vLLM.
    key_id
        What is public about the key.

    Raises
    ------
    InputError
        If one of them lies outside of its range, or they do not fit each other.

    Examples
    --------
    >>> Gumbel(0x123, "vllm", context_width=2).name
    'gumbel.vllm'
    """

    family: ClassVar[str] = "gumbel"

    key: int | str = field(repr=False)
    variant: Variant = "vllm"
    context_width: int = 4
    _: KW_ONLY
    dual: float | None = None
    second_key: int | str | None = field(default=None, repr=False)
    key_id: str | None = None
    _keys: Words = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.variant, str) or self.variant not in WIDEST:
            raise InputError(f"Gumbel has the variants 'vllm' and 'sglang', not {self.variant!r}")
        key, width, dual = _checked_key(self.key, self.variant), self.context_width, self.dual
        widest = WIDEST[self.variant]
        if not _is_int(width) or not 1 <= width <= widest:
            raise InputError(f"context_width is a whole number from 1 to {widest}, not {width!r}")
        number = isinstance(dual, int | float) and not isinstance(dual, bool)
        if dual is not None and not (number and 0 <= dual <= 1):
            raise InputError(f"dual is a share from 0 to 1, or None for one key, not {dual!r}")
        if not (self.key_id is None or isinstance(self.key_id, str)):
            raise InputError(f"a key id is text or None, not {self.key_id!r}")
        first, second, share = key, key, 1 << 32
        if self.variant == "vllm":
            if self.second_key is not None:
                raise InputError("vLLM derives its second key from the first; leave out second_key")
            if dual is not None:
                first, second = _derived(key, b"key_a"), _derived(key, b"key_b")
        elif (dual is None) != (self.second_key is None):
            raise InputError("SGLang's second_key and its share, dual, go together; give both")
        elif dual is not None:
            second = _checked_key(self.second_key, self.variant)
            share = int(dual * (1 << 32))
            object.__setattr__(self, "second_key", second)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "context_width", int(width))
        object.__setattr__(self, "dual", None if dual is None else float(dual))
        object.__setattr__(self, "_keys", np.array([first, second, share], np.uint64))

    @property
    def name(self) -> str:
        """What reports call it: ``gumbel.vllm`` or ``gumbel.sglang``."""
        return f"{self.family}.{self.variant}"

    def request(self, prompt: Sequence[int] | Ids = ()) -> GumbelRequest:
        """Begin a text. SGLang's first contexts reach into the prompt; vLLM's do not."""
        return GumbelRequest(self, checked_ids(prompt, name="the prompt's ids"))

    def evidence(self, ids: Ids, offsets: Ids) -> Evidence:
        """Score every token of ragged texts; see `Evidence`.

        Tokens count at the first occurrence of their context in a text; for SGLang those with a
        whole context only, since the prompt is not known here. Scores are rounded to float32: a sum
        is off by less than 1e-6 of itself.

        Raises
        ------
        InputError
            If the ids and offsets are no texts.
        """
        ids, offsets = checked_texts(ids, offsets)
        lengths = np.diff(offsets)
        counted, width = np.ones(ids.size, np.bool_), self.context_width
        if self.variant == "sglang":
            for j in range(min(width, int(lengths.max(initial=0)))):
                counted[offsets[:-1][lengths > j] + j] = False
        hashes = np.empty(ids.size, np.uint64)
        kernels.context_hashes(ids, offsets, width, hashes)
        count_once(hashes, offsets, counted)
        scores, part = np.zeros(ids.size, np.float32), np.zeros(ids.size, np.float32)
        murmur, room, weighted = self.variant == "sglang", kernels.room(), self._weighted()
        for keys, weight in weighted:
            kernels.score_tokens(ids, offsets, counted, width, murmur, keys, part, room)
            scores = part if len(weighted) == 1 else scores + np.float32(weight) * part
        return Evidence(scores, counted, Exponentials(tuple(weight for _, weight in weighted)))

    def uniforms(self, contexts: Any, tokens: Any, *, second: bool = False) -> NDArray[Any]:
        """Give u for contexts and the tokens that may follow.

        Parameters
        ----------
        contexts
            Ids, int [n, context_width], the latest last; -1 in vLLM where there is none yet. For
            SGLang they may be shorter.
        tokens
            Ids, int [n, k].
        second
            For two keys of vLLM: u of the second. For those of SGLang the context decides.

        Returns
        -------
        float32 [n, k] for vLLM, float64 for SGLang
            Above 0, below 1.
        """
        vllm = self.variant == "vllm"
        if second and not (vllm and self.dual is not None):
            raise InputError("there is no second key of vLLM; make the scheme with dual")
        try:
            rows, after = np.asarray(contexts), np.asarray(tokens)
        except (ValueError, OverflowError) as error:
            raise InputError(f"contexts and tokens are tables of whole numbers: {error}") from error
        if rows.ndim != 2 or after.ndim != 2 or len(rows) != len(after):
            raise InputError(
                f"contexts [n, width] and tokens [n, k], not {rows.shape}, {after.shape}"
            )
        width = self.context_width
        if not (width if vllm else 1) <= rows.shape[1] <= width:
            raise InputError(f"contexts are {width} tokens wide, not {rows.shape[1]}")
        missing = (rows == -1) if vllm else np.zeros(rows.shape, np.bool_)
        checked_ids(np.where(missing, 0, rows).ravel(), name="contexts")
        after = checked_ids(after.ravel(), name="tokens").reshape(after.shape)
        rows = rows.astype(np.int64)
        out, room = np.empty(after.shape), kernels.room()
        keys = self._keys[[1, 0, 2]] if second else self._keys
        for i in range(len(rows)):
            state = self._state(rows[i], keys, room)
            kernels.uniforms(after[i], state, not vllm, keys, out[i], room)
        return out.astype(np.float32) if vllm else out

    def original_score(
        self, ids: Any, dedup: bool = True, *, prompt: Any = ()
    ) -> tuple[float, float, int]:
        """Judge one text as the engine's own detector does.

        Parameters
        ----------
        ids
            The text.
        dedup
            Whether a token counts only at the first occurrence of its context.
        prompt
            What came before the text; SGLang's first contexts reach into it.

        Returns
        -------
        score, p, n
            The sum of scores, the probability of one as large without the key, and how many tokens
            count. For vLLM's two keys its p is that of a gamma law of the same mean and variance.
        """
        from scipy.special import gammaincc

        text, before = checked_ids(ids), checked_ids(prompt, name="the prompt's ids")
        width, vllm = self.context_width, self.variant == "vllm"
        lead = np.full(width, -1) if vllm else before[max(0, before.size - width) :]
        row = np.concatenate([lead, text])
        if row.size <= width:
            return 0.0, 1.0, 0
        contexts = np.lib.stride_tricks.sliding_window_view(row[:-1], width)
        tokens = row[width:, None]
        if dedup:
            first = np.sort(np.unique(contexts, axis=0, return_index=True)[1])
            contexts, tokens = contexts[first], tokens[first]
        score = spread = 0.0
        for keys, weight in self._weighted():
            second = keys is not self._keys
            u = self.uniforms(contexts, tokens, second=second).astype(np.float64)
            score += weight * float(-np.log1p(-u).sum())
            spread += weight * weight
        n = len(tokens)
        return score, float(gammaincc(n / spread, score / spread)), n

    def parameters(self) -> dict[str, Any]:
        """Return all that the constructor takes but the keys."""
        return {"variant": self.variant, "context_width": self.context_width, "dual": self.dual}

    def secrets(self) -> dict[str, Any]:
        """Return the keys: whole numbers below 2^64, the second None where there is none."""
        return {"key": self.key, "second_key": self.second_key}

    @classmethod
    def from_parts(
        cls, parameters: Mapping[str, Any], secrets: Mapping[str, Any], key_id: str | None
    ) -> Self:
        """Make the scheme of what `parameters` and `secrets` gave."""
        return cls(**parameters, **secrets, key_id=key_id)

    def _weighted(self) -> list[tuple[Words, float]]:
        """Return keys and what their scores weigh: two for vLLM's two keys, which both score."""
        if self.variant == "sglang" or self.dual is None or self.dual == 0:
            return [(self._keys, 1.0)]
        swapped = self._keys[[1, 0, 2]]
        if self.dual == 1:
            return [(swapped, 1.0)]
        return [(self._keys, 1 - self.dual), (swapped, self.dual)]

    def _state(self, context: Ids, keys: Words, room: kernels.Room) -> Words:
        state = np.zeros(4, np.uint64)
        if self.variant == "vllm":
            kernels.philox_state(context, keys[0], state, room)
        else:
            state[0] = kernels.murmur_hash(context.astype(np.uint64))
        return state


class GumbelRequest:
    """One text that keyed Gumbel sampling marks; see `Request`.

    Only the token that was drawn stays above -inf, so that the engine takes it whatever it samples
    with. Which of its two keys marks a token vLLM draws by lot, and that draw stays the engine's:
    the tokens of both keys stay, with the logarithms of their shares, or one where they agree.
    """

    __slots__ = ("_drawn", "_next", "_recent", "_room", "_scheme", "_seen", "_tail")

    def __init__(self, scheme: Gumbel, prompt: Ids) -> None:
        self._scheme, self._room, width = scheme, kernels.room(), scheme.context_width
        tail = prompt[max(0, prompt.size - width) :].tolist()
        self._tail: list[int] = tail if scheme.variant == "sglang" else [-1] * width
        self._next = 0  # tokens so far
        self._recent: dict[tuple[int, ...], int] = {}  # vLLM: contexts, and where they were last
        self._seen: set[int] = set()  # SGLang: hashes of contexts that were marked
        self._drawn: int | None = None  # SGLang: hash of a context that a step marked

    def step(self, scores: Scores, candidates: Ids | None = None) -> Scores:
        """Draw the next token; refuses scores that are damaged or do not fit the candidates."""
        scores = checked_scores(scores)
        tokens = np.zeros(0, np.int64)
        if candidates is not None:
            tokens = checked_ids(candidates, name="candidates")
            if tokens.size != scores.size:
                raise InputError(f"{scores.size} scores do not fit {tokens.size} candidates")
        if self._came_before():
            return scores
        context = np.array(self._tail, np.int64)
        out = np.full(scores.size, -np.inf, np.float32)
        murmur, room = self._scheme.variant == "sglang", self._room
        for keys, weight in self._scheme._weighted():
            state = self._scheme._state(context, keys, room)
            if murmur or tokens.size:
                chosen = kernels.choose(scores, tokens, state, murmur, keys, room)
            else:
                chosen = kernels.choose_philox_all(scores, state, keys[0], room)
            out[chosen] = 0.0 if out[chosen] > -np.inf else np.log(weight)
        return out

    def _came_before(self) -> bool:
        """Whether the context was used before, or is none that is marked."""
        if self._scheme.variant == "vllm":
            where = self._recent.get(tuple(self._tail))
            return where is not None and self._next - where <= VLLM_HISTORY
        if not self._tail or len(self._seen) >= SGLANG_CONTEXTS:
            return True
        context = int(kernels.murmur_hash(np.array(self._tail, np.uint64)))
        if context in self._seen:
            return True
        # Taken down in `append`, so that a step that is asked for again gives the same again.
        self._drawn = context
        return False

    def append(self, token: int) -> None:
        """Take note of the token that was chosen."""
        if not _is_int(token) or not 0 <= token <= LARGEST_ID:
            raise InputError(f"a token is a whole number from 0 to {LARGEST_ID}, not {token!r}")
        scheme = self._scheme
        if scheme.variant == "vllm":
            context = tuple(self._tail)
            self._recent.pop(context, None)
            self._recent[context] = self._next
            # The oldest is the first in a dict, and one token adds at most one context.
            oldest = next(iter(self._recent))
            if self._next - self._recent[oldest] >= VLLM_HISTORY:
                del self._recent[oldest]
        elif self._drawn is not None:
            self._seen.add(self._drawn)
            self._drawn = None
        self._next += 1
        self._tail.append(int(token))
        del self._tail[: len(self._tail) - scheme.context_width]


def _derived(key: int, name: bytes) -> int:
    """Return one of vLLM's two keys: 8 bytes of SHA-256."""
    return int.from_bytes(hashlib.sha256(name + key.to_bytes(8, "big")).digest()[:8], "big")


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _checked_key(key: Any, variant: str) -> int:
    # Messages never show the key.
    if isinstance(key, str) and variant == "sglang":
        digits = key[2:] if key[:2].lower() == "0x" else key
        if 1 <= len(digits) <= 16 and all(c in "0123456789abcdefABCDEF" for c in digits):
            return int(digits, 16)
        raise InputError("a key of SGLang in text is 1 to 16 hex digits")
    if not _is_int(key) or not 0 <= key < 1 << 64:
        raise InputError("a key is a whole number from 0 to 2^64 - 1")
    return int(key)
