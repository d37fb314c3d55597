"""Naive twins of the KGW kernels and scheme: whole permutations, and whole numbers of Python."""

import collections
import math

import numpy as np

ROUND = 2**64 - 1
TABLE = 1_000_003


def words(seed, count):
    """The Mersenne Twister, as NumPy has it."""
    return np.random.RandomState(seed % 2**32).randint(0, 2**32, count, np.uint32)


def permutation(size, seed):
    """PyTorch's randperm on the CPU."""
    row = list(range(size))
    drawn = words(seed, size).tolist()
    for i in range(size - 1):
        j = i + drawn[i] % (size - i)
        row[i], row[j] = row[j], row[i]
    return row


def first_hit(drawn, begin, end, size, place):
    for i in range(begin, end):
        if i + int(drawn[i - begin]) % (size - i) == place:
            return i
    return -1


def signed(value):
    value %= 2**64
    return value - 2**64 if value >= 2**63 else value


def left_seed(prefix, key):
    return key * int(prefix[-1]) % ROUND


def self_seed(window, key, table):
    """`table` gives the hash of a token; the last one of the window is the candidate."""
    last = int(table[window[-1] % len(table)])
    return min(signed(key * int(table[t % len(table)]) * last) for t in window) % ROUND


def best(scores, count):
    order = np.argsort(-scores.astype(float), kind="stable")[:count]
    return [int(i) for i in order if scores[i] > -np.inf]


class Naive:
    """The scheme, token by token, with a permutation for every question."""

    def __init__(self, scheme):
        self.scheme = scheme
        self.left = scheme.seeding == "lefthash"
        self.width = scheme.context_width
        self.greens = {}
        if not self.left:
            self.table = np.array(permutation(TABLE, scheme.hashing_key)) + 1

    def seed(self, prefix):
        if self.left:
            return left_seed(prefix, self.scheme.hashing_key)
        return self_seed(prefix[-self.width :], self.scheme.hashing_key, self.table)

    def green_list(self, prefix):
        seed = self.seed(prefix) % 2**32
        if seed not in self.greens:
            size = self.scheme.vocab_size
            self.greens[seed] = permutation(size, seed)[: int(size * self.scheme.gamma)]
        return self.greens[seed]

    def step(self, context, scores):
        out = scores.copy()
        if len(context) < self.width:
            return out
        if self.left:
            chosen = self.green_list(context)
        else:
            chosen = [c for c in best(scores, 40) if c in self.green_list([*context, c])]
        out[chosen] += np.float32(self.scheme.delta)
        return out

    def ngrams(self, text):
        length = self.width + self.left
        return [tuple(text[i : i + length]) for i in range(len(text) - length + 1)]

    def is_green(self, ngram):
        return ngram[-1] in self.green_list(ngram[:-1] if self.left else ngram)

    def evidence(self, text):
        """For every token a score, or None where it does not count."""
        scores, seen = [None] * len(text), set()
        for i, ngram in enumerate(self.ngrams(text), self.width - (not self.left)):
            seed = self.seed(ngram[:-1] if self.left else ngram) % 2**32
            known = self.left and ngram[-2] == 0
            if not known and (seed, ngram[-1]) not in seen:
                scores[i] = float(self.is_green(ngram))
                seen.add((seed, ngram[-1]))
        return scores

    def original_score(self, text, ignore_repeated):
        counts = collections.Counter(self.ngrams(text))
        if ignore_repeated:
            counts = dict.fromkeys(counts, 1)
        total = sum(counts.values())
        green = sum(count for ngram, count in counts.items() if self.is_green(ngram))
        share = self.scheme.gamma
        z = (green - share * total) / math.sqrt(total * share * (1 - share))
        return total, green, green / total, z, 0.5 * math.erfc(z / math.sqrt(2))
