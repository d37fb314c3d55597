"""Kernels of keyed Gumbel sampling: two keyed random functions, what they choose, what they score.

A keyed function turns a context and a token into a word of 32 bits, and that into a uniform u::

    Philox    state = absorb(context)  ->  block (token >> 2, state)  ->  word (token & 3) of four
    Murmur3   hash  = murmur(context)  ->  murmur(key, hash, token)

Everything runs in *lanes*: up to `LANES` tokens side by side, one row for every word of the state,
so that rounds become vector instructions. Words of 32 bits are kept in uint64, for exact products.
Philox4x32-10: Salmon et al. 2011 (doi 10.1145/2063384.2063405). MurmurHash3 x86-32: A. Appleby.
"""

import math

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "LANES",
    "choose",
    "choose_philox_all",
    "context_hashes",
    "murmur_hash",
    "philox_state",
    "room",
    "score_tokens",
    "uniforms",
]

LANES = 256  # tokens side by side: their words, 14 KiB, stay in the first cache

U = np.uint64
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Single = NDArray[np.float32]
Double = NDArray[np.float64]
Room = tuple[Words, Ints, Double, Words]
LOW, HALF, ALL = U(0xFFFFFFFF), U(32), U(1 << 32)
# Philox4x32: multipliers and what is added to the key (Salmon et al., table 2 and section 2.4).
M0, M1 = U(0xD2511F53), U(0xCD9E8D57)
W0, W1 = U(0x9E3779B9), U(0xBB67AE85)
# vLLM tells states of contexts and draws of tokens apart with the letters WMCX and WMTK.
CONTEXT_DOMAIN, TOKEN_DOMAIN = U(0x574D4358), U(0x574D544B)
# MurmurHash3 x86-32.
C1, C2, C5, CN = U(0xCC9E2D51), U(0x1B873593), U(5), U(0xE6546B64)
F1, F2 = U(0x85EBCA6B), U(0xC2B2AE35)
# -ln(-ln u) at the largest u, rounded up: 1 - 2^-24 in Philox, 1 - 2^-33 in Murmur3.
MOST_PHILOX, MOST_MURMUR = 16.64, 22.88
UNDER_SQRT2 = U(0x3FF6A09E667F3BCC)  # bits of the largest float64 below the square root of 2
LN2 = 0.6931471805599453
SLACK = 1.000001  # far more than rounding does to the bound that passes tokens over


def room() -> Room:
    """Return lanes uint64 [7, LANES], index int64 [2, LANES], values float64 [LANES] and bits."""
    values = np.zeros(LANES, np.float64)
    lanes = np.zeros((7, LANES), np.uint64)
    return lanes, np.zeros((2, LANES), np.int64), values, values.view(np.uint64)


@kernel
def _philox(lanes: Words, second: np.uint64, count: int) -> None:
    """Ten rounds over rows 0-3, with row 4 as the first word of the key of every lane."""
    for b in range(count):
        c0, c1, c2, c3 = lanes[0, b] & LOW, lanes[1, b] & LOW, lanes[2, b] & LOW, lanes[3, b] & LOW
        k0, k1 = lanes[4, b] & LOW, second
        for _ in range(10):
            p0, p1 = M0 * c0, M1 * c2
            c0, c1 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW
            c2, c3 = (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
            k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
        lanes[0, b], lanes[1, b], lanes[2, b], lanes[3, b] = c0, c1, c2, c3


@kernel
def _absorb(ids: Ints, index: Ints, count: int, width: int, key: np.uint64, lanes: Words) -> None:
    """State of the `width` ids before index[0], none before index[1]; -1 and missing are alike."""
    for b in range(count):
        lanes[0, b], lanes[1, b], lanes[2, b], lanes[3, b] = CONTEXT_DOMAIN, U(width), U(0), U(0)
    for offset in range(0, width, 4):
        for lane in range(4):
            back = width - offset - lane
            for b in range(count):
                at = index[0, b] - back
                word = U(ids[at]) & LOW if back > 0 and at >= index[1, b] else LOW
                lanes[lane, b] ^= word if back > 0 else LOW - U(lane)
        for b in range(count):
            lanes[4, b] = (key & LOW) ^ U(offset)
        _philox(lanes, key >> HALF, count)


@kernel
def _philox_tokens(count: int, key: np.uint64, lanes: Words) -> None:
    """From states in rows 0-3 and tokens in row 5 to their words in row 6."""
    for b in range(count):
        lanes[4, b] = (key & LOW) ^ lanes[3, b]
        lanes[3, b], lanes[2, b], lanes[1, b] = lanes[2, b], lanes[1, b], lanes[0, b]
        lanes[0, b] = lanes[5, b] >> U(2)
    _philox(lanes, (key >> HALF) ^ TOKEN_DOMAIN, count)
    for b in range(count):
        which = lanes[5, b] & U(3)
        low = lanes[1, b] if which == U(1) else lanes[0, b]
        high = lanes[3, b] if which == U(3) else lanes[2, b]
        lanes[6, b] = high if which >= U(2) else low


@kernel
def _mantissa(word: np.uint64) -> float:
    return np.float64(np.int32(word >> U(8))) + 1.0


@kernel
def _uniform(word: np.uint64, murmur: bool) -> float:
    if murmur:
        return (np.float64(word) + 0.5) / 4294967296.0
    # The quotient is rounded to float32, as vLLM does; a product with the inverse would differ.
    return float(np.float32(_mantissa(word) / 16777217.0))


@kernel
def _mix(state: np.uint64, word: np.uint64) -> np.uint64:
    k = (word * C1) & LOW
    k = ((((k << U(15)) | (k >> U(17))) & LOW) * C2) & LOW
    h = state ^ k
    h = ((h << U(13)) | (h >> U(19))) & LOW
    return (h * C5 + CN) & LOW


@kernel
def _finish(state: np.uint64, words: np.uint64) -> np.uint64:
    h = state ^ (words * U(4))
    h = ((h ^ (h >> U(16))) * F1) & LOW
    h = ((h ^ (h >> U(13))) * F2) & LOW
    return h ^ (h >> U(16))


@kernel
def murmur_hash(words: Words) -> np.uint64:
    """Return MurmurHash3 x86-32, seed 0, of words of 32 bits, uint64 [n], taken as their bytes."""
    state = U(0)
    for i in range(words.size):
        state = _mix(state, words[i] & LOW)
    return _finish(state, U(words.size))


@kernel
def _murmur_tokens(count: int, keys: Words, lanes: Words) -> None:
    """From hashes of contexts in row 0 and tokens in row 5 to their words in row 6.

    `keys` are two and the share of the first: a coin thrown by both and the context says which.
    """
    key, other, share = keys[0], keys[1], keys[2]
    first = _mix(_mix(U(0), key & LOW), key >> HALF)
    second = _mix(_mix(U(0), other & LOW), other >> HALF)
    both = _mix(_mix(first, other & LOW), other >> HALF)
    if share >= ALL:
        for b in range(count):
            state = _mix(_mix(first, lanes[0, b] & LOW), lanes[5, b] & LOW)
            lanes[6, b] = _finish(state, U(4))
    else:
        for b in range(count):
            context = lanes[0, b] & LOW
            state = first if _finish(_mix(both, context), U(5)) < share else second
            lanes[6, b] = _finish(_mix(_mix(state, context), lanes[5, b] & LOW), U(4))


@kernel
def context_hashes(ids: Ints, offsets: Ints, width: int, hashes: Words) -> None:
    """Hash the ids before every token, without a key, to find equal contexts.

    Parameters
    ----------
    ids : int64 [n]
        Texts, one after the other.
    offsets : int64 [texts + 1]
        Where each begins, and the last ends.
    width : int
        Length of a context; ids missing before the start of a text count as 2^32 - 1.
    hashes : uint64 [n]
        Changed in place.
    """
    # Ids enter multiplied by another number than the state: with one, (-1, -1) meets (0, 1).
    factor, other = U(0x9E3779B97F4A7C15), U(0xBF58476D1CE4E5B9)
    for text in range(offsets.size - 1):
        start, stop = offsets[text], offsets[text + 1]
        for i in range(start, stop):
            h, whole = U(0), i - start >= width
            for at in range(i - width, i, 2):
                high = U(ids[at]) if whole or at >= start else LOW
                low = U(ids[at + 1]) if whole or at + 1 >= start else LOW
                h = (h ^ (high << HALF | (low if at + 1 < i else U(0))) * other) * factor
                h ^= h >> HALF
            hashes[i] = h


@kernel
def _put_logs(count: int, scores: Single, room: Room) -> None:
    """Make -ln of the values in (0, 1] the scores of the tokens in index[0].

    v = f / 2^n with f around 1, and ln f = 2 artanh((f - 1) / (f + 1)): relative error below 1e-10.
    """
    lanes, index, values, bits = room
    n = lanes[0]
    for b in range(count):
        n[b] = (UNDER_SQRT2 - bits[b]) >> U(52)
        bits[b] += n[b] << U(52)
    for b in range(count):
        s = (values[b] - 1.0) / (values[b] + 1.0)
        z = s * s
        series = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13))))))
        values[b] = LN2 * np.float64(np.int32(n[b])) - 2.0 * (s + s * series)
    for b in range(count):
        scores[index[0, b]] = values[b]


@kernel
def _uniforms(count: int, murmur: bool, keys: Words, state: Words, room: Room) -> None:
    """From one state, uint64 [4] or a hash in its first, and tokens in row 5 to u in the values."""
    lanes, _, values, _ = room
    for b in range(count):
        lanes[0, b], lanes[1, b], lanes[2, b], lanes[3, b] = state[0], state[1], state[2], state[3]
    if murmur:
        _murmur_tokens(count, keys, lanes)
    else:
        _philox_tokens(count, keys[0], lanes)
    for b in range(count):
        values[b] = _uniform(lanes[6, b], murmur)


@kernel
def _score(
    ids: Ints, count: int, width: int, murmur: bool, keys: Words, scores: Single, room: Room
) -> None:
    """Score the tokens in index[0], in texts that begin at index[1]."""
    lanes, index, values, _ = room
    for b in range(count):
        lanes[0, b], lanes[5, b] = U(0), U(ids[index[0, b]])
    if murmur:
        for back in range(width, 0, -1):
            for b in range(count):
                lanes[1, b] = U(ids[index[0, b] - back])
            for b in range(count):
                lanes[0, b] = _mix(lanes[0, b] & LOW, lanes[1, b] & LOW)
        for b in range(count):
            lanes[0, b] = _finish(lanes[0, b], U(width))
        _murmur_tokens(count, keys, lanes)
    else:
        _absorb(ids, index, count, width, keys[0], lanes)
        _philox_tokens(count, keys[0], lanes)
    for b in range(count):
        values[b] = 1.0 - _uniform(lanes[6, b], murmur)
    _put_logs(count, scores, room)


@kernel
def score_tokens(
    ids: Ints,
    offsets: Ints,
    counted: NDArray[np.bool_],
    width: int,
    murmur: bool,
    keys: Words,
    scores: Single,
    room: Room,
) -> None:
    """Score the tokens that count: ``-ln(1 - u)``, as every detector of these marks does.

    Parameters
    ----------
    ids, offsets, width
        As in `context_hashes`.
    counted : bool [n]
        Which tokens are scored; with Murmur3 all have `width` ids of their text before them.
    murmur : bool
        u of SGLang, in place of that of vLLM.
    keys : uint64 [3]
        The key. For Murmur3 also a second one, and how many of 2^32 contexts take the first.
    scores : float32 [n]
        Changed in place.
    room
        From `room`.
    """
    index, count = room[1], 0
    for text in range(offsets.size - 1):
        start = offsets[text]
        for i in range(start, offsets[text + 1]):
            if counted[i]:
                index[0, count], index[1, count] = i, start
                count += 1
                if count == LANES:
                    _score(ids, count, width, murmur, keys, scores, room)
                    count = 0
    _score(ids, count, width, murmur, keys, scores, room)


@kernel
def _hopeless(score: float, gap: float, best: float) -> bool:
    """Whether ``score - ln(-ln u)`` is below the best so far, for any u up to 1 - gap.

    -ln(-ln u) <= -ln(1 - u), which is below y = best - score where 1 - u > exp(-y). The first terms
    of exp(y) show that nearly always where it is so, without a logarithm.
    """
    y = best - score
    return y > 0 and gap * (1 + y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24))))) > SLACK


@kernel
def philox_state(context: Ints, key: np.uint64, state: Words, room: Room) -> None:
    """Absorb a context, int64 [width] with -1 where there is no id, into a state, uint64 [4]."""
    lanes, index, _, _ = room
    index[0, 0], index[1, 0] = context.size, 0
    _absorb(context, index, 1, context.size, key, lanes)
    state[:] = lanes[:4, 0]


@kernel
def uniforms(
    tokens: Ints, state: Words, murmur: bool, keys: Words, out: Double, room: Room
) -> None:
    """Write u of tokens, int64 [k], into float64 [k]; the others are as in `choose`."""
    for begin in range(0, tokens.size, LANES):
        count = min(LANES, tokens.size - begin)
        for b in range(count):
            room[0][5, b] = U(tokens[begin + b])
        _uniforms(count, murmur, keys, state, room)
        out[begin : begin + count] = room[2][:count]


@kernel
def choose(
    scores: Single, tokens: Ints, state: Words, murmur: bool, keys: Words, room: Room
) -> int:
    """Return which token has the largest ``score - ln(-ln u)``, of equal ones the first.

    Parameters
    ----------
    scores : float32 [k]
        Not NaN, below +inf, one of them above -inf.
    tokens : int64 [k]
        Their tokens; empty where they are 0 ... k-1.
    state : uint64 [4]
        What the context gave: `philox_state`, or `murmur_hash` in the first place.
    murmur, keys, room
        As in `score_tokens`.
    """
    lanes, index, values, _ = room
    most = MOST_MURMUR if murmur else MOST_PHILOX
    choice, best, count = int(np.argmax(scores)), -np.inf, 0
    for step in range(-1, scores.size):
        # The likeliest token comes first and alone: it is what most others are measured against.
        i = choice if step < 0 else step
        if scores[i] + most > best:
            index[0, count] = i
            lanes[5, count] = U(tokens[i]) if tokens.size > 0 else U(i)
            count += 1
        if count == LANES or step < 0 or step == scores.size - 1:
            _uniforms(count, murmur, keys, state, room)
            for b in range(count):
                at, u = index[0, b], values[b]
                if not _hopeless(scores[at], 1.0 - u, best):
                    value = scores[at] - math.log(-math.log(u))
                    if value > best or (value == best and at < choice):
                        best, choice = value, int(at)
            count = 0
    return choice


@kernel
def choose_philox_all(scores: Single, state: Words, key: np.uint64, room: Room) -> int:
    """Do the same for a whole vocabulary and vLLM's u: four neighbours share a block of Philox."""
    lanes, size = room[0], scores.size
    blocks = (size + 3) // 4
    choice, best, count = int(np.argmax(scores)), -np.inf, 0
    for step in range(-1, blocks):
        block = choice // 4 if step < 0 else step
        highest = scores[4 * block]
        for i in range(4 * block + 1, min(4 * block + 4, size)):
            highest = max(highest, scores[i])
        if highest + MOST_PHILOX > best:
            lanes[5, count] = U(block)
            count += 1
        if count == LANES or step < 0 or step == blocks - 1:
            for b in range(count):
                lanes[0, b], lanes[1, b], lanes[2, b] = lanes[5, b], state[0], state[1]
                lanes[3, b], lanes[4, b] = state[2], (key & LOW) ^ state[3]
            _philox(lanes, (key >> HALF) ^ TOKEN_DOMAIN, count)
            for b in range(count):
                first = 4 * int(lanes[5, b])
                for lane in range(min(4, size - first)):
                    i, word = first + lane, lanes[lane, b]
                    # u rounds down, so that the gap to 1 is at least this.
                    if not _hopeless(scores[i], 1.0 - _mantissa(word) / 16777216.0, best):
                        value = scores[i] - math.log(-math.log(_uniform(word, False)))
                        if value > best or (value == best and i < choice):
                            best, choice = value, i
            count = 0
    return choice
