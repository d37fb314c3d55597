"""The 64 bits a watermark carries, and the code that carries them through damage.

Every modality uses the same payload and the same code, so that an id can be looked up without
knowing what it was read from::

    MarkId   kind (1 bit) + random id (63 bits)              64 bits
    checked  MarkId + CRC-16                                 80 bits
    word     polar code, one +-1 for every position of it    512, 1024, 2048, ... values

Both formats are fixed for good: changing anything that `Code.encode` depends on would make every
mark that was ever written unreadable.
"""

import binascii
import math
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Self

from waarmerk.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Code", "Kind", "MarkId"]

Kind = Literal["generated", "altered"]

ID_BITS = 64
CRC_BITS = 16
CRC_START = 0xFFFF  # with x^16 + x^12 + x^5 + 1 of ITU-T V.41: CRC-16/IBM-3740
KINDS: tuple[Kind, Kind] = ("generated", "altered")


@dataclass(frozen=True, slots=True)
class MarkId:
    """What a watermark says: how the content came about, and a random number to look it up by.

    The number is random and says nothing about a user, a prompt or a time.

    Parameters
    ----------
    value : int
        64 bits; the top one is the kind: 0 generated, 1 altered.

    Raises
    ------
    InputError
        If the value is not an integer of 64 bits.

    Examples
    --------
    >>> mark_id = MarkId.from_hex("8000000000000001")
    >>> mark_id.kind, int(mark_id)
    ('altered', 9223372036854775809)
    """

    value: int

    def __post_init__(self) -> None:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise InputError(f"a mark id is an integer of 64 bits, not {self.value!r}")
        if not 0 <= self.value < 1 << ID_BITS:
            raise InputError(f"a mark id has 64 bits; {self.value} lies outside of them")

    @classmethod
    def random(cls, kind: Kind = "generated") -> Self:
        """Draw a new id from the system's source of secrets.

        Parameters
        ----------
        kind : {"generated", "altered"}
            Whether the content is made by a model, or real content changed by one.
        """
        if kind not in KINDS:
            raise InputError(f"a mark is of kind 'generated' or 'altered', not {kind!r}")
        return cls(KINDS.index(kind) << (ID_BITS - 1) | secrets.randbits(ID_BITS - 1))

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read an id written as 16 hexadecimal digits, in either case.

        Raises
        ------
        InputError
            If the text is anything else; signs, spaces and ``0x`` are not accepted.
        """
        digits = "0123456789abcdefABCDEF"
        if len(text) != ID_BITS // 4 or any(character not in digits for character in text):
            raise InputError(f"a mark id is 16 hexadecimal digits, not {text!r}")
        return cls(int(text, 16))

    @property
    def hex(self) -> str:
        """The id as 16 lower-case hexadecimal digits."""
        return f"{self.value:016x}"

    @property
    def kind(self) -> Kind:
        """Whether the content was generated, or real content that was altered."""
        return KINDS[self.value >> (ID_BITS - 1)]

    def __int__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return self.hex


class Code:
    """The error-correcting code of a given length: 64 bits to +-1 values and back.

    Parameters
    ----------
    length : int
        Number of +-1 values, a power of two of at least 128.
    list_size : int, optional
        Candidates that the decoder follows. Decoding time grows in proportion.

    Raises
    ------
    ValueError
        If the length is not such a power of two, or the list is empty.

    Examples
    --------
    >>> code = Code(512)
    >>> word = code.encode(MarkId.from_hex("0123456789abcdef"))
    >>> word.shape, word.dtype
    ((512,), dtype('int8'))
    >>> code.decode(word.astype("float32"))[0].hex
    '0123456789abcdef'
    """

    __slots__ = ("_blocks", "_positions", "length", "list_size")

    def __init__(self, length: int, list_size: int = 32) -> None:
        if length < 128 or length & (length - 1):
            raise ValueError(f"the length of a code is a power of two from 128, not {length}")
        if list_size < 1:
            raise ValueError(f"a list decoder keeps at least one path, not {list_size}")
        self.length = length
        self.list_size = list_size
        self._positions, self._blocks = _layout(length)

    def __repr__(self) -> str:
        return f"Code(length={self.length}, list_size={self.list_size})"

    def encode(self, mark_id: MarkId) -> "NDArray[np.int8]":
        """Give the word of an id; a detector correlates with it for an exact p-value.

        Returns
        -------
        int8 [length]
            +1 for bit 0, -1 for bit 1.
        """
        import numpy as np

        word = np.zeros(self.length, np.int8)
        word[self._positions] = _bits(_checked(mark_id.value))
        half = 1
        while half < self.length:
            pairs = word.reshape(-1, 2, half)
            pairs[:, 0] ^= pairs[:, 1]
            half *= 2
        return (1 - 2 * word).astype(np.int8)

    def decode(self, llr: "NDArray[np.floating]") -> list[MarkId]:
        """Find the ids whose words agree best with what was received.

        The decoder always has an opinion. What comes out is a short list of candidates whose CRC
        is right, and pure noise gives one too in `list_size` of 65536 cases. Whether a candidate
        is there is decided by the correlation with its word (`encode`), not by this method.

        Parameters
        ----------
        llr : float [length]
            Soft values, positive where +1 is more likely. Only their ratios matter.

        Returns
        -------
        list of MarkId
            The best first; empty if no path has the right CRC, or if all values are 0.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is NaN or infinite.
        """
        import numpy as np

        if llr.shape != (self.length,):
            raise ValueError(f"this code reads {self.length} values, not an array of {llr.shape}")
        largest = float(np.max(np.abs(llr)))
        if not np.isfinite(largest):
            raise ValueError("soft values must be finite")
        if largest == 0.0:
            return []
        from waarmerk.kernels.polar import decode_list

        scaled = np.ascontiguousarray(llr / largest, np.float32)
        words, _ = decode_list(scaled, self._blocks, self.list_size)
        found = []
        for row in np.packbits(words, axis=1):
            checked = int.from_bytes(row.tobytes(), "big")
            if checked == _checked(checked >> CRC_BITS):
                found.append(MarkId(checked >> CRC_BITS))
        return found


def _checked(value: int) -> int:
    """Append the CRC to the 64 bits."""
    data = value.to_bytes(ID_BITS // 8, "big")
    return value << CRC_BITS | binascii.crc_hqx(data, CRC_START)


def _bits(checked: int) -> "NDArray[np.uint8]":
    """Write a checked value as bits, the highest first."""
    import numpy as np

    data = checked.to_bytes((ID_BITS + CRC_BITS) // 8, "big")
    return np.unpackbits(np.frombuffer(data, np.uint8))


@lru_cache(maxsize=16)
def _layout(length: int) -> "tuple[NDArray[np.intp], NDArray[np.int64]]":
    """Choose the positions that carry information, and cut the tree for the decoder.

    Positions are ranked by their polarisation weight, the sum of 2^(j/4) over the set bits j of the
    index. In whole numbers that needs no floating point, so that every machine gives the same code,
    and it can be specified in one line. Density evolution at the noise where 80 bits get through
    exchanges up to three positions and gains about 0.05 dB.
    """
    import numpy as np

    from waarmerk.kernels.polar import schedule

    index = np.arange(length)
    weight = np.zeros(length, np.int64)
    for j in range(length.bit_length() - 1):
        weight += (index >> j & 1) * math.isqrt(math.isqrt(1 << (160 + j)))  # 2^(40 + j/4)
    best = np.lexsort((-index, -weight))[: ID_BITS + CRC_BITS]
    positions = np.sort(best)
    information = np.zeros(length, np.bool_)
    information[positions] = True
    return positions, schedule(information)
