"""The scheme ``waarmerk.image.1``: the numbers that marker and detector share, and a key's pattern.

A picture is brought onto the *canonical grid* (short side 512) and covered with tiles of 128 x 128.
In the Fourier plane of a tile::

        rows (y)
          ▲   · · ● · ·        ●  synchronisation lines: public places, phases from the key;
          │  ·  · · ●  ·          the same in every tile, so they show at any crop
          │ · ● ·   · · ·      ·  payload lines: each carries one coded bit, in every tile
          └──────────────▶        with other phases and another order of the bits, so that
                 columns (x)      nothing repeats from tile to tile

The places of the synchronisation lines are closed under right-angle rotations and mirrors: one
search over scale and angle serves all eight orientations, without a key.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import Code, MarkId

__all__ = ["ORIENTATIONS", "SCHEME", "ImageScheme", "KeyPattern", "key_pattern", "sync_sign"]

# How a picture was turned after marking: point p of the marked picture lies at M p (+ shift).
# Columns (x, y), y downwards; the first is "not turned".
ORIENTATIONS: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = (
    ((1, 0), (0, 1)),
    ((0, -1), (1, 0)),
    ((-1, 0), (0, -1)),
    ((0, 1), (-1, 0)),
    ((-1, 0), (0, 1)),
    ((0, -1), (-1, 0)),
    ((1, 0), (0, -1)),
    ((0, 1), (1, 0)),
)


@dataclass(frozen=True)
class ImageScheme:
    """Parameters of the mark. Frozen with the version: a change of any of them is a new scheme."""

    name: str = "waarmerk.image.1"
    short_side: int = 512  # canonical pixels
    tile: int = 128  # canonical pixels
    lowest: float = 0.05  # of the payload band, cycles per canonical pixel
    code_length: int = 1024
    lines_per_bit: int = 2
    sync_ring: tuple[float, float] = (0.08, 0.28)  # cycles per canonical pixel
    sync_orbits: int = 16  # of four lines each (eight with their conjugates)
    grid: int = 8  # payload patterns repeat after this many tiles, in either direction
    luma: tuple[float, float, float] = (0.299, 0.587, 0.114)  # Rec. 601, as JPEG and libwebp use
    # The detector's view of a picture, which informed embedding must know too.
    high_pass: int = 4
    neighbourhood: int = 6
    floor: float = 2.0
    clip: float = 3.0

    @cached_property
    def sync_lines(self) -> NDArray[np.int64]:
        """Synchronisation lines [L, 2] as (x, y) in cycles per tile, in the upper half-plane.

        Chosen by the generator x -> 75 x mod 65537 (starting at 1) as a fixed shuffle of all
        generic points of the ring; public, and closed under the eight orientations.
        """
        low, high = (self.tile * limit for limit in self.sync_ring)
        points = [
            (x, y)
            for x in range(2, self.tile // 2)
            for y in range(1, x)
            if low <= (x * x + y * y) ** 0.5 <= high
        ]
        state = 1
        keyed = []
        for point in points:
            state = state * 75 % 65537
            keyed.append((state, point))
        chosen = [point for _, point in sorted(keyed)[: self.sync_orbits]]
        lines = [line for x, y in chosen for line in ((x, y), (-x, y), (y, x), (-y, x))]
        return np.array(lines, np.int64)

    @cached_property
    def payload_lines(self) -> NDArray[np.int64]:
        """Payload lines [code_length * lines_per_bit, 2]: the lowest free ones above the limit."""
        taken = {(int(x), int(y)) for x, y in self.sync_lines}
        half = self.tile // 2
        free = [
            (x * x + y * y, y, x)
            for y in range(half)
            for x in range(-half + 1, half)
            if (y > 0 or x > 0) and (x, y) not in taken
        ]
        free = [entry for entry in sorted(free) if entry[0] >= (self.lowest * self.tile) ** 2]
        count = self.code_length * self.lines_per_bit
        return np.array([(x, y) for _, y, x in free[:count]], np.int64)

    @cached_property
    def turned_lines(self) -> NDArray[np.int64]:
        """Where each synchronisation line shows after each turn: ``M k`` [8, L, 2]."""
        return np.array([self.sync_lines @ np.array(m).T for m in ORIENTATIONS])

    @cached_property
    def orientation_lines(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each synchronisation line goes under each orientation.

        Returns
        -------
        index : int64 [8, L]
            Which synchronisation line the turned line is.
        conjugate : bool [8, L]
            Whether it is that line's conjugate.
        """
        place = {(int(x), int(y)): k for k, (x, y) in enumerate(self.sync_lines)}
        index = np.empty((len(ORIENTATIONS), len(self.sync_lines)), np.int64)
        conjugate = np.empty(index.shape, np.bool_)
        for o, lines in enumerate(self.turned_lines):
            for k, (x, y) in enumerate(lines):
                turned = (int(x), int(y))
                conjugate[o, k] = turned not in place
                if conjugate[o, k]:
                    turned = (-turned[0], -turned[1])
                index[o, k] = place[turned]
        return index, conjugate

    @cached_property
    def code(self) -> Code:
        """The error-correcting code of the payload."""
        return Code(self.code_length)

    def canonical_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a picture on the canonical grid."""
        short = min(height, width)
        return (
            max(self.short_side, round(height * self.short_side / short)),
            max(self.short_side, round(width * self.short_side / short)),
        )


SCHEME = ImageScheme()


@dataclass(frozen=True, eq=False)
class KeyPattern:
    """What a key makes of the scheme.

    Attributes
    ----------
    sync_phase : float64 [L]
        Phase of each synchronisation line, radians.
    payload_phase : uint8 [grid * grid, lines]
        Phase of each payload line in each tile of the grid, in 256ths of a turn.
    payload_place : int64 [lines]
        Place of each payload line in the order of the coded bits, twice 0 ... code_length - 1.
    payload_start : int64 [grid * grid]
        Where that order starts in each tile: line k of tile t carries the coded bit
        ``(payload_place[k] + payload_start[t]) % code_length``.
    """

    sync_phase: NDArray[np.float64]
    payload_phase: NDArray[np.uint8]
    payload_place: NDArray[np.int64]
    payload_start: NDArray[np.int64]

    @cached_property
    def sync_turn(self) -> NDArray[np.complex64]:
        """What turns each synchronisation line of this key to angle 0 [L]."""
        turn: NDArray[np.complex64] = np.exp(-1j * self.sync_phase).astype(np.complex64)
        return turn


def sync_sign(mark_id: MarkId) -> float:
    """Give the sign of the synchronisation: -1 for odd ids, so that averages cancel it."""
    return -1.0 if int(mark_id) & 1 else 1.0


@lru_cache(maxsize=1024)
def key_pattern(key: MarkingKey) -> KeyPattern:
    """Derive the pattern of a key from its streams ``sync`` and ``payload`` of the scheme."""
    scheme = SCHEME
    sync = key.stream(scheme.name, "sync")
    payload = key.stream(scheme.name, "payload")
    count = len(scheme.payload_lines)
    tiles = scheme.grid**2
    place = np.empty(count, np.int64)
    place[payload.permutation(count)] = np.arange(count) % scheme.code_length
    return KeyPattern(
        sync_phase=sync.phases(len(scheme.sync_lines)),
        payload_place=place,
        payload_start=payload.uint32(tiles).astype(np.int64) % scheme.code_length,
        payload_phase=np.frombuffer(payload.bytes(tiles * count), np.uint8).reshape(tiles, count),
    )
