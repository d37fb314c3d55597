"""Kernels of SynthID: hashes of n-grams, and the bits of all layers in one word.

A token and what came before it have one hash; every layer of the tournament makes one bit of it.
The bits of all layers (at most 64, layer 0 lowest) are kept in one word::

                                 ┌─packed_layers─┐
    ids ──ngram_hashes──> hashes ┼─table_layers──┼──> words
                                 └─mixed_layers──┘

Hashing is that of Dathathri et al., "Scalable watermarking for identifying large language model
outputs", Nature 634 (2024), in the open implementations of transformers and synthid-text.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "mixed_layers",
    "ngram_hashes",
    "packed_layers",
    "table_layers",
    "vocabulary_words",
]

MULTIPLIER = np.uint64(6364136223846793005)  # Knuth, MMIX; of both implementations
ONE = np.uint64(1)
ROUNDS = 12  # of synthid-text 0.2.1
ROUND_SHIFT = np.int64(5)
BIT_SHIFT = np.int64(30)

Words = NDArray[Any]
"""uint32 for up to 32 layers, uint64 for up to 64: Numba compiles one kernel for each."""


@kernel
def ngram_hashes(
    ids: NDArray[np.int64],
    offsets: NDArray[np.int64],
    length: int,
    start: np.uint64,
    mask: np.uint64,
    hashes: NDArray[np.uint64],
    counted: NDArray[np.bool_],
) -> None:
    """Hash every token of ragged texts together with those before it.

    Parameters
    ----------
    ids : int64 [n]
    offsets : int64 [texts + 1]
    length : int
        Tokens that are hashed together, the last of which is the token itself.
    start : uint64
        What hashing begins with.
    mask : uint64
        The bits of a hash that matter.
    hashes : uint64 [n]
        Out; 0 where too few tokens are before.
    counted : bool [n]
        Out: whether enough are.
    """
    for text in range(offsets.size - 1):
        first = offsets[text]
        last = offsets[text + 1]
        ready = min(first + length - 1, last)
        for i in range(first, ready):
            hashes[i] = np.uint64(0)
            counted[i] = False
        for i in range(ready, last):
            value = start
            for j in range(i - length + 1, i + 1):
                value = (value + np.uint64(ids[j])) * MULTIPLIER + ONE
            hashes[i] = value & mask
            counted[i] = True


@kernel
def packed_layers(hashes: NDArray[np.uint64], pack: Words, words: Words) -> None:
    """Look the bits of all layers up by the low bits of the hash.

    Parameters
    ----------
    hashes : uint64 [n]
    pack : uint32 or uint64 [size]
        A word for every state; size is a power of two.
    words : uint32 or uint64 [n or more]
        Out.
    """
    mask = np.uint64(pack.size - 1)
    for i in range(hashes.size):
        words[i] = pack[hashes[i] & mask]


@kernel
def table_layers(
    hashes: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    table: NDArray[np.uint8],
    words: NDArray[np.uint64],
) -> None:
    """Hash the key of every layer in, and look the bit up in a table of any size.

    Parameters
    ----------
    hashes : uint64 [n]
    keys : uint64 [layers]
        At most 64.
    table : uint8 [size]
        Bits; the layer's hash, as a signed number, is taken modulo the size.
    words : uint64 [n or more]
        Out.
    """
    size = np.int64(table.size)
    for i in range(hashes.size):
        word = np.uint64(0)
        for layer in range(keys.size):
            value = np.int64((hashes[i] + keys[layer]) * MULTIPLIER + ONE)
            word |= np.uint64(table[value % size]) << np.uint64(layer)
        words[i] = word


@kernel
def mixed_layers(
    hashes: NDArray[np.uint64], keys: NDArray[np.uint64], words: NDArray[np.uint64]
) -> None:
    """Hash the key of every layer in, hash twelve times more, and take one bit.

    Parameters
    ----------
    hashes : uint64 [n]
    keys : uint64 [layers]
        At most 64.
    words : uint64 [n or more]
        Out.
    """
    for i in range(hashes.size):
        word = np.uint64(0)
        for layer in range(keys.size):
            value = (hashes[i] + keys[layer]) * MULTIPLIER + ONE
            for _ in range(ROUNDS):
                # The shift keeps the sign, as that of a signed number does.
                value = np.uint64(np.int64((value + ONE) * MULTIPLIER + ONE) >> ROUND_SHIFT)
            word |= ((value >> np.uint64(BIT_SHIFT)) & ONE) << np.uint64(layer)
        words[i] = word


@kernel
def vocabulary_words(context: np.uint64, pack: Words, words: Words) -> None:
    """Give the words of the candidates 0 ... n-1.

    Parameters
    ----------
    context : uint64
        The hash of the tokens before.
    pack : uint32 or uint64 [size]
        As of `packed_layers`; size is at most 65,536.
    words : uint32 or uint64 [n]
        Out. Candidate n + i, if n is the size, has the word of candidate i.
    """
    mask = np.uint32(pack.size - 1)
    # Only the low bits matter, and 32 of them fit twice as many lanes.
    base = np.uint32((context * MULTIPLIER + ONE) & np.uint64(0xFFFFFFFF))
    multiplier = np.uint32(MULTIPLIER & np.uint64(0xFFFFFFFF))
    for i in range(words.size):
        words[i] = pack[np.uint32(base + np.uint32(i) * multiplier) & mask]
