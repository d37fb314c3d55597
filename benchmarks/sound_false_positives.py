"""Checks the promise that p-values hold for any sound.

``python -m benchmarks.sound_false_positives --data DIR --out results/sound_false_positives.jsonl``

Speech and music without a mark, whole and in excerpts, changed ones, ones marked with *another*
key, loops, noise, tones, chirps, clicks, silence and constants are read with keys that never marked
anything. Every (content, key) pair has a key of its own; `benchmarks.false_positives` says what a
row holds and how the counts are judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.false_positives import FIELDS, arguments, drive, evidence
from benchmarks.run_sound import EXCERPTS
from waarmerk.bench.content.sounds import Piece, pieces, places, synthetic
from waarmerk.bench.marks import bench_id, bench_key, hear_each
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.transformations.audio import apply_sound
from waarmerk.bench.transformations.sound_codecs import Sound

CHANGES = (
    "mp3_32",
    "aac_64",
    "opus_12_voip",
    "gsm",
    "noise_20",
    "background_15",
    "denoise",
    "compress",
    "reverb_strong",
    "speed_1.05",
    "stretch_0.9",
    "wsola_1.1",
    "pitch_+1",
    "chain",
)
AFTER_OTHER_KEY = ("identity", "opus_16", "speed_0.95", "stretch_1.05", "chain")
PLACES = 2  # of each length of excerpt
LOOPS = (0.64, 1.28, 2.56)  # seconds


@dataclass(frozen=True, slots=True)
class Content:
    """One content without a mark of the keys that are asked: its class and how to make it."""

    group: str
    piece: Piece | None
    change: str

    @property
    def name(self) -> str:
        """Its name in a row."""
        return f"{self.piece.name if self.piece else 'synthetic'}/{self.change}"


def contents(data: Path, half: str) -> Iterator[Content]:
    """Yield every content; the classes are the values of ``group``."""
    for piece in pieces(data, half):
        yield Content(piece.kind, piece, "identity")
        samples, rate = piece.load()
        for name, seconds in EXCERPTS.items():
            for index in range(len(places(samples, rate, seconds, PLACES, piece.name))):
                yield Content("excerpt", piece, f"{name}/{index}")
        for change in CHANGES:
            yield Content("changed", piece, change)
        for change in AFTER_OTHER_KEY:
            yield Content("another key's mark", piece, change)
        for seconds in LOOPS:
            yield Content("loop", piece, f"loop_{seconds:g}")
    for group, name, _ in synthetic():
        yield Content(group, None, name)


def make(content: Content) -> Sound:
    """Return the sound of a content."""
    piece, change = content.piece, content.change
    if piece is None:
        [sound] = [x for group, name, x in synthetic() if (group, name) == (content.group, change)]
        return sound, 16000
    samples, rate = piece.load()
    kind, _, number = change.partition("_")
    if kind == "excerpt":
        name, _, index = change.partition("/")
        start = places(samples, rate, EXCERPTS[name], PLACES, piece.name)[int(index)]
        return samples[start : start + round(EXCERPTS[name] * rate)], rate
    if kind == "loop":
        [start] = places(samples, rate, float(number), 1, content.name) or [0]
        period = samples[start : start + round(float(number) * rate)]
        return np.resize(period, samples.shape), rate
    if content.group == "another key's mark":
        from waarmerk import mark_audio

        key, mark_id = bench_key("another", content.name), bench_id("another", content.name)
        samples = mark_audio(samples, rate, key, mark_id=mark_id).content
    return apply_sound(change, samples, rate, content.name, data=piece.path.parent)


def measure(task: tuple[Content, str, int]) -> Row:
    """Return the row of one content at one effort."""
    from waarmerk import detect_audio
    from waarmerk.errors import CannotMarkError

    content, effort, number = task
    name = {"class": content.group, "content": content.name, "effort": effort}
    try:
        samples, rate = make(content)
    except CannotMarkError:  # so there is no sound with another key's mark to ask about
        return {**name, "log10_p": [], "family": 0.0}
    return name | evidence(
        [bench_key("sound false positives", content.name, index) for index in range(number)],
        lambda keys: hear_each(samples, rate, keys, effort),
        lambda keys: detect_audio(samples, rate, keys=keys, effort=effort),
    )


def main() -> None:
    """Run from the command line."""
    parser = arguments(keys=8)
    parser.description = __doc__.partition("\n")[0]
    parser.add_argument("--out", type=Path, default=Path("results/sound_false_positives.jsonl"))
    parser.add_argument("--half", choices=["tuning", "reporting", "both"], default="both")
    options = parser.parse_args()
    out = ResultFile(options.out, FIELDS, {"keys": options.keys}, medium="audio")
    todo = [
        (content, effort, options.keys)
        for effort in options.efforts.split(",")
        for content in contents(options.data, options.half)
        if {"class": content.group, "content": content.name, "effort": effort} not in out
    ]
    drive(out, measure, todo, options)


if __name__ == "__main__":
    main()
