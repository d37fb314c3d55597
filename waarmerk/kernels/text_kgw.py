"""Kernels of the green lists (KGW): which tokens are green after a context, without a shuffle.

The green tokens after a context are the first G of a permutation of the vocabulary, which PyTorch
draws with the 32-bit words u(i) of a Mersenne Twister (MT19937, Matsumoto & Nishimura 1998), seeded
by the context (Fisher & Yates, from the front)::

    for i in 0 ... n - 2:   swap r[i] with r[i + u(i) mod (n - i)]

To learn whether one token is green only its own way has to be followed. It lies at x and stays
there until a step draws x, which makes it green, or until step x itself, which sends it elsewhere::

    r   0  1  2  3 | 4  5  x  7  8  9        step i = 4, m = n - i = 6, y = n - x = 4:
        green        i ............ n        it becomes green if u mod m = x - i = m - y,
                     m = n - i               that is, if m divides u + y

y does not change from step to step, so a step costs an addition, a multiplication and a comparison
(Granlund & Montgomery 1994; Warren, Hacker's Delight, 10-17), eight at a time in vector units; see
`divisors`. Where that finds a step, the division is done to make sure.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = [
    "BATCH",
    "STATE",
    "add_to_green",
    "divisors",
    "draw",
    "first_hit",
    "green_list",
    "members",
    "seed_state",
]

WORDS = 624  # of the state of MT19937
BATCH = 2048
"""Words drawn at a time: they, the state and what is read along fit into the first-level cache."""
STATE = WORDS + BATCH
"""Length of the array with the state and the words that follow it, before tempering."""
STRIDE = 128  # words among which the one that was found is looked for
MANY = 48  # tokens of one seed from which on a whole shuffle costs less than following each

Words = NDArray[np.uint32]
Seeds = NDArray[np.uint64]
Ids = NDArray[np.int64]
Order = NDArray[np.int32]
Span = tuple[int, int]

_NONE = np.uint32(0)
_ONE = np.uint32(1)
_ALL = np.uint32(0xFFFFFFFF)
_BITS = np.uint32(31)  # of a shift; said so that the compiler need not widen the words
_TOP = np.uint32(0x80000000)
_REST = np.uint32(0x7FFFFFFF)
_TWIST = np.uint32(0x9908B0DF)
_TEMPER_B = np.uint32(0x9D2C5680)
_TEMPER_C = np.uint32(0xEFC60000)
_SPREAD = np.uint32(1812433253)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def divisors(size: int, count: int) -> tuple[Words, Words]:
    """Make the tables that tell whether m = size - i may divide a number, for i in 0 ... count - 1.

    Write m = d 2^k with d odd. If d divides w, then w / d = w inv(d) mod 2^32, and that is at most
    (2^32 - 1 + size) / d for w up to 2^32 - 1 + size; for any other w the product is as good as
    random. So with the factor inv(d) and the shift k, ``w * factor >> shift`` of all multiples of m
    is at most (2^32 - 1 + size) / m, and that of other w is so at a rate of about 1 / d. Where 2^k
    says more than d does, the factor 2^(32 - k) gives 0 for multiples of 2^k, and hardly ever a
    small number for others. As w only matters modulo 2^32, the sum u + y may overflow.

    Parameters
    ----------
    size : int
        Less than 2^32.
    count : int
        Less than `size`.

    Returns
    -------
    factor, shift : uint32 [count]
    """
    m = np.uint64(size) - np.arange(count, dtype=np.uint64)
    power = m & (~m + np.uint64(1))
    odd = (m // power).astype(np.uint32)
    inverse = odd.copy()  # right in 3 bits; each of Newton's steps doubles them
    for _ in range(4):
        inverse *= np.uint32(2) - odd * inverse
    zeros = power * power > m
    factor = np.where(zeros, np.uint64(1 << 32) // power, inverse).astype(np.uint32)
    shift = np.where(zeros, 0, np.bitwise_count(power - np.uint64(1))).astype(np.uint32)
    return factor, shift


@kernel
def seed_state(seed: int, state: Words) -> None:
    """Begin the Mersenne Twister as its authors' init_genrand does.

    Parameters
    ----------
    seed : uint32
    state : uint32 [STATE]
        The first 624 words are written.
    """
    value = np.uint32(seed)
    state[0] = value
    for i in range(1, WORDS):
        value = np.uint32(_SPREAD * np.uint32(value ^ (value >> np.uint32(30))) + np.uint32(i))
        state[i] = value


@kernel
def draw(state: Words, words: Words, count: int) -> None:
    """Draw the next words of the Mersenne Twister.

    Parameters
    ----------
    state : uint32 [STATE]
        Its last 624 words, from the front; replaced.
    words : uint32 [BATCH]
        The first `count` are written.
    count : int
    """
    # Slices of one array, so that the compiler sees that what is read was written 227 words before.
    first = state[0:count]
    second = state[1 : count + 1]
    middle = state[397 : 397 + count]
    new = state[WORDS : WORDS + count]
    out = words[:count]
    for k in range(count):
        low = second[k]
        value = np.uint32((first[k] & _TOP) | (low & _REST)) >> _ONE
        odd = np.uint32(_NONE - np.uint32(low & _ONE))
        value = np.uint32(middle[k] ^ value ^ np.uint32(odd & _TWIST))
        new[k] = value
        value = np.uint32(value ^ (value >> np.uint32(11)))
        value = np.uint32(value ^ (np.uint32(value << np.uint32(7)) & _TEMPER_B))
        value = np.uint32(value ^ (np.uint32(value << np.uint32(15)) & _TEMPER_C))
        out[k] = np.uint32(value ^ (value >> np.uint32(18)))
    # A loop: Numba's assignment of slices is prepared for overlaps, and several times slower.
    source = state[count : count + WORDS]
    for k in range(WORDS):
        state[k] = source[k]


@kernel
def _least(
    words: Words, start: int, factor: Words, shift: Words, span: Span, add: int
) -> np.uint32:
    """Put the steps of a span to the test of `divisors`, and return the least result."""
    # Unsigned indices: nothing has to be done about negative ones in the loop. Slices, which would
    # spare it as well, are counted references, and those cost more here than the loop's overhead.
    first = np.uint64(span[0])
    word = np.uint64(span[0] - start)
    plus = np.uint32(add)
    least = _ALL
    for k in range(np.uint64(span[1] - span[0])):
        product = np.uint32(np.uint32(words[word + k] + plus) * factor[first + k])
        result = np.uint32(product >> (shift[first + k] & _BITS))
        least = min(least, result)
    return least


@kernel
def first_hit(
    words: Words, start: int, factor: Words, shift: Words, span: Span, size: int, place: int
) -> int:
    """Find the first step of a span that draws `place`.

    Parameters
    ----------
    words : uint32 [k]
        Of the steps from `start` on.
    start : int
    factor, shift : uint32 [count]
        Tables of `divisors` for all steps.
    span : int, int
        The first step and the one after the last.
    size : int
        Of the vocabulary.
    place : int
        At least the end of the span.

    Returns
    -------
    int
        The step, or -1 if there is none.
    """
    add = size - place
    begin, end = span
    limit = np.uint32((np.uint64(size) + _LOW) // np.uint64(size - end + 1))
    if _least(words, start, factor, shift, span, add) > limit:
        return -1
    for stride in range(begin, end, STRIDE):
        stop = min(stride + STRIDE, end)
        if _least(words, start, factor, shift, (stride, stop), add) > limit:
            continue
        for i in range(stride, stop):
            product = np.uint32(np.uint32(words[i - start] + np.uint32(add)) * factor[i])
            if product >> (shift[i] & _BITS) <= limit:
                total = np.uint64(words[i - start]) + np.uint64(add)
                if total % np.uint64(size - i) == np.uint64(0):
                    return i
    return -1


@kernel
def _follow(
    place: int, words: Words, start: int, stop: int, size: int, factor: Words, shift: Words
) -> int:
    """Follow a token from `place` through the steps start ... stop - 1; -1 once it is green."""
    i = start
    while i < stop:
        # The place is never behind the step: there it would be green.
        until = min(stop, place)
        if first_hit(words, start, factor, shift, (i, until), size, place) >= 0:
            return -1
        i = until
        if i < stop:
            where: Any = np.int64(words[i - start] % np.uint32(size - i))
            if where == 0:
                return -1
            place = i + where
            i += 1
    return place


@kernel
def _shuffle(size: int, count: int, order: Order, swaps: Order, state: Words, words: Words) -> None:
    """Draw the first `count` of a permutation in place, and write down what was swapped."""
    for start in range(0, count, BATCH):
        length = min(BATCH, count - start)
        draw(state, words, length)
        for k in range(length):
            i = start + k
            j = i + np.int64(words[k] % np.uint32(size - i))
            swaps[i] = j
            kept = order[i]
            order[i] = order[j]
            order[j] = kept


@kernel
def _restore(order: Order, swaps: Order, count: int) -> None:
    """Bring what `_shuffle` moved back to where it belongs: every number at its own place."""
    for i in range(count):
        order[swaps[i]] = swaps[i]
    for i in range(count):
        order[i] = i


@kernel
def green_list(seed: int, order: Order, swaps: Order, state: Words, words: Words, out: Ids) -> None:
    """List the first tokens of the permutation of a seed, in its order.

    Parameters
    ----------
    seed : uint32
    order : int32 [size]
        0 ... size - 1, and so again afterwards.
    swaps : int32 [k or more]
    state : uint32 [STATE]
    words : uint32 [BATCH]
    out : int64 [k <= size]
    """
    seed_state(seed, state)
    _shuffle(order.size, out.size, order, swaps, state, words)
    for i in range(out.size):
        out[i] = order[i]
    _restore(order, swaps, out.size)


@kernel
def add_to_green(
    seed: int,
    count: int,
    order: Order,
    swaps: Order,
    state: Words,
    words: Words,
    delta: float,
    scores: NDArray[np.float32],
) -> None:
    """Add to the scores of the first `count` tokens of the permutation of a seed.

    Parameters
    ----------
    seed, order, swaps, state, words
        See `green_list`.
    count : int
    delta : float
        Added in float32.
    scores : float32 [size]
        Changed in place.
    """
    seed_state(seed, state)
    _shuffle(order.size, count, order, swaps, state, words)
    for i in range(count):
        scores[order[i]] += np.float32(delta)
    _restore(order, swaps, count)


@kernel
def _seed_four(draws: Seeds, starts: Ids, group: int, groups: int, states: Words) -> None:
    """Begin the generators of four groups: a step waits for the one before, but not for others."""
    last = groups - 1
    a = np.uint32(draws[starts[group]] >> _HALF)
    b = np.uint32(draws[starts[min(group + 1, last)]] >> _HALF)
    c = np.uint32(draws[starts[min(group + 2, last)]] >> _HALF)
    d = np.uint32(draws[starts[min(group + 3, last)]] >> _HALF)
    shift = np.uint32(30)
    for i in range(WORDS):
        states[0, i] = a
        states[1, i] = b
        states[2, i] = c
        states[3, i] = d
        step = np.uint32(i + 1)
        a = np.uint32(_SPREAD * np.uint32(a ^ (a >> shift)) + step)
        b = np.uint32(_SPREAD * np.uint32(b ^ (b >> shift)) + step)
        c = np.uint32(_SPREAD * np.uint32(c ^ (c >> shift)) + step)
        d = np.uint32(_SPREAD * np.uint32(d ^ (d >> shift)) + step)


@kernel
def members(
    draws: Seeds,
    factor: Words,
    shift: Words,
    order: Order,
    swaps: Order,
    mask: NDArray[np.bool_],
    states: Words,
    words: Words,
    green: NDArray[np.bool_],
) -> None:
    """Tell which tokens are green. Fastest where draws with equal seeds stand side by side.

    Parameters
    ----------
    draws : uint64 [n]
        Seed in the upper, token in the lower 32 bits.
    factor, shift : uint32 [count]
        Tables of `divisors` for the size of the vocabulary and the number of green tokens.
    order : int32 [size]
        0 ... size - 1, and so again afterwards.
    swaps : int32 [count]
    mask : bool [size]
        False, and so again afterwards.
    states : uint32 [4, STATE]
    words : uint32 [BATCH]
    green : bool [n]
        Written.
    """
    size = order.size
    count = factor.size
    places = np.empty(MANY, np.int64)
    starts = np.empty(draws.size + 1, np.int64)
    groups = 0
    for i in range(draws.size):
        if i == 0 or draws[i] >> _HALF != draws[i - 1] >> _HALF:
            starts[groups] = i
            groups += 1
    starts[groups] = draws.size
    for group in range(groups):
        if group % 4 == 0:
            _seed_four(draws, starts, group, groups, states)
        state = states[group % 4]
        begin, end = starts[group], starts[group + 1]
        if end - begin >= MANY:
            _shuffle(size, count, order, swaps, state, words)
            for i in range(count):
                mask[order[i]] = True
            for k in range(begin, end):
                green[k] = mask[np.int64(draws[k] & _LOW)]
            for i in range(count):
                mask[order[i]] = False
            _restore(order, swaps, count)
            continue
        left = end - begin
        for k in range(left):
            places[k] = np.int64(draws[begin + k] & _LOW)
            green[begin + k] = False
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            draw(state, words, stop - start)
            for k in range(end - begin):
                place = places[k]
                if place < 0:
                    continue
                if place < stop:
                    place = _follow(place, words, start, stop, size, factor, shift)
                elif first_hit(words, start, factor, shift, (start, stop), size, place) >= 0:
                    place = -1
                places[k] = place
                if place < 0:
                    green[begin + k] = True
                    left -= 1
            if left == 0:
                break
