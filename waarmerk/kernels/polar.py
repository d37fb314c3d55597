r"""Successive-cancellation list decoding of polar codes.

A polar code of length N = 2^n sends x = u G, where G is the n-th Kronecker power of
[[1, 0], [1, 1]], without bit reversal::

    u0 ----(+)---- x0       A block of 2m positions is two blocks of m:
            |               the left one sends  left (+) right,
    u1 -----+----- x1       the right one sends right.

Most u are frozen to 0; the others carry information. The decoder walks this binary tree from left
to right and keeps the `list_size` most likely beginnings of u. Values travel down as
log-likelihoods (positive means bit 0, that is +1), decisions travel up as signs +-1::

                 llr                    level n, N values
               /     \
          check       variable         level n-1, N/2 values each
          /   \        /   \
        ...            ...             blocks: see `schedule`

Two kinds of sub-tree need no walk, and at low rates nearly everything is one of them: a block
without information, and a block whose last bit alone is information (a repetition code; a single
information bit is one of length 1). What they add to the path metric is known in closed form::

    nothing but +1      sum of max(0, -l)
    nothing but -1      sum of max(0, +l)

In max-log arithmetic this equals the walk through their leaves, so this is the plain list decoder,
only faster. It also means that the metric of a finished path is the sum of |llr| over the positions
where its word contradicts the sign of llr: the smaller, the better the word correlates.

All paths write a level of the tree together, each its own row, and always the whole row. So a path
that splits copies the numbers of the rows it will read (`value_row`, `sign_row`) and never a row:
when a row is written again, nobody reads its old content any more. Row p of level k starts at
``list_size * (2^k - 1) + p * 2^k`` of a flat array.
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["decode_list", "schedule"]

FROZEN = 0
REPEATED = 1


def schedule(information: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cut the tree of a polar code into the blocks that the decoder handles as one.

    Parameters
    ----------
    information : bool [2^n]
        True where u carries information, False where it is frozen to 0.

    Returns
    -------
    int64 [blocks, 3]
        Start, base-2 logarithm of the size, and kind (0 frozen, 1 repetition) of every block, from
        left to right.

    Examples
    --------
    >>> schedule(np.array([0, 0, 0, 1, 0, 0, 1, 1], bool)).tolist()
    [[0, 2, 1], [4, 1, 0], [6, 0, 1], [7, 0, 1]]
    """
    blocks: list[tuple[int, int, int]] = []
    todo = [(0, information.size.bit_length() - 1)]
    while todo:
        start, level = todo.pop()
        block = information[start : start + (1 << level)]
        count = int(np.count_nonzero(block))
        if count == 0:
            blocks.append((start, level, FROZEN))
        elif count == 1 and block[-1]:
            blocks.append((start, level, REPEATED))
        else:
            half = 1 << (level - 1)
            todo.append((start + half, level - 1))
            todo.append((start, level - 1))
    return np.array(blocks, np.int64)


def decode_list(
    llr: NDArray[np.float32], blocks: NDArray[np.int64], list_size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Decode one word of a polar code to the most likely information words.

    Parameters
    ----------
    llr : float32 [2^n]
        Log-likelihoods in any scale, positive for bit 0; finite.
    blocks : int64 [blocks, 3]
        From `schedule`.
    list_size : int
        Number of paths that are kept; at least 1.

    Returns
    -------
    bits : uint8 [paths, information bits]
        The information words in the order of u, the best first; equal metrics in the order in
        which they came up. There are `list_size` of them, or all if the code has fewer.
    metric : float64 [paths]
        Sum of |llr| over the positions that contradict the word; ascending.
    """
    # The work space is made here: Numba takes seconds to compile what NumPy does in microseconds.
    length = llr.size
    information = int(blocks[:, 2].sum())
    values = np.empty(list_size * (length - 1) + length, np.float32)
    values[list_size * (length - 1) :] = llr
    signs = np.empty(list_size * (length - 1), np.float32)
    rows = np.zeros((3, list_size, length.bit_length()), np.int64)
    metric = np.zeros(list_size, np.float64)
    extended = np.empty((list_size, 2), np.float64)
    sign = np.empty(list_size, np.float32)
    history = np.empty((information, list_size), np.int64)
    paths = _walk(blocks, 1, values, signs, rows, metric, extended, sign, history)
    order = np.argsort(metric[:paths], kind="stable")
    bits = np.empty((paths, information), np.uint8)
    _trace(history, order, bits)
    return bits, metric[order]


@kernel
def _check(values: NDArray[np.float32], source: int, target: int, half: int) -> None:
    """Tell the left half of a block what it hears: the min-sum of both halves."""
    # Unsigned offsets: a signed one could be negative, and testing for that stops vectorisation.
    first = np.uint64(source)
    second = np.uint64(source + half)
    child = np.uint64(target)
    for i in range(np.uint64(half)):
        a = values[first + i]
        b = values[second + i]
        low = a if a < b else b
        high = b if a < b else a
        values[child + i] = low if low > -high else -high


@kernel
def _variable(
    values: NDArray[np.float32],
    source: int,
    signs: NDArray[np.float32],
    left: int,
    target: int,
    half: int,
) -> None:
    """Tell the right half of a block what it hears, now that the left half is decided."""
    first = np.uint64(source)
    second = np.uint64(source + half)
    known = np.uint64(left)
    child = np.uint64(target)
    for i in range(np.uint64(half)):
        values[child + i] = values[second + i] + signs[known + i] * values[first + i]


@kernel
def _trailing_zeros(number: int) -> int:
    """Count the zero bits below the lowest set bit; the number is not 0."""
    count = 0
    while number & 1 == 0:
        number >>= 1
        count += 1
    return count


@kernel
def _descend(
    values: NDArray[np.float32],
    value_row: NDArray[np.int64],
    signs: NDArray[np.float32],
    sign_row: NDArray[np.int64],
    block: NDArray[np.int64],
    paths: int,
) -> None:
    """Bring the values of every path down to a block.

    The way goes right once, at the node where it leaves the way to the block before, then left.
    """
    size = value_row.shape[0]
    start = block[0]
    top = value_row.shape[1] - 1 if start == 0 else _trailing_zeros(start) + 1
    for level in range(top - 1, block[1] - 1, -1):
        half = 1 << level
        base = size * (half - 1)
        for p in range(paths):
            source = size * (2 * half - 1) + 2 * half * value_row[p, level + 1]
            target = base + half * p
            if start > 0 and level == top - 1:
                left = base + half * sign_row[p, level]
                _variable(values, source, signs, left, target, half)
            else:
                _check(values, source, target, half)
            value_row[p, level] = p


@kernel
def _weigh(
    values: NDArray[np.float32],
    value_row: NDArray[np.int64],
    level: int,
    paths: int,
    metric: NDArray[np.float64],
    extended: NDArray[np.float64],
) -> None:
    """Compute the metric of every path if its block is all +1 (column 0) or all -1 (column 1)."""
    size = 1 << level
    for p in range(paths):
        start = value_row.shape[0] * (size - 1) + size * value_row[p, level]
        plus = metric[p]
        minus = metric[p]
        for i in range(start, start + size):
            value = values[i]
            if value < 0.0:
                plus -= value
            else:
                minus += value
        extended[p, 0] = plus
        extended[p, 1] = minus


@kernel
def _branch(
    extended: NDArray[np.float64],
    paths: int,
    metric: NDArray[np.float64],
    choice: NDArray[np.int64],
) -> int:
    """Keep the best of all continuations, sorted; equal ones in the order of their paths.

    Choice is 2 * path + bit. Returns how many are kept.
    """
    kept = 0
    for candidate in range(2 * paths):
        value = extended[candidate >> 1, candidate & 1]
        if kept == metric.size:
            if value >= metric[kept - 1]:
                continue
            kept -= 1
        place = kept
        while place > 0 and metric[place - 1] > value:
            metric[place] = metric[place - 1]
            choice[place] = choice[place - 1]
            place -= 1
        metric[place] = value
        choice[place] = candidate
        kept += 1
    return kept


@kernel
def _inherit(
    row: NDArray[np.int64],
    spare: NDArray[np.int64],
    choice: NDArray[np.int64],
    level: int,
    before: int,
    paths: int,
) -> None:
    """Give every path the row numbers of the path it continues; below `level` none is in use."""
    for p in range(before):
        for k in range(level, row.shape[1]):
            spare[p, k] = row[p, k]
    for p in range(paths):
        for k in range(level, row.shape[1]):
            row[p, k] = spare[choice[p] >> 1, k]


@kernel
def _ascend(
    signs: NDArray[np.float32],
    sign_row: NDArray[np.int64],
    sign: NDArray[np.float32],
    block: NDArray[np.int64],
    paths: int,
) -> None:
    """Write the word of the largest sub-tree that ends with a block.

    It ends with the block itself; before that lie the left neighbours on the way up, each
    multiplied with all that follows it::

        | left(k+1) * ...        | left(k) * block | block |
    """
    level = block[1]
    done = _trailing_zeros(block[0] + (1 << level))
    whole = 1 << done
    for p in range(paths):
        stop = sign_row.shape[0] * (whole - 1) + whole * (p + 1)
        for i in range(stop - (1 << level), stop):
            signs[i] = sign[p]
        for k in range(level, done):
            half = 1 << k
            left = np.uint64(sign_row.shape[0] * (half - 1) + half * sign_row[p, k])
            right = np.uint64(stop - half)
            target = np.uint64(stop - 2 * half)
            for j in range(np.uint64(half)):
                signs[target + j] = signs[left + j] * signs[right + j]
        sign_row[p, done] = p


@kernel
def _walk(
    blocks: NDArray[np.int64],
    paths: int,
    values: NDArray[np.float32],
    signs: NDArray[np.float32],
    rows: NDArray[np.int64],
    metric: NDArray[np.float64],
    extended: NDArray[np.float64],
    sign: NDArray[np.float32],
    history: NDArray[np.int64],
) -> int:
    """Walk the tree from left to right; fill `metric` and `history`, return the paths left."""
    value_row = rows[0]
    sign_row = rows[1]
    decided = 0
    for index in range(blocks.shape[0]):
        block = blocks[index]
        level = block[1]
        _descend(values, value_row, signs, sign_row, block, paths)
        _weigh(values, value_row, level, paths, metric, extended)
        if block[2] == FROZEN:
            for p in range(paths):
                metric[p] = extended[p, 0]
                sign[p] = 1.0
        else:
            choice = history[decided]
            before = paths
            paths = _branch(extended, before, metric, choice)
            _inherit(value_row, rows[2], choice, level, before, paths)
            _inherit(sign_row, rows[2], choice, level, before, paths)
            for p in range(paths):
                sign[p] = 1.0 - 2.0 * (choice[p] & 1)
            decided += 1
        if index + 1 < blocks.shape[0]:
            _ascend(signs, sign_row, sign, block, paths)
    return paths


@kernel
def _trace(history: NDArray[np.int64], order: NDArray[np.int64], bits: NDArray[np.uint8]) -> None:
    """Follow each path back to its beginning and write down its bits."""
    for rank in range(order.size):
        p = order[rank]
        for k in range(history.shape[0] - 1, -1, -1):
            bits[rank, k] = history[k, p] & 1
            p = history[k, p] >> 1
