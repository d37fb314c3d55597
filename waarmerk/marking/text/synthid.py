"""SynthID text: a tournament for every token, in the two versions that are in use.

Every candidate for the next token gets `depth` bits, hashed of the candidate, the tokens before it
and one key for each layer. Layer by layer, candidates whose bit is 1 gain probability from those
whose bit is 0, in such a way that a token drawn at the end has the model's own distribution, on
average over keys. Whoever has the keys finds more ones than zeros in the tokens that were drawn.

- ``transformers``: the version of Hugging Face transformers 4.46 and later. Bits come from a table
  of 65,536 random bits, unless another size is asked for.
- ``synthid-text``: google-deepmind/synthid-text 0.2.1. Bits come from more rounds of hashing, and
  the keys decide what hashing begins with.

The same keys give other bits in the other version: a text is only found with the version it was
marked with.

Dathathri et al., "Scalable watermarking for identifying large language model outputs", Nature 634
(2024), pages 818 to 823.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from waarmerk.errors import InputError
from waarmerk.kernels import text_synthid as kernels
from waarmerk.marking.text.scheme import (
    Evidence,
    Ids,
    Marks,
    check_parts,
    check_whole,
    checked_ids,
    checked_texts,
    count_once,
)
from waarmerk.marking.text.synthid_bits import (
    MASK,
    WORD,
    Bits,
    sampling_table,
)
from waarmerk.marking.text.synthid_request import FLOORS, History, SynthIDRequest

__all__ = ["SynthID", "SynthIDRequest"]

Variant = Literal["transformers", "synthid-text"]
LARGEST_TABLE = 1 << 24  # of transformers


@dataclass(frozen=True, slots=True)
class SynthID(Marks):
    """SynthID with given keys; equal in every bit to the implementation it is named for.

    Parameters
    ----------
    keys
        One for every layer of the tournament, each a signed integer of 64 bits. Secret. Layers
        whose keys are equal have equal bits, as have layers whose keys are equal modulo the size
        of the sampling table where that is a power of two; only the first of them is evidence.
    ngram_len
        Tokens that are hashed together, from 2: the candidate and ``ngram_len - 1`` before it.
    variant
        ``"transformers"`` or ``"synthid-text"``.
    sampling_table_size, sampling_table_seed
        Of the table of the transformers variant: 1 to 2^24 bits, and the seed of the Mersenne
        Twister they come from, of which 32 bits matter. The table is that of a generator of PyTorch
        on the CPU; one made on a GPU holds other bits.
    context_history_size
        How many contexts are remembered, so that one that comes again is not marked again.
    skip_first_ngram_calls
        Whether the first ``ngram_len - 1`` tokens stay unmarked. Otherwise they are marked as if
        tokens 0 came before them, whatever the prompt is, and no detector sees that mark.
    num_leaves
        Of the synthid-text variant: how many candidates meet in a match. With more than 2 the mark
        is stronger, and the distribution of the text is no longer the model's.
    key_id
        What is public about the keys.

    Raises
    ------
    InputError
        If one of them lies outside of its range.

    Examples
    --------
    >>> scheme = SynthID(keys=[654, 400, 836], ngram_len=5)
    >>> scheme.name, scheme.depth
    ('synthid.transformers', 3)
    >>> scheme.g_values([17, 4, 9, 8, 8, 1]).shape
    (2, 3)
    """

    family: ClassVar[str] = "synthid"

    keys: Sequence[int] = field(repr=False)
    ngram_len: int = 5
    variant: Variant = "transformers"
    _: KW_ONLY
    sampling_table_size: int = 65536
    sampling_table_seed: int = 0
    context_history_size: int = 1024
    skip_first_ngram_calls: bool = False
    num_leaves: int = 2
    key_id: str | None = None
    _start: int = field(init=False, repr=False, compare=False)
    _bits: Bits = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = _checked_keys(self.keys)
        check_whole("ngram_len", self.ngram_len, 2, 1 << 20)
        if not isinstance(self.variant, str) or self.variant not in FLOORS:
            raise InputError(
                f"SynthID has the variants 'transformers' and 'synthid-text', not {self.variant!r}"
            )
        check_whole("sampling_table_size", self.sampling_table_size, 1, LARGEST_TABLE)
        check_whole("sampling_table_seed", self.sampling_table_seed, -(1 << 63), MASK)
        check_whole("context_history_size", self.context_history_size, 0, 1 << 24)
        check_whole("num_leaves", self.num_leaves, 2, 1 << 10)
        if self.num_leaves != 2 and self.variant == "transformers":
            raise InputError(
                f"num_leaves is {self.num_leaves}, but the transformers variant plays matches of 2"
            )
        if not isinstance(self.skip_first_ngram_calls, bool):
            raise InputError(
                f"skip_first_ngram_calls is True or False, not {self.skip_first_ngram_calls!r}"
            )
        if not (self.key_id is None or isinstance(self.key_id, str)):
            raise InputError(f"a key id is text or None, not {self.key_id!r}")
        start, table = 1, None
        if self.variant == "transformers":
            table = sampling_table(self.sampling_table_size, self.sampling_table_seed)
        else:
            packed = np.array(keys, "<i8").tobytes()
            start = int.from_bytes(hashlib.sha256(packed).digest(), "big") % ((1 << 63) - 1)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "_start", start)
        object.__setattr__(self, "_bits", Bits(keys, table))

    @property
    def name(self) -> str:
        """What reports call it: ``synthid.transformers`` or ``synthid.synthid-text``."""
        return f"{self.family}.{self.variant}"

    @property
    def depth(self) -> int:
        """How many layers a tournament has."""
        return len(self.keys)

    def request(self, prompt: Sequence[int] | Ids = ()) -> SynthIDRequest:
        """Begin a text. The prompt is checked and otherwise not used, as in both originals."""
        checked_ids(prompt, name="the prompt's ids")
        return SynthIDRequest(self)

    def evidence(self, ids: Ids, offsets: Ids) -> Evidence:
        """Score every token of ragged texts; see `Evidence`.

        Raises
        ------
        InputError
            If there are more than 64 layers, or the ids and offsets are no texts.
        """
        from waarmerk.marking.text.layers import layered_evidence

        words, counted = self.layer_words(ids, offsets)
        layers = self._bits.distinct()
        if len(layers) == self.depth:
            return layered_evidence(words, counted, self.depth, self._bits.ones)
        return layered_evidence(words, counted, self.depth, self._bits.ones, layers=layers)

    def layer_words(self, ids: Ids, offsets: Ids) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Give the bits of all layers for every token of ragged texts.

        Parameters
        ----------
        ids
            int64 [n], as of `ragged`.
        offsets
            int64 [texts + 1].

        Returns
        -------
        uint64 [n]
            The bit of layer 0 is the lowest. Those of tokens that do not count mean nothing.
        bool [n]
            False for tokens with too few before them; for those whose context came before in their
            text, where nothing is marked; and for those whose bits are the same draw of chance as
            an earlier token's: where the size of the sampling table is a power of two, of n-grams
            that have the same place in it.

        Raises
        ------
        InputError
            If there are more than 64 layers, or the ids and offsets are no texts.
        """
        bits = self._bits
        if self.depth > WORD:
            raise InputError(
                f"SynthID with {self.depth} layers: evidence is made of at most {WORD}; score "
                "its g_values with waarmerk.marking.text.synthid_scores"
            )
        ids, offsets = checked_texts(ids, offsets)
        hashes = np.empty(ids.size, np.uint64)
        counted = np.empty(ids.size, np.bool_)
        words = np.empty(ids.size, np.uint64)
        # N-grams that share a state share all their bits: one draw.
        start, mask = np.uint64(self._start), np.uint64(bits.states - 1)
        kernels.ngram_hashes(ids, offsets, self.ngram_len, start, mask, hashes, counted)
        bits.look_up(hashes, 0, words)
        # A context that comes again was not marked again.
        contexts, full = np.empty(ids.size + 1, np.uint64), np.empty(ids.size, np.bool_)
        every = np.uint64(MASK)
        kernels.ngram_hashes(ids, offsets, self.ngram_len - 1, start, every, contexts[1:], full)
        count_once(contexts[:-1], offsets, counted)
        count_once(hashes, offsets, counted)
        return words, counted

    def g_values(self, ids: Sequence[int] | Ids) -> NDArray[np.uint8]:
        """Give the bits of every token that has enough before it, as the originals do.

        Returns
        -------
        uint8 [max(n - ngram_len + 1, 0), depth]
        """
        return self._bits.of(self._hashes(ids, self.ngram_len))

    def ngram_keys(self, ids: Sequence[int] | Ids) -> NDArray[np.int64]:
        """Give the hash of every token and layer, from which the bits are taken.

        Returns
        -------
        int64 [max(n - ngram_len + 1, 0), depth]
        """
        return self._bits.layer_hashes(self._hashes(ids, self.ngram_len)).view(np.int64)

    def context_repetition_mask(self, ids: Sequence[int] | Ids) -> NDArray[np.bool_]:
        """Say for every token of `g_values` whether its context is new.

        Returns
        -------
        bool [max(n - ngram_len + 1, 0)]
            False where the tokens before were the same within the history.
        """
        contexts = self._hashes(ids, self.ngram_len - 1)[:-1].tolist()
        history = History(self.context_history_size)
        return np.array([history.add(context) for context in contexts], np.bool_)

    def eos_mask(self, ids: Sequence[int] | Ids, eos: int) -> NDArray[np.bool_]:
        """Say for every token whether it lies before the first end-of-sequence token.

        Returns
        -------
        bool [n]
        """
        check_whole("the id of the end-of-sequence token", eos, 0, (1 << 31) - 1)
        return np.logical_not(np.logical_or.accumulate(checked_ids(ids) == eos))

    def parameters(self) -> dict[str, Any]:
        """Return what may be public, JSON-ready: all that the constructor takes but the keys."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def secrets(self) -> dict[str, Any]:
        """Return the keys, JSON-ready, for a key file."""
        return {"keys": list(self.keys)}

    @classmethod
    def from_parts(
        cls, parameters: Mapping[str, Any], secrets: Mapping[str, Any], key_id: str | None
    ) -> Self:
        """Make the scheme of what `parameters` and `secrets` gave.

        Raises
        ------
        InputError
            If a part is missing, unknown, or outside of its range.
        """
        check_parts("SynthID", parameters, PARAMETERS, secrets, "keys")
        return cls(secrets["keys"], **parameters, key_id=key_id)

    def _hashes(self, ids: Sequence[int] | Ids, length: int) -> NDArray[np.uint64]:
        """Hash every run of `length` tokens: uint64 [max(n - length + 1, 0)]."""
        array = checked_ids(ids)
        offsets = np.array([0, array.size], np.int64)
        hashes = np.empty(array.size, np.uint64)
        whole = np.empty(array.size, np.bool_)
        start, mask = np.uint64(self._start), np.uint64(MASK)
        kernels.ngram_hashes(array, offsets, length, start, mask, hashes, whole)
        return hashes[length - 1 :]


PARAMETERS = (
    "ngram_len",
    "variant",
    "sampling_table_size",
    "sampling_table_seed",
    "context_history_size",
    "skip_first_ngram_calls",
    "num_leaves",
)


def _checked_keys(keys: Any) -> tuple[int, ...]:
    # Messages do not repeat the keys: they are secret.
    try:
        given = list(keys)
    except TypeError as error:
        raise InputError("the keys of SynthID are a list of integers, one a layer") from error
    if not given:
        raise InputError("SynthID needs a key for each layer, and got none; 30 are usual")
    checked = []
    for layer, key in enumerate(given):
        if isinstance(key, bool | np.bool_) or not isinstance(key, int | np.integer):
            raise InputError(f"the key of layer {layer} is {type(key).__name__}, not an integer")
        if not -(1 << 63) <= int(key) < 1 << 63:
            raise InputError(f"the key of layer {layer} is no signed integer of 64 bits")
        checked.append(int(key))
    return tuple(checked)
