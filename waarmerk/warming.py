"""Compiling every kernel at once, by marking and finding a little of everything."""

import io
import time

import numpy as np
from PIL import Image

from waarmerk.api import detect_audio, detect_image, detect_text, mark_audio, mark_image
from waarmerk.detection.file import detect_bytes
from waarmerk.marking.key import MarkingKey
from waarmerk.marking.payload import MarkId
from waarmerk.marking.text import KGW, Gumbel, SynthID, TextMark, generate
from waarmerk.marking.text.scheme import Ids, Scores, TextScheme

__all__ = ["warm_all"]


def warm_all() -> float:
    """Compile everything; return the seconds that it took."""
    start = time.perf_counter()
    key = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z")
    # Blotches and grain: much texture, so that it always holds a mark.
    rng = np.random.default_rng(1)
    blotches = np.kron(rng.integers(50, 200, (160, 192, 3)), np.ones((4, 4, 1)))
    blotches = (blotches + np.roll(blotches, (2, 2), (0, 1))) / 2
    grain = rng.normal(0.0, 6.0, blotches.shape)
    picture = np.clip(blotches + grain, 0, 255).astype(np.uint8)
    mark_id = MarkId.from_hex("0123456789abcdef")
    for pixels in (picture, np.ascontiguousarray(picture[:, :, 0])):
        marked = mark_image(pixels, key, mark_id=mark_id).content
        detect_image(marked, key, effort="fast")
        detect_image(np.ascontiguousarray(marked[40:-90, 60:-50]), key)  # found by the search
        detect_image(pixels, key)  # found by nothing
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    detect_bytes(file.getvalue(), "picture.png", key, effort="fast")  # marks of others
    _warm_sound(key, mark_id)
    _warm_text(key, mark_id)
    return time.perf_counter() - start


def _warm_sound(key: MarkingKey, mark_id: MarkId) -> None:
    """Mark and look for marks in every way of doing so, in a noise that swells and fades."""
    rate = 16_000
    seconds = np.arange(6 * rate) / rate
    noise = np.random.default_rng(1).normal(0.0, 0.1, (len(seconds), 2))
    sound = (noise * (1.1 + np.sin(5.0 * seconds))[:, None]).astype(np.float32)
    marked = mark_audio(sound, rate, key, mark_id=mark_id).content
    whole = np.rint(marked[:, 0] * 32000).astype(np.int16)
    mark_audio(whole, rate, key, mark_id=mark_id)
    detect_audio(whole, rate, key, effort="fast")
    faster = np.interp(
        np.arange(0.0, len(seconds) - 1, 1.05), np.arange(len(seconds)), marked[:, 0]
    )
    detect_audio(faster.astype(np.float32), rate, key)  # found by the search
    other = MarkingKey(bytes(31) + b"1", created="2026-01-01T00:00:00Z")
    detect_audio(sound, rate, [key, other])  # found by nothing


def _warm_text(key: MarkingKey, mark_id: MarkId) -> None:
    """Write and look for a text with every scheme, from all tokens and from those of top-k."""
    width = 600
    logits = np.random.default_rng(1).normal(0.0, 1.0, width).astype(np.float32)

    def model(_ids: Ids) -> Scores:
        return logits

    schemes: list[TextScheme] = [
        TextMark(key, mark_id),
        SynthID(range(30)),
        SynthID(range(40)),  # more than 32 layers need wider words
        SynthID(range(3), sampling_table_size=1000),  # is looked up layer by layer
        SynthID(range(30), variant="synthid-text", num_leaves=3),
        KGW(width),
        KGW(width, seeding="selfhash", context_width=4),
        Gumbel(1),
        Gumbel(1, "sglang"),
        Gumbel(1, "sglang", dual=0.5, second_key=2),
        Gumbel(1, dual=0.5),
    ]
    for variant in ("vllm", "sglang"):
        Gumbel(1, variant).uniforms([[1, 2, 3, 4]], [[5]])
    for scheme in schemes:
        for top_k, count in ((0, 260), (50, 20)):
            ids = generate(model, [1, 2, 3, 4], scheme, max_tokens=count, rng=1, top_k=top_k)
            detect_text(ids, scheme, min_tokens=0)
