"""What a sound flows through while it is marked: ears, a comparison, the way out."""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from waarmerk.marking.job import Listener, WatermarkSeen
    from waarmerk.marking.sound_decoders import Block, SoundFacts
    from waarmerk.marking.sound_encode import Plan, SoundWriter

__all__ = ["Comparison", "Ear", "Output"]


@dataclass(slots=True)
class Ear:
    """A listener that is let go when it has heard enough."""

    listener: Listener | None
    seen: WatermarkSeen | None = None

    def feed(self, block: Block) -> None:
        """Let it hear a block."""
        if self.listener is None:
            return
        seen = self.listener.feed(block)
        if seen is not None and seen.found and seen.mark_id is not None:
            self.seen, self.listener = seen, None

    def finish(self) -> WatermarkSeen:
        """Return what it heard."""
        if self.listener is not None:
            self.seen, self.listener = self.listener.finish(), None
        assert self.seen is not None  # noqa: S101 - for the type checker
        return self.seen


class Comparison:
    """Sets the marked samples against those they came from: how much changed, what would clip."""

    def __init__(self, how: Plan, facts: SoundFacts) -> None:
        self._waiting: deque[Block] = deque()
        self._signal = self._change = 0.0
        self._scale = 2.0**-15 if facts.dtype == "int16" else 1.0
        self._limit: float | None = None
        if how.sample.startswith("int") and facts.dtype == "float32":
            bits = int(how.sample[3:])
            # The largest number below full scale that is not clipped, in single precision.
            self._limit = 1.0 - 2.0 ** (2 - min(bits, 24))

    def expect(self, block: Block) -> None:
        """Remember what will come back marked."""
        self._waiting.append(block)

    def settle(self, marked: Block) -> Block:
        """Return marked samples of which none is clipped that was not."""
        import numpy as np

        source = self._next(len(marked))
        if self._limit is not None:
            over = (np.abs(marked) > self._limit) & (np.abs(source) <= self._limit)
            if over.any():
                marked = np.where(over, np.copysign(np.float32(self._limit), marked), marked)
        before = source.astype(np.float32) * np.float32(self._scale)
        change = marked.astype(np.float32) * np.float32(self._scale) - before
        self._signal += float(np.vdot(before, before).real)
        self._change += float(np.vdot(change, change).real)
        return marked

    @property
    def sounds(self) -> bool:
        """Whether there was anything but silence."""
        return self._signal > 0.0

    @property
    def snr(self) -> float:
        """How much larger the signal is than the change, in dB."""
        if self._signal <= 0.0 or self._change <= 0.0:
            return 0.0
        return 10.0 * math.log10(self._signal / self._change)

    def _next(self, length: int) -> Block:
        import numpy as np

        parts: list[Any] = []
        while length:
            block = self._waiting.popleft()
            if len(block) > length:
                self._waiting.appendleft(block[length:])
                block = block[:length]
            parts.append(block)
            length -= len(block)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class Output:
    """Brings marked blocks to the rate and the kind of samples that the writer takes."""

    def __init__(self, writer: SoundWriter, how: Plan, facts: SoundFacts) -> None:
        self._writer = writer
        self._how = how
        self._resampler: Any = None
        if how.sample_rate != facts.sample_rate:
            import soxr

            self._resampler = soxr.ResampleStream(
                facts.sample_rate, how.sample_rate, facts.channels, dtype="float32"
            )

    def write(self, block: Block) -> None:
        """Write marked samples."""
        if self._resampler is not None:
            block = self._resampler.resample_chunk(self._as_float(block))
        if len(block):
            self._writer.write(self._as_wanted(block))

    def close(self) -> None:
        """Finish the file."""
        if self._resampler is not None:
            import numpy as np

            empty = np.zeros((0, self._how.channels), np.float32)
            rest = self._resampler.resample_chunk(empty, last=True)
            if len(rest):
                self._writer.write(self._as_wanted(rest))
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file as it is; what went wrong is told already."""
        with suppress(Exception):
            self._writer.abandon()

    def _as_wanted(self, block: Block) -> NDArray[Any]:
        import numpy as np

        sample = self._how.sample
        if not sample.startswith("int"):
            return self._as_float(block)
        if block.dtype == np.int16:
            if sample == "int16":
                return block
            return block.astype(np.int32) << 16
        bits = int(sample[3:])
        scale = 2.0 ** (bits - 1)
        values = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
        return values.astype(np.int16) if bits == 16 else values.astype(np.int32) << (32 - bits)

    @staticmethod
    def _as_float(block: Block) -> NDArray[Any]:
        import numpy as np

        if block.dtype == np.int16:
            return block.astype(np.float32) * np.float32(2.0**-15)
        return block
