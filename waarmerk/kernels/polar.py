"""Successive-cancellation list decoding of polar codes.

A polar code of length N = 2^n sends x = u G, where G is the n-th Kronecker power of
[[1, 0], [1, 1]], without bit reversal::

    u0 ----(+)---- x0       A block of 2m positions is two blocks of m:
            |               the left one sends  left (+) right,
    u1 -----+----- x1       the right one sends right.

Most u are frozen to 0; the others carry information. The decoder walks this binary tree from left
to right and keeps the `list_size` most likely beginnings of u. Values travel down as
log-likelihoods (positive means bit 0, that is +1), decisions travel up as signs +-1.

Two kinds of sub-tree need no walk, and at low rates nearly everything is one of them: a block
without information, and a block whose last bit alone is information (a repetition code; a single
information bit is one of length 1). What they add to the path metric is known in closed form::

    nothing but zeros      sum of max(0, -l)
    bit 0 repeated         sum of max(0, -l)      bit 1 repeated      sum of max(0, +l)

In max-log arithmetic this equals the walk through their leaves, so the decoder is the plain one,
only faster. It also means that the metric of a finished path is the sum of |l| over the positions
where the word contradicts the sign of l: the smaller, the better the word correlates.
"""

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels._jit import kernel

__all__ = ["decode_list", "schedule"]

FROZEN = 0
REPEATED = 1


def schedule(information: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Cut the tree of a polar code into the blocks that the decoder handles as one.

    Parameters
    ----------
    information : bool [2^n]
        True where u carries information, False where it is frozen to 0.

    Returns
    -------
    int32 [blocks, 3]
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
    return np.array(blocks, np.int32)


@kernel
def _down_left(parent, child):  # type: ignore[no-untyped-def]
    """Min-sum check node: what the left half hears."""
    half = child.size
    for i in range(half):
        a = parent[i]
        b = parent[half + i]
        low = a if a < b else b
        high = b if a < b else a
        child[i] = low if low > -high else -high


@kernel
def _down_right(parent, left, child):  # type: ignore[no-untyped-def]
    """Variable node: what the right half hears once the left half is decided."""
    half = child.size
    for i in range(half):
        child[i] = parent[half + i] + left[i] * parent[i]


@kernel
def _penalties(values):  # type: ignore[no-untyped-def]
    """Sum what contradicts all +1, and what contradicts all -1."""
    against_plus = 0.0
    against_minus = 0.0
    for i in range(values.size):
        value = np.float64(values[i])
        if value < 0.0:
            against_plus -= value
        else:
            against_minus += value
    return against_plus, against_minus


@kernel
def _trailing_zeros(number):  # type: ignore[no-untyped-def]
    count = 0
    while number & 1 == 0:
        number >>= 1
        count += 1
    return count


@kernel
def decode_list(llr, blocks, list_size):  # type: ignore[no-untyped-def]
    """Decode one word of a polar code to the most likely information words.

    Every path writes level k of the tree at the same moment as all others, and always the whole
    of it. So a path that splits copies only the numbers of the rows it reads (`down_row`,
    `up_row`), never the rows: path p writes row p, and nobody needs the old content any more.

    Parameters
    ----------
    llr : float32 [2^n]
        Log-likelihoods in any scale, positive for bit 0; finite.
    blocks : int32 [blocks, 3]
        From `schedule`.
    list_size : int
        Number of paths that are kept; at least 1.

    Returns
    -------
    bits : uint8 [paths, information bits]
        The information words in the order of u, the best first; equal metrics in the order in
        which they came up.
    metric : float64 [paths]
        Sum of |llr| over the positions that contradict the word; ascending.
    """
    length = llr.size
    levels = _trailing_zeros(length)
    total = 0
    for block in range(blocks.shape[0]):
        total += blocks[block, 2]

    # Row p of level k lies at list_size * (2^k - 1) + p * 2^k; the root is llr itself.
    down = np.empty(list_size * (length - 1), np.float32)
    up = np.empty(list_size * (length - 1), np.float32)
    down_row = np.zeros((list_size, levels + 1), np.int32)
    up_row = np.zeros((list_size, levels + 1), np.int32)
    old_down_row = np.zeros((list_size, levels + 1), np.int32)
    old_up_row = np.zeros((list_size, levels + 1), np.int32)
    metric = np.zeros(list_size, np.float64)
    against = np.zeros((list_size, 2), np.float64)
    best = np.empty(list_size, np.float64)
    choice = np.empty(list_size, np.int32)
    sign = np.ones(list_size, np.float32)
    parent_of = np.empty((total, list_size), np.int32)
    bit_of = np.empty((total, list_size), np.uint8)
    paths = 1
    decided = 0

    for block in range(blocks.shape[0]):
        start = blocks[block, 0]
        level = blocks[block, 1]
        size = 1 << level

        # Down: one right turn where this block's subtree leaves the last one, then left turns.
        top = levels if start == 0 else _trailing_zeros(start) + 1
        for child_level in range(top - 1, level - 1, -1):
            half = 1 << child_level
            base = list_size * (half - 1)
            parent_base = list_size * (2 * half - 1)
            turn_right = start > 0 and child_level == top - 1
            for p in range(paths):
                child = down[base + p * half : base + (p + 1) * half]
                if child_level == levels - 1:
                    parent = llr
                else:
                    row = parent_base + down_row[p, child_level + 1] * 2 * half
                    parent = down[row : row + 2 * half]
                if turn_right:
                    row = base + up_row[p, child_level] * half
                    _down_right(parent, up[row : row + half], child)
                else:
                    _down_left(parent, child)
                down_row[p, child_level] = p

        for p in range(paths):
            if level == levels:
                values = llr
            else:
                row = list_size * (size - 1) + down_row[p, level] * size
                values = down[row : row + size]
            against[p, 0], against[p, 1] = _penalties(values)

        if blocks[block, 2] == FROZEN:
            for p in range(paths):
                metric[p] += against[p, 0]
                sign[p] = 1.0
        else:
            # Insert all continuations into a list of the best; equal ones stay in their order.
            kept = 0
            for p in range(paths):
                for bit in range(2):
                    value = metric[p] + against[p, bit]
                    if kept == list_size:
                        if value >= best[kept - 1]:
                            continue
                        kept -= 1
                    place = kept
                    while place > 0 and best[place - 1] > value:
                        best[place] = best[place - 1]
                        choice[place] = choice[place - 1]
                        place -= 1
                    best[place] = value
                    choice[place] = 2 * p + bit
                    kept += 1
            old_down_row[:paths] = down_row[:paths]
            old_up_row[:paths] = up_row[:paths]
            paths = kept
            for p in range(paths):
                source = choice[p] >> 1
                bit = choice[p] & 1
                metric[p] = best[p]
                sign[p] = 1.0 - 2.0 * bit
                parent_of[decided, p] = source
                bit_of[decided, p] = bit
                for k in range(level, levels):
                    down_row[p, k] = old_down_row[source, k]
                    up_row[p, k] = old_up_row[source, k]
            decided += 1

        # Up: finish the largest subtree that ends here. Its last part is this block, and before it
        # lie the left neighbours, each multiplied with all that follows it.
        end = start + size
        if end < length:
            done = _trailing_zeros(end)
            whole = 1 << done
            for p in range(paths):
                row = list_size * (whole - 1) + p * whole
                word = up[row : row + whole]
                word[whole - size :] = sign[p]
                for k in range(level, done):
                    half = 1 << k
                    row = list_size * (half - 1) + up_row[p, k] * half
                    left = up[row : row + half]
                    right = word[whole - half :]
                    target = word[whole - 2 * half : whole - half]
                    for i in range(half):
                        target[i] = left[i] * right[i]
                up_row[p, done] = p

    bits = np.empty((paths, total), np.uint8)
    order = np.argsort(metric[:paths], kind="mergesort")
    result = np.empty(paths, np.float64)
    for rank in range(paths):
        p = order[rank]
        result[rank] = metric[p]
        for k in range(total - 1, -1, -1):
            bits[rank, k] = bit_of[k, p]
            p = parent_of[k, p]
    return bits, result
