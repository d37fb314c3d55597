"""Kernels of the project's own mark on text: keyed hashes of contexts and tokens, and votes.

SipHash-2-4 (Aumasson and Bernstein, INDOCRYPT 2012) is a pseudo-random function of a short message
under a key of 128 bits: who does not have the key cannot tell its output from chance. All of it is
in this file because Numba's cache does not see edits across files.
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["add_votes", "candidate_words", "context_draws", "hash_context", "vocabulary_words"]

Word = np.uint64

# SipHash's initial state: "somepseudorandomlygeneratedbytes" in four words.
_V0 = np.uint64(0x736F6D6570736575)
_V1 = np.uint64(0x646F72616E646F6D)
_V2 = np.uint64(0x6C7967656E657261)
_V3 = np.uint64(0x7465646279746573)
_U13, _U16, _U17, _U21, _U32 = (np.uint64(n) for n in (13, 16, 17, 21, 32))
_U64_13, _U64_16, _U64_17, _U64_21 = (np.uint64(64 - n) for n in (13, 16, 17, 21))
_FF, _EE, _DD = np.uint64(0xFF), np.uint64(0xEE), np.uint64(0xDD)
_LENGTH_4 = np.uint64(4 << 56)  # the last block ends in the length of the message
_LENGTH_16 = np.uint64(16 << 56)
_LOW_32 = np.uint64(0xFFFFFFFF)


@kernel
def _round(v0: Word, v1: Word, v2: Word, v3: Word) -> tuple[Word, Word, Word, Word]:
    v0 = v0 + v1
    v2 = v2 + v3
    v1 = (v1 << _U13) | (v1 >> _U64_13)
    v3 = (v3 << _U16) | (v3 >> _U64_16)
    v1 = v1 ^ v0
    v3 = v3 ^ v2
    v0 = (v0 << _U32) | (v0 >> _U32)
    v2 = v2 + v1
    v0 = v0 + v3
    v1 = (v1 << _U17) | (v1 >> _U64_17)
    v3 = (v3 << _U21) | (v3 >> _U64_21)
    v1 = v1 ^ v2
    v3 = v3 ^ v0
    v2 = (v2 << _U32) | (v2 >> _U32)
    return v0, v1, v2, v3


@kernel
def _absorb(v0: Word, v1: Word, v2: Word, v3: Word, block: Word) -> tuple[Word, Word, Word, Word]:
    v3 = v3 ^ block
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ block, v1, v2, v3


@kernel
def _finish(v0: Word, v1: Word, v2: Word, v3: Word) -> tuple[Word, Word, Word, Word]:
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0, v1, v2, v3


@kernel
def _short(k0: Word, k1: Word, block: Word) -> Word:
    """SipHash-2-4 of a message of less than 8 bytes: its only block, with the length on top."""
    v0, v1, v2, v3 = _absorb(k0 ^ _V0, k1 ^ _V1, k0 ^ _V2, k1 ^ _V3, block)
    v0, v1, v2, v3 = _finish(v0, v1, v2 ^ _FF, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def _context(k0: Word, k1: Word, first: Word, second: Word) -> tuple[Word, Word]:
    """SipHash-2-4 with 128 bits of output, of a message of 16 bytes."""
    v0, v1, v2, v3 = k0 ^ _V0, k1 ^ _V1 ^ _EE, k0 ^ _V2, k1 ^ _V3
    v0, v1, v2, v3 = _absorb(v0, v1, v2, v3, first)
    v0, v1, v2, v3 = _absorb(v0, v1, v2, v3, second)
    v0, v1, v2, v3 = _absorb(v0, v1, v2, v3, _LENGTH_16)
    v0, v1, v2, v3 = _finish(v0, v1, v2 ^ _EE, v3)
    low = v0 ^ v1 ^ v2 ^ v3
    v0, v1, v2, v3 = _finish(v0, v1 ^ _DD, v2, v3)
    return low, v0 ^ v1 ^ v2 ^ v3


@kernel
def context_draws(
    ids: NDArray[np.int64],
    offsets: NDArray[np.int64],
    key: NDArray[np.uint64],
    contexts: NDArray[np.uint64],
    counted: NDArray[np.bool_],
) -> None:
    """Hash the four ids before every token.

    Parameters
    ----------
    ids : int64 [n]
        Each in 0 ... 2^32 - 1.
    offsets : int64 [texts + 1]
        Where each text begins, and the last ends.
    key : uint64 [2]
    contexts : uint64 [n, 2]
        Filled: the hash, of 128 bits, where there are four ids before the token.
    counted : bool [n]
        Filled: whether there are.
    """
    k0, k1 = key[0], key[1]
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        for i in range(start, min(start + 4, end)):
            counted[i] = False
        for i in range(start + 4, end):
            first = np.uint64(ids[i - 4]) | (np.uint64(ids[i - 3]) << _U32)
            second = np.uint64(ids[i - 2]) | (np.uint64(ids[i - 1]) << _U32)
            contexts[i, 0], contexts[i, 1] = _context(k0, k1, first, second)
            counted[i] = True


@kernel
def candidate_words(
    contexts: NDArray[np.uint64],
    ids: NDArray[np.int64],
    counted: NDArray[np.bool_],
    words: NDArray[np.uint32],
    places: NDArray[np.uint32],
) -> None:
    """Hash tokens under their contexts.

    Parameters
    ----------
    contexts : uint64 [n, 2], or [1, 2] when all tokens share one context
    ids : int64 [n]
    counted : bool [n]
        Where False, words and places become 0.
    words : uint32 [n]
        Filled: bit l is the g-value of layer l.
    places : uint32 [n]
        Filled: 20 bits that say which bits of the code word the payload layers carry. Of the
        context alone. May be empty.
    """
    shared = contexts.shape[0] == 1
    for i in range(ids.size):
        if not counted[i]:
            words[i] = 0
            if places.size:
                places[i] = 0
            continue
        row = 0 if shared else i
        k0, k1 = contexts[row, 0], contexts[row, 1]
        words[i] = np.uint32(_short(k0, k1, np.uint64(ids[i]) | _LENGTH_4) & _LOW_32)
        if places.size:
            places[i] = np.uint32(_short(k0, k1, np.uint64(0)) & np.uint64(0xFFFFF))


@kernel
def hash_context(
    last: NDArray[np.int64], key: NDArray[np.uint64], context: NDArray[np.uint64]
) -> None:
    """Hash the last four ids of a text that is being written.

    Parameters
    ----------
    last : int64 [4]
        Oldest first.
    key : uint64 [2]
    context : uint64 [2]
        Filled.
    """
    first = np.uint64(last[0]) | (np.uint64(last[1]) << _U32)
    second = np.uint64(last[2]) | (np.uint64(last[3]) << _U32)
    context[0], context[1] = _context(key[0], key[1], first, second)


@kernel
def vocabulary_words(
    context: NDArray[np.uint64],
    ids: NDArray[np.int64],
    code_word: NDArray[np.int8],
    layers: NDArray[np.int64],
    words: NDArray[np.uint32],
) -> None:
    """Give the bits of candidates for the next token, as they are played.

    Parameters
    ----------
    context : uint64 [2]
    ids : int64 [n]
    code_word : int8 [length of the word]
        A power of two of signs; of length 0 where no layer is turned round.
    layers : int64 [payload layers]
    words : uint32 [n]
        Filled.
    """
    k0, k1 = context[0], context[1]
    turned = np.uint32(0)
    if code_word.size:
        mask = code_word.size - 1
        place = np.int64(_short(k0, k1, np.uint64(0)) & np.uint64(0xFFFFF))
        first, stride = place & mask, (place >> 10 & mask) | 1
        for j in range(layers.size):
            if code_word[(first + j * stride) & mask] < 0:
                turned |= np.uint32(1) << np.uint32(layers[j])
    for i in range(ids.size):
        word = np.uint32(_short(k0, k1, np.uint64(ids[i]) | _LENGTH_4) & _LOW_32)
        words[i] = word ^ turned


@kernel
def add_votes(
    words: NDArray[np.uint32],
    places: NDArray[np.uint32],
    counted: NDArray[np.bool_],
    layers: NDArray[np.int64],
    weights: NDArray[np.int64],
    votes: NDArray[np.int64],
) -> None:
    """Collect what the payload layers say about every bit of the code word.

    Parameters
    ----------
    words, places : uint32 [n]
        Of `candidate_words`.
    counted : bool [n]
    layers, weights : int64 [payload layers]
    votes : int64 [length of the word]
        Added to: weight for a g-value of 1, minus weight for 0. The length is a power of two.
    """
    mask = votes.size - 1
    for i in range(words.size):
        if not counted[i]:
            continue
        place = np.int64(places[i])
        first, stride = place & mask, (place >> 10 & mask) | 1
        word = np.int64(words[i])
        for j in range(layers.size):
            at = (first + j * stride) & mask
            votes[at] += weights[j] * (2 * (word >> layers[j] & 1) - 1)
