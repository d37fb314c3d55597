"""Speed of the marks on text, on one thread, beside the implementations they are equal to.

``python -m benchmarks.text_throughput --data DIR --models DIR --peer-python PATH --peers DIR``

Contestants take turns: ours for a moment, then the original in a process of its own (see
`benchmarks.text_peer_worker`, also for ``--peers``), for some rounds, so that whatever else the
machine does hits all of them. Everything is compiled and called once before. A row has the median
and the least CPU time of all calls, and the median of wall time: microseconds a step, or a token.

generation   One token: a request's `step` and `append`; of all tokens, or of 100 candidates as they
             are left by top-k. The processor is what an engine calls, with ids that grow.
detection    From ids to p-values, windows and passages (`detect_texts`), and the scores alone
             (`evidence`). Originals look at one text after the other, as they are made to; the
             detector of SynthID takes batches, here of 32.
memory       The peak of a process that detects in 10 million tokens, and of one that makes them.

Texts are ids at random, human English of the reporting half, and texts that carry the mark.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.sound_throughput import PEAK
from benchmarks.throughput import on_one_thread
from waarmerk.bench.content.text_model import models
from waarmerk.bench.content.text_write import SCHEMES, WITH_ID, scheme_of
from waarmerk.bench.content.texts import documents
from waarmerk.bench.processes import run, use_one_core
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for

if TYPE_CHECKING:
    from waarmerk.marking.text.scheme import TextScheme

FIELDS = ("group", "scheme", "what", "who")
VOCABULARIES = (128_256, 32_000, 262_144)
VOCABULARY = VOCABULARIES[0]
ROWS, TOP_K, PROMPT = 32, 100, 32
RENEWED = 256  # steps after which a text begins anew: some marks only the beginning of one
MOST_CALLS = 5000  # in one turn
TEXTS = {1000: 1000, 200: 5000, 100_000: 1}  # length: how many; of KGW a fiftieth
MARKED = 20
KEYS = (1, 10, 100)
OURS = "waarmerk"
DETECTORS = [name for name in SCHEMES if name != WITH_ID]  # an id makes no other detector
# What the worker calls each original: of generation, and of detection.
TORCH = "transformers"
ORIGINALS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "synthid.transformers": (
        {TORCH: "generate.synthid"},
        {
            TORCH: "detect.synthid",
            f"{TORCH}, 32 texts at a time": "detect.synthid.batch32",
            f"{TORCH}, Bayesian": "detect.synthid.bayesian",
        },
    ),
    "kgw.lefthash": ({TORCH: "generate.kgw.lefthash"}, {TORCH: "detect.kgw.lefthash"}),
    "kgw.selfhash": ({TORCH: "generate.kgw.selfhash"}, {TORCH: "detect.kgw.selfhash"}),
    "gumbel.vllm": ({"vLLM": "generate.gumbel.vllm"}, {"vLLM": "detect.gumbel.vllm"}),
    "gumbel.sglang": ({"SGLang": "generate.gumbel.sglang"}, {"SGLang": "detect.gumbel.sglang"}),
}
# In a text of 100,000 tokens: the others take minutes, look at its beginning, or have no batch.
LONG = ("detect.synthid", "detect.gumbel.vllm")

Call = Callable[[], object]
Times = list[tuple[float, float]]
Turn = Callable[[float], Times]
Texts = tuple[np.ndarray, np.ndarray]


class Peer:
    """The originals, in a process of their own."""

    def __init__(self, python: str, peers: Path | None) -> None:
        worker = Path(__file__).with_name("text_peer_worker.py")
        command = [python, str(worker), "--serve"]
        command += ["--peers", str(peers.resolve())] if peers else []
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._answer()

    def has(self, name: str) -> bool:
        """Say whether what a measure needs is there."""
        return ".gumbel." not in name or name.rpartition(".")[2] in self.versions

    def turn(self, name: str, seconds: float, **case: object) -> Times:
        """Let it work for a while."""
        assert self._process.stdin
        request = {"name": name, "seconds": seconds, **case}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return [(cpu, wall) for cpu, wall in self._answer()["times"]]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the process of the originals has ended; its error stands above")
        return dict(json.loads(line))

    def end(self) -> None:
        """End it."""
        self._process.communicate()


def own(work: Call) -> Turn:
    """Return what works for a while in this process; called once before."""
    work()

    def turn(seconds: float) -> Times:
        times: Times = []
        begun = time.perf_counter()
        while not times or (time.perf_counter() - begun < seconds and len(times) < MOST_CALLS):
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            times.append((time.process_time() - cpu, time.perf_counter() - wall))
        return times

    return turn


def on_all_cores(work: Call) -> Call:
    """Let one call, and the threads that it starts, run on every core."""
    if not hasattr(os, "sched_setaffinity"):
        return work
    one = os.sched_getaffinity(0)

    def unbound() -> None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        work()
        os.sched_setaffinity(0, one)

    return unbound


def compared(
    name: Row, turns: dict[str, tuple[Turn, int]], options: argparse.Namespace
) -> list[Row]:
    """Let contestants take turns; each comes with how much one call does."""
    times: dict[str, Times] = {who: [] for who in turns}
    for _ in range(options.rounds):
        for who, (turn, _) in turns.items():
            times[who] += turn(options.seconds)
    rows = []
    for who, (_, amount) in turns.items():
        cpu, wall = zip(*times[who], strict=True)
        figures = {"cpu_us": statistics.median(cpu), "least_us": min(cpu)}
        figures["wall_us"] = statistics.median(wall)
        scaled = {key: float(f"{1e6 * value / amount:.5g}") for key, value in figures.items()}
        rows.append({**name, "who": who, "amount": amount, **scaled, "calls": len(cpu)})
    return rows


# Generation


def steps(scheme: TextScheme, scores: np.ndarray, vocabulary: int, candidates: Any = None) -> Call:
    """Give a function that marks the next token of as many texts as there are rows of scores."""
    rng = rng_for("throughput", "tokens")
    tokens = cycle(rng.integers(0, vocabulary, 10_007).tolist())
    prompt = rng.integers(0, vocabulary, PROMPT)
    rounds = cycle(range(RENEWED))
    requests: list[Any] = []

    def step() -> None:
        if next(rounds) == 0:
            requests[:] = [scheme.request(prompt) for _ in scores]
        for request, row in zip(requests, scores, strict=True):
            request.step(row, candidates)
            request.append(next(tokens))

    return step


def processor_steps(scheme: TextScheme, scores: np.ndarray, vocabulary: int, top_k: int) -> Call:
    """Give a function that does the same by a processor, for one text."""
    ids = rng_for("throughput", "ids").integers(0, vocabulary, PROMPT + RENEWED)
    lengths = cycle(range(PROMPT, ids.size))
    processor = scheme.processor(top_k=top_k)

    def step() -> None:
        length = next(lengths)
        if length == PROMPT:
            processor.reset()
        processor(ids[:length], scores)

    return step


def generation(peer: Peer, options: argparse.Namespace) -> Iterator[list[Row]]:
    """Compare steps: all tokens, 100 candidates, and a batch."""
    wide = rng_for("throughput", "scores").normal(0, 3, (ROWS, VOCABULARIES[-1]))
    everything = np.asarray(wide, np.float32)
    for scheme_name in DETECTORS:
        originals = ORIGINALS.get(scheme_name, ({}, {}))[0]
        for vocabulary in VOCABULARIES[:1] if options.quick else VOCABULARIES:
            scheme = scheme_of(scheme_name, vocabulary, "throughput")
            for rows in (1, ROWS) if vocabulary == VOCABULARY and not options.quick else (1,):
                scores = np.ascontiguousarray(everything[:rows, :vocabulary])
                turns = {OURS: (own(steps(scheme, scores, vocabulary)), 1)}
                if rows == 1:
                    work = processor_steps(scheme, scores[0], vocabulary, 0)
                    turns[f"{OURS}, processor"] = (own(work), 1)
                for who, measure in originals.items():
                    if peer.has(measure):
                        turn = partial(peer.turn, measure, vocabulary=vocabulary, rows=rows)
                        turns[who] = (turn, 1)
                what = f"{vocabulary:,} tokens" + (f", {rows} rows" if rows > 1 else "")
                name = {"group": "generation", "scheme": scheme_name, "what": what}
                yield compared(name, turns, options)
        scheme = scheme_of(scheme_name, VOCABULARY, "throughput")
        scores = np.ascontiguousarray(everything[:1, :VOCABULARY])
        left = np.sort(np.argsort(scores[0])[-TOP_K:])
        turns = {
            OURS: (own(steps(scheme, scores[:, left], VOCABULARY, left)), 1),
            f"{OURS}, processor": (own(processor_steps(scheme, scores[0], VOCABULARY, TOP_K)), 1),
        }
        name = {"group": "generation", "scheme": scheme_name, "what": f"{TOP_K} candidates"}
        yield compared(name, turns, options)


# Detection


def cut(ids: np.ndarray, length: int, most: int) -> Texts:
    """Cut ids into texts of equal length."""
    count = min(ids.size // length, most)
    return ids[: count * length], np.arange(count + 1) * length


def marked_texts(scheme_name: str, length: int, count: int) -> Texts:
    """Write texts that carry the mark, of 20 candidates a token."""
    name = WITH_ID if scheme_name == "waarmerk.text.1" else scheme_name
    scheme = scheme_of(name, VOCABULARY, "throughput")
    rng = rng_for("throughput", "marked", scheme_name)
    rows = []
    for _ in range(count):
        request, row = scheme.request(rng.integers(0, VOCABULARY, PROMPT)), []
        for _ in range(length):
            ids = rng.choice(VOCABULARY, 20, replace=False)
            scores = request.step(rng.normal(0, 1.5, 20).astype(np.float32), ids)
            row.append(int(ids[np.argmax(scores + rng.gumbel(size=20))]))
            request.append(row[-1])
        rows.append(row)
    return cut(np.array(rows).ravel(), length, count)


def one_by_one(texts: Texts, scheme: TextScheme) -> Call:
    """Give a function that looks at the next text alone."""
    from waarmerk import detect_texts

    following = cycle(np.split(texts[0], texts[1][1:-1]))
    return lambda: detect_texts([next(following)], scheme, workers=1)


def detection(
    peer: Peer, english: np.ndarray, folder: Path, options: argparse.Namespace
) -> Iterator[list[Row]]:
    """Compare detection in texts of every kind."""
    from waarmerk import detect_texts

    most = max(length * count for length, count in TEXTS.items())
    uniform = rng_for("throughput", "uniform").integers(0, VOCABULARY, most)
    for scheme_name in DETECTORS:
        originals = ORIGINALS.get(scheme_name, ({}, {}))[1]
        scheme = scheme_of(scheme_name, VOCABULARY, "throughput")
        fewer = 50 if scheme_name.startswith("kgw.") else 10 if options.quick else 1
        cases: list[tuple[str, int, Texts]] = [
            (f"{kind}, texts of {length:,}", length, cut(ids, length, max(1, count // fewer)))
            for length, count in TEXTS.items()
            for kind, ids in (("random ids", uniform), ("English", english))
        ]
        count = 2 if options.quick else MARKED
        cases.append(("marked, texts of 1,000", 1000, marked_texts(scheme_name, 1000, count)))
        for what, length, texts in cases:
            name = {"group": "detection", "scheme": scheme_name, "what": what}
            tokens = texts[0].size
            detect = partial(detect_texts, texts, scheme, workers=1)
            turns: dict[str, tuple[Turn, int]] = {
                OURS: (own(detect), tokens),
                f"{OURS}, scores alone": (own(partial(scheme.evidence, *texts)), tokens),
            }
            if texts[1].size > 2:
                both = on_all_cores(partial(detect_texts, texts, scheme, workers=2))
                turns[f"{OURS}, 2 threads"] = (own(both), tokens)
            if length == 1000:
                one = one_by_one(texts, scheme)
                turns[f"{OURS}, one text at a time"] = (own(one), length)
            table = texts[0].reshape(-1, length)[:1000]
            np.save(path := folder / f"{scheme_name}-{what}.npy", table)
            for who, measure in originals.items():
                if peer.has(measure) and (length <= 1000 or measure in LONG):
                    turn = partial(peer.turn, measure, vocabulary=VOCABULARY, ids=str(path))
                    batch = min(ROWS, len(table)) if measure.endswith("batch32") else 1
                    turns[who] = (turn, batch * length)
            yield compared(name, turns, options)


def many_keys(options: argparse.Namespace) -> Iterator[list[Row]]:
    """Compare one key with ten and a hundred; figures are for a token, all keys together."""
    from waarmerk import detect_texts

    texts = cut(rng_for("throughput", "uniform").integers(0, VOCABULARY, 100_000), 1000, 100)
    for scheme_name in ("waarmerk.text.1", "synthid.transformers"):
        schemes = [scheme_of(scheme_name, VOCABULARY, "key", i) for i in range(max(KEYS))]
        turns = {}
        for count in KEYS:
            work = partial(detect_texts, texts, schemes[:count], workers=1)
            turns[f"{count} keys"] = (own(work), texts[0].size)
        what = "random ids, texts of 1,000"
        yield compared({"group": "many keys", "scheme": scheme_name, "what": what}, turns, options)


def memory(options: argparse.Namespace) -> Iterator[list[Row]]:
    """Measure the peak memory of processes."""
    millions = 1 if options.quick else 10
    make = (
        "import numpy as np; from waarmerk.bench.content.text_write import scheme_of; "
        f"ids = np.random.default_rng(1).integers(0, {VOCABULARY}, {millions * 10**6}); "
        "offsets = np.arange(0, ids.size + 1, 1000); "
    )
    for name in ("", *(name for name in DETECTORS if not name.startswith("kgw."))):
        scheme = f"scheme_of({name or 'gumbel.vllm'!r}, {VOCABULARY}, 'throughput')"
        detect = f"w.detect_texts((ids, offsets), {scheme}, workers=1)" if name else scheme
        done = run(sys.executable, "-c", PEAK.format(call=make + detect))
        if done.code:
            raise SystemExit(f"memory of {name} failed: {done.errors[-500:]}")
        figures = {"megabytes": int(done.output), "cpu_s": round(done.cpu, 2)}
        what = f"{millions} million tokens"
        yield [{"group": "memory", "scheme": name, "what": what, "who": OURS, **figures}]


def english_ids(options: argparse.Namespace) -> np.ndarray:
    """Return human English of the reporting half in tokens of the benchmark's tokenizer."""
    model = models(options.data, options.models)["en"]
    return np.concatenate(
        [model.encode(each.text) for each in documents(options.data, "reporting", "en")]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of human text")
    parser.add_argument("--models", type=Path, required=True, help="folder where they are kept")
    parser.add_argument("--peer-python", required=True, help="of an environment with transformers")
    parser.add_argument("--peers", type=Path, help="folder with files of vLLM and SGLang")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one turn, about")
    parser.add_argument("--quick", action="store_true", help="a little of everything, to try out")
    options = parser.parse_args()
    on_one_thread("benchmarks.text_throughput")
    if (options.data / "text").is_dir():
        options.data = options.data / "text"
    english = english_ids(options)
    use_one_core()
    peer = Peer(options.peer_python, options.peers)
    path = options.results / "text_throughput.jsonl"
    path.unlink(missing_ok=True)  # a comparison of half an old and half a new run is none
    settings = {"rounds": options.rounds, "seconds": options.seconds, "peers": peer.versions}
    out = ResultFile(path, FIELDS, settings, medium="text")
    with tempfile.TemporaryDirectory(prefix="text-") as folder:
        for part in (
            generation(peer, options),
            detection(peer, english, Path(folder), options),
            many_keys(options),
            memory(options),
        ):
            for rows in part:
                out.append(rows)
                for row in rows:
                    figure = row.get("cpu_us", row.get("megabytes"))
                    print(*(row[field] for field in FIELDS), figure, sep=" | ", flush=True)
    peer.end()
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


if __name__ == "__main__":
    main()
