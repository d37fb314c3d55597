"""The scheme ``waarmerk.audio.1``: the numbers that marker and detector share, a key's pattern.

Sound is looked at as a table of levels, 100 frames a second and 24 bands::

    band                     a tile: 128 frames, 1.28 s
     23 │+-+--+++-+- ...     every cell carries one coded bit, six cells a bit, with signs and
      : │-++-+--+-++ ...     places from the key that differ from tile to tile (payload); with it
      0 │+--+-+++--+ ...     run twelve oscillations a band, the same in every tile, with phases
        └───────────▶ time   from the key (synchronisation): eight slow ones, which outlive
                             reverberation and phase vocoders, and four fast ones

The frequencies of the oscillations are public: where in time a tile starts, and at what speed it
plays, shows in the spectrum of the table without a key. A mark starts at a frame that the mark id
and the key choose, so that many marked recordings laid over each other do not line up.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import Code, MarkId

__all__ = [
    "SCHEME",
    "AudioScheme",
    "KeyPattern",
    "key_pattern",
    "start_frame",
    "sync_sign",
    "sync_turn",
]


@dataclass(frozen=True)
class AudioScheme:
    """Parameters of the mark. Frozen with the version: a change of any of them is a new scheme."""

    name: str = "waarmerk.audio.1"
    frame_rate: int = 100  # frames a second
    tile: int = 128  # frames
    bands: int = 24
    lowest: float = 250.0  # Hz
    highest: float = 6500.0  # Hz
    knee: float = 1000.0  # Hz: bands are evenly wide in log(1 + f / knee)
    slow_lines: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10, 11)  # cycles per tile, in every band
    fast_lines: tuple[int, ...] = (15, 20, 26, 33)
    slow_share: float = 0.55  # of the energy of the mark
    fast_share: float = 0.12
    limit: float = 1.5  # of the pattern, in its deviations
    payload_tiles: int = 16  # after so many tiles the pattern of the payload repeats
    code_length: int = 512
    analysis_rate: int = 16000  # Hz, of the detector

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """Limits of the bands [bands + 1], Hz."""
        low, high = (np.log1p(f / self.knee) for f in (self.lowest, self.highest))
        edges: NDArray[np.float64] = np.expm1(np.linspace(low, high, self.bands + 1)) * self.knee
        return edges

    @cached_property
    def code(self) -> Code:
        """The error-correcting code of the payload."""
        return Code(self.code_length)

    @property
    def sync_lines(self) -> tuple[int, ...]:
        """All lines of the synchronisation, the slow ones first."""
        return self.slow_lines + self.fast_lines

    @property
    def cycle(self) -> int:
        """Frames after which everything repeats."""
        return self.tile * self.payload_tiles


SCHEME = AudioScheme()


@dataclass(frozen=True, eq=False)
class KeyPattern:
    """What a key makes of the scheme.

    Attributes
    ----------
    sync_phase : float64 [lines, bands]
        Phase of each oscillation at the first frame of a tile, radians.
    payload_sign : int8 [cycle, bands]
        Sign of each cell.
    payload_place : int16 [cycle, bands]
        Which coded bit each cell carries.
    """

    sync_phase: NDArray[np.float64]
    payload_sign: NDArray[np.int8]
    payload_place: NDArray[np.int16]

    @cached_property
    def sync_turn(self) -> NDArray[np.complex64]:
        """What turns each oscillation of this key to angle 0 [lines, bands]."""
        turn: NDArray[np.complex64] = np.exp(-1j * self.sync_phase).astype(np.complex64)
        return turn

    @cached_property
    def sign_rows(self) -> NDArray[np.int8]:
        """`payload_sign` with time along memory [bands, cycle]."""
        return np.ascontiguousarray(self.payload_sign.T)

    @cached_property
    def place_rows(self) -> NDArray[np.int16]:
        """`payload_place` with time along memory [bands, cycle]."""
        return np.ascontiguousarray(self.payload_place.T)


@lru_cache(maxsize=64)
def key_pattern(key: MarkingKey) -> KeyPattern:
    """Derive the pattern of a key from its streams ``sync`` and ``payload`` of the scheme."""
    scheme = SCHEME
    sync = key.stream(scheme.name, "sync")
    payload = key.stream(scheme.name, "payload")
    cells = scheme.tile * scheme.bands
    # Every tile holds every coded bit equally often; where is drawn once, and turned by a random
    # number of places from tile to tile.
    place = np.empty(cells, np.int64)
    place[payload.permutation(cells)] = np.arange(cells) % scheme.code_length
    start = payload.uint32(scheme.payload_tiles).astype(np.int64) % scheme.code_length
    places = (place[None, :] + start[:, None]) % scheme.code_length
    shape = (scheme.cycle, scheme.bands)
    return KeyPattern(
        sync_phase=sync.phases(len(scheme.sync_lines) * scheme.bands).reshape(-1, scheme.bands),
        payload_sign=payload.signs(shape[0] * shape[1]).reshape(shape),
        payload_place=places.reshape(shape).astype(np.int16),
    )


@lru_cache(maxsize=4096)
def sync_turn(key: MarkingKey) -> NDArray[np.complex64]:
    """Give `KeyPattern.sync_turn` of a key alone, which takes a hundredth of the time and memory.

    A key that finds nothing needs no more.
    """
    lines = len(SCHEME.sync_lines)
    phase = key.stream(SCHEME.name, "sync").phases(lines * SCHEME.bands).reshape(lines, -1)
    turn: NDArray[np.complex64] = np.exp(-1j * phase).astype(np.complex64)
    return turn


def sync_sign(mark_id: MarkId) -> float:
    """Give the sign of the synchronisation: -1 for odd ids, so that averages cancel it."""
    return -1.0 if int(mark_id) & 1 else 1.0


def start_frame(key: MarkingKey, mark_id: MarkId) -> int:
    """Give the frame of the cycle that a recording starts with: another for every id."""
    return int(key.stream(SCHEME.name, f"start {mark_id.hex}").uint32(1)[0]) % SCHEME.cycle
