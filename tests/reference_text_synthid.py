"""Naive twins of the SynthID kernels: whole numbers of Python, and NumPy in double precision."""

import itertools

import numpy as np

A = 6364136223846793005


def signed(value):
    """Read 64 bits as a signed number."""
    value %= 1 << 64
    return value - (1 << 64) if value >= 1 << 63 else value


def step(value, data):
    return signed((int(value) + int(data)) * A + 1)


def chain(start, ids):
    for token in ids:
        start = step(start, token)
    return start


def table_bit(value, key, table):
    return int(table[step(value, key) % len(table)])


def mixed_bit(value, key):
    value = step(value, key)
    for _ in range(12):
        value = step(value, 1) >> 5
    return value >> 30 & 1


def word(bits):
    return sum(int(bit) << layer for layer, bit in enumerate(bits))


def bits(words, layers):
    return np.array([[int(w) >> layer & 1 for layer in range(layers)] for w in words]).reshape(
        len(words), layers
    )


def ngram_hashes(ids, offsets, length, start):
    """Give the hash of every token, and whether there is one."""
    hashes = np.zeros(len(ids), np.uint64)
    counted = np.zeros(len(ids), bool)
    for first, last in itertools.pairwise(offsets):
        for i in range(first + length - 1, last):
            hashes[i] = chain(start, ids[i - length + 1 : i + 1]) % (1 << 64)
            counted[i] = True
    return hashes, counted


def first_draws(draws, offsets, counted):
    """Keep what counts for the first time in its text."""
    counted = np.array(counted)
    for first, last in itertools.pairwise(offsets):
        seen = set()
        for i in range(first, last):
            if counted[i] and int(draws[i]) in seen:
                counted[i] = False
            elif counted[i]:
                seen.add(int(draws[i]))
    return counted


def softmax(scores):
    scores = np.asarray(scores, float)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def tournament(probabilities, g, leaves=2):
    """Play layer after layer: g is 0 or 1 [candidates, layers]."""
    p = np.array(probabilities, float)
    for bit in np.asarray(g).T:
        m = (p * bit).sum() / p.sum()
        zero = (1 - m) ** (leaves - 1)
        one = sum((1 - m) ** j for j in range(leaves))
        p = p * np.where(bit, one, zero)
    return p


class History:
    """A list of contexts, the most recent first."""

    def __init__(self, size):
        self.contexts = [0] * size

    def add(self, context):
        new = context not in self.contexts
        self.contexts = [context, *self.contexts][: len(self.contexts)]
        return new
