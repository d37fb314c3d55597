"""Measures audiowmark on the same sounds and the same changes.

``python -m benchmarks.sound_peers --data DIR --audiowmark PATH --out results/sound_peers.jsonl``

``PATH`` is its program, which is no part of this project. Two settings: ``128 bit`` is its default,
``16 bit, strength 30`` its short payload. Each (piece, setting) gives one row ``embed`` with
fidelity and CPU seconds, one row ``unmarked`` with what is printed for the original, and one row
for each change and excerpt. The program prints patterns and judges none of them: a row is
``exact`` if the payload is among them, and ``patterns`` counts them. Where time or pitch were
changed, the 16 bits are also looked for with ``--detect-speed`` (``exact_speed``).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.run_sound import EXCERPTS, changed_sounds
from waarmerk.bench.content.sounds import Piece, pieces
from waarmerk.bench.peers.audiowmark import AudiowmarkProgram, Pattern
from waarmerk.bench.processes import use_one_core
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.sound_quality import sound_fidelity
from waarmerk.bench.transformations.audio import SOUND_TRANSFORMS

FIELDS = ("clip", "piece", "peer", "transform", "place")
PEERS: dict[str, tuple[int, list[str], list[str]]] = {  # payload bits, options of add and of get
    "128 bit": (128, [], []),
    "16 bit, strength 30": (16, ["--short", "16", "--strength", "30"], ["--short", "16"]),
}


def message(peer: str, bits: int, piece: Piece) -> str:
    """Return the payload of a piece, in hexadecimal digits."""
    return rng_for("payload", peer, piece.name).bytes(bits // 8).hex()


def is_among(message: str, patterns: list[Pattern]) -> bool:
    """Return whether a payload is among the patterns that were printed."""
    return any(pattern.bits == message for pattern in patterns)


def measure(tool: AudiowmarkProgram, piece: Piece, peer: str, todo: list[Row]) -> Iterator[Row]:
    """Yield the rows of one piece and one setting."""
    bits, add, get = PEERS[peer]
    name: Row = {
        "half": piece.half,
        "kind": piece.kind,
        "clip": piece.clip,
        "piece": piece.index,
        "peer": peer,
        "seconds_of_sound": piece.seconds,
    }
    samples, rate = piece.load()
    sent = message(peer, bits, piece)
    marked, done = tool.add(samples, rate, sent, add)
    for row in todo:
        if row["transform"] == "embed":
            fidelity = sound_fidelity(samples, marked, rate)
            yield {**name, "transform": "embed", "place": 0, **fidelity, "cpu": round(done.cpu, 4)}
        if row["transform"] == "unmarked":
            read, done = tool.get(samples, rate, get)
            found = {
                "exact": is_among(sent, read),
                "patterns": len(read),
                "cpu": round(done.cpu, 4),
            }
            yield {**name, "transform": "unmarked", "place": 0, **found}
    for transform, place, changed, new in changed_sounds(piece, samples, marked, rate, todo):
        read, done = tool.get(changed, new, get)
        row = {
            **name,
            "transform": transform,
            "place": place,
            "exact": is_among(sent, read),
            "patterns": len(read),
            "cpu": round(done.cpu, 4),
        }
        desynchronised = getattr(SOUND_TRANSFORMS.get(transform), "group", "") == "time and pitch"
        if bits == 16 and desynchronised:
            read, done = tool.get(changed, new, [*get, "--detect-speed"])
            row |= {"exact_speed": is_among(sent, read), "cpu_speed": round(done.cpu, 4)}
        yield row


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--audiowmark", required=True, help="the program")
    parser.add_argument("--out", type=Path, default=Path("results/sound_peers.jsonl"))
    parser.add_argument("--half", choices=["tuning", "reporting", "both"], default="reporting")
    parser.add_argument("--pieces", type=int, default=3, help="pieces of a clip, at most")
    parser.add_argument("--places", type=int, default=4, help="excerpts of a length and piece")
    parser.add_argument("--transforms", default=",".join([*SOUND_TRANSFORMS, *EXCERPTS]))
    options = parser.parse_args()
    use_one_core()
    tool = AudiowmarkProgram(options.audiowmark)
    parameters = {"versions": tool.version()}
    out = ResultFile(options.out, FIELDS, parameters, fingerprint="peers", medium="audio")
    for piece in pieces(options.data, options.half, options.pieces):
        for peer in PEERS:
            name = {"clip": piece.clip, "piece": piece.index, "peer": peer}
            wanted = [{**name, "transform": t, "place": 0} for t in ("embed", "unmarked")]
            for transform in options.transforms.split(","):
                count = options.places if transform in EXCERPTS else 1
                wanted += [{**name, "transform": transform, "place": i} for i in range(count)]
            todo = list(out.missing(wanted))
            if todo:
                out.append(measure(tool, piece, peer, todo))
            print(f"{piece.name} {peer}", flush=True)


if __name__ == "__main__":
    main()
