"""Your own watermark in the benchmark suite: blind-watermark from PyPI, as an example to copy.

::

    pip install "waarmerk[bench]" blind-watermark
    waarmerk bench run --suite image --scheme waarmerk.image.1 \
        --scheme examples/bench_scheme.py:BlindWatermark --out compared.jsonl
    waarmerk bench report compared.jsonl -o compared.html

A scheme is any class with the five members below; it needs no base class and no registration. What
it can raise, and what its answers mean, says `waarmerk.bench.protocol.Scheme`. For a scheme of
sound, a value is a `waarmerk.bench.protocol.Sound`; for one of text, token ids, and `mark` writes
the marked text itself, with ``content.generator()``.
"""

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np

from waarmerk.bench.protocol import Content, Marked, Reading, RefusedError
from waarmerk.bench.seeds import rng_for

# When imported, it chooses for all of Python how processes start, and fails in the suite's workers,
# where that has been chosen. Look for such things if your scheme works alone and not in the suite.
with patch("multiprocessing.set_start_method"):
    import blind_watermark

blind_watermark.bw_notes.close()  # it would greet on standard output

BITS = 64


class BlindWatermark:
    """blind-watermark with its default strength, 64 bits, and passwords that follow from the key.

    The suite makes the scheme by calling this without arguments, in every worker process anew; so
    nothing may depend on what another process did, or on what was marked before.
    """

    name = "my blind-watermark"  # stands in rows and reports
    medium = "image"  # or "audio", or "text"
    keyed = True  # False: the suite does not try wrong keys
    decides = False  # it reads bits from anything; leave this out for one that can say no

    def mark(self, content: Content, value: np.ndarray, key: int, number: int = 0) -> Marked:
        """Mark a picture: uint8 [height, width, 3] in RGB order, which is not changed in place."""
        # The payload follows from names, so that every run repeats it; attackers ask for further
        # numbers of the same content to get copies that differ in their payload.
        payload = rng_for("payload", self.name, content.name, key, number).bytes(BITS // 8)
        marker = self._marker(key)
        marker.read_img(img=value[:, :, ::-1].copy())  # OpenCV's order: BGR
        marker.read_wm(np.unpackbits(np.frombuffer(payload, np.uint8)).astype(bool), mode="bit")
        try:
            marked = marker.embed()
        except AssertionError as error:  # so it says that a picture is too small
            # A refusal is a row of its own in the report, and no failure of the run.
            raise RefusedError(f"too small for {BITS} bits") from error
        bgr = np.clip(np.rint(marked), 0, 255).astype(np.uint8)
        return Marked(np.ascontiguousarray(bgr[:, :, ::-1]), payload.hex())

    def read(self, value: np.ndarray, keys: Sequence[int]) -> list[Reading]:
        """Look for the mark of each key by itself: one reading a key, in their order."""
        return [self._read(value, key) for key in keys]

    def _read(self, value: np.ndarray, key: int) -> Reading:
        marker = self._marker(key)
        try:
            found = marker.extract(embed_img=value[:, :, ::-1].copy(), wm_shape=BITS, mode="bit")
        except AssertionError:  # cut to fewer pixels than the payload takes: it was not read
            return Reading(found=None)
        # It gives bits for every picture and never says that there is no mark: `found` is None, and
        # so is log10_p. A scheme that decides says True or False; one that has a p-value gives its
        # log10, and the suite checks it against pictures without a mark.
        payload = np.packbits(np.asarray(found, dtype=bool)).tobytes().hex()
        return Reading(found=None, payload=payload)

    def _marker(self, key: int) -> blind_watermark.WaterMark:
        picture, mark = rng_for("passwords", key).integers(1 << 32, size=2)
        return blind_watermark.WaterMark(password_img=int(picture), password_wm=int(mark))
