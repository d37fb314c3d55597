"""Naive twins of the kernels of keyed Gumbel sampling, in whole numbers of Python."""

import math
import struct

import numpy as np

MASK = 0xFFFFFFFF


def philox4x32_10(counter, key):
    """Salmon et al. 2011: ten rounds on four words, with a key of two words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 1 << 32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def philox_state(context, key):
    """vLLM: absorb ids, -1 where there is none, in blocks of four."""
    words = [i & MASK for i in context]
    state = [0x574D4358, len(words), 0, 0]
    for offset in range(0, len(words), 4):
        block = words[offset : offset + 4]
        block += [MASK - i for i in range(len(block), 4)]
        counter = [s ^ b for s, b in zip(state, block, strict=True)]
        state = philox4x32_10(counter, ((key & MASK) ^ offset, key >> 32))
    return state


def philox_u(context, token, key):
    s0, s1, s2, s3 = philox_state(context, key)
    keys = (key & MASK) ^ s3, (key >> 32) ^ 0x574D544B
    word = philox4x32_10((token >> 2, s0, s1, s2), keys)[token & 3]
    return float(np.float32(((word >> 8) + 1) / (2**24 + 1)))


def murmur3(data, seed=0):
    """MurmurHash3 x86-32 of bytes whose number is a multiple of four."""
    rotate = lambda x, r: ((x << r) | (x >> (32 - r))) & MASK  # noqa: E731
    h = seed
    for (k,) in struct.iter_unpack("<I", data):
        h ^= rotate(k * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK
        h = (rotate(h, 13) * 5 + 0xE6546B64) & MASK
    h ^= len(data)
    h = (h ^ (h >> 16)) * 0x85EBCA6B & MASK
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & MASK
    return h ^ (h >> 16)


def murmur_words(*words):
    return murmur3(struct.pack(f"<{len(words)}I", *words))


def murmur_key(context_hash, keys):
    """The key that SGLang takes for a context: of two, and the share of the first in 2^32."""
    first, second, share = keys
    coin = murmur_words(first & MASK, first >> 32, second & MASK, second >> 32, context_hash)
    return first if coin < share else second


def murmur_u(context, token, keys):
    context_hash = murmur_words(*context)
    key = murmur_key(context_hash, keys)
    return (murmur_words(key & MASK, key >> 32, context_hash, token) + 0.5) / 2**32


def choose(scores, uniforms):
    """The largest noisy score, of equal ones the first."""
    noisy = [s - math.log(-math.log(u)) for s, u in zip(np.float64(scores), uniforms, strict=True)]
    return int(np.argmax(noisy))


def contexts(ids, width):
    """The ids before every token of a text, -1 where there is none."""
    row = [-1] * width + [int(i) for i in ids]
    return [tuple(row[i : i + width]) for i in range(len(ids))]


def first_contexts(ids, width, complete):
    """Which tokens of a text have a context that did not occur before in it."""
    seen, counted = set(), []
    for context in contexts(ids, width):
        counted.append(context not in seen and not (complete and -1 in context))
        if counted[-1]:
            seen.add(context)
    return counted


def score(u):
    return -math.log1p(-u)
