"""How the bits of SynthID's layers follow from the hash of an n-gram."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from waarmerk.kernels import text_synthid as kernels
from waarmerk.marking.text.tournament import WORD

__all__ = ["MASK", "MULTIPLIER", "WORD", "Bits", "sampling_table", "steps"]

Words = NDArray[np.uint32] | NDArray[np.uint64]

MULTIPLIER = 6364136223846793005
MASK = (1 << 64) - 1
LARGEST_PACK = 1 << 16
"""Entries of the largest sampling table whose bits are packed for every state."""


class Bits:
    """How the bits of the layers follow from the hash of an n-gram.

    Parameters
    ----------
    keys
        One for every layer.
    table
        uint8 [size] of the transformers variant; None for synthid-text.
    """

    __slots__ = ("_keys", "_table", "dtype", "keys", "packs", "states")

    def __init__(self, keys: tuple[int, ...], table: NDArray[np.uint8] | None) -> None:
        self.keys = keys
        self._keys = np.array(keys, np.int64).view(np.uint64)
        self._table = table
        # Hashes that are equal modulo the states have equal bits.
        power = table is not None and table.size & (table.size - 1) == 0
        self.states = table.size if table is not None and power else 1 << 64
        # For every 64 layers the words of all states; nothing where there are too many of them.
        self.packs: list[Words] = []
        self.dtype: Any = np.uint64
        if table is None or self.states > LARGEST_PACK:
            return
        self.dtype = np.uint32 if len(keys) <= 32 else np.uint64
        state = np.arange(self.states, dtype=np.uint64)
        for layers in np.split(self._keys, range(WORD, len(keys), WORD)):
            pack = np.zeros(self.states, self.dtype)
            for layer, key in enumerate(layers):
                bit = table[steps(state + key) & np.uint64(self.states - 1)]
                pack |= bit.astype(self.dtype) << self.dtype(layer)
            self.packs.append(pack)

    @property
    def ones(self) -> float:
        """The probability of a 1: the share of ones in the table, ½ where there is none."""
        return 0.5 if self._table is None else float(self._table.mean())

    def distinct(self) -> list[int]:
        """Return the layers whose bits are not those of an earlier layer."""
        first: dict[int, int] = {}
        for layer, key in enumerate(self.keys):
            first.setdefault(key % self.states, layer)
        return list(first.values())

    def look_up(self, hashes: NDArray[np.uint64], block: int, words: Words) -> None:
        """Write the word of 64 layers, from layer ``64 * block``, for every hash."""
        if self.packs:
            kernels.packed_layers(hashes, self.packs[block], words)
            return
        keys = self._keys[WORD * block : WORD * (block + 1)]
        words = cast("NDArray[np.uint64]", words)
        if self._table is None:
            kernels.mixed_layers(hashes, keys, words)
        else:
            kernels.table_layers(hashes, keys, self._table, words)

    def layer_hashes(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Hash the keys of all layers in: uint64 [n, depth]."""
        return steps(hashes[:, None] + self._keys)

    def of(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Give the bits one by one: uint8 [n, depth]."""
        out = np.empty((hashes.size, len(self.keys)), np.uint8)
        words = np.empty(hashes.size, self.dtype)
        for block, start in enumerate(range(0, len(self.keys), WORD)):
            self.look_up(hashes, block, words)
            part = out[:, start : start + WORD]
            rows = words.astype("<u8").view(np.uint8).reshape(-1, 8)
            part[:] = np.unpackbits(rows, axis=1, bitorder="little")[:, : part.shape[1]]
        return out


def steps(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finish a step of hashing, after what is to be hashed was added."""
    return values * np.uint64(MULTIPLIER) + np.uint64(1)


def sampling_table(size: int, seed: int) -> NDArray[np.uint8]:
    """Draw the table as PyTorch's ``randint(0, 2)`` on the CPU does: the lowest bits of MT19937."""
    # The legacy generator is the one whose seeding is that of PyTorch.
    generator = np.random.RandomState(seed & 0xFFFFFFFF)
    drawn = generator.randint(0, 1 << 32, size, np.uint32)
    return (drawn & np.uint32(1)).astype(np.uint8)
