"""Times the text marks of others, in an environment of their own; imports nothing of ours.

    PYTHON text_peer_worker.py [--vocabulary 128256] [--seconds 3] [--only NAME ...] [--list]

prints one line of JSON for each thing that is timed, here without the versions it ends with::

    {"name": "generate.synthid", "per": "step", "seconds": 0.19, "fastest": 0.18, "repeats": 17}

`seconds` is the median of CPU time, with one thread; `per` says of what. A step marks one row of
scores (or `rows` of them); a processor is called as `generate` calls it, with ids that grow.
Detection starts from ids and ends with the score, and with the p-value where there is one; `tokens`
is what one call looks at, `tokens_per_second` follows.

With ``--serve`` it prints its versions, and then answers every line of JSON on its standard input,
such as ``{"name": "detect.kgw.lefthash", "vocabulary": 128256, "ids": "texts.npy", "seconds": 1}``,
by the CPU and wall seconds of as many calls as fit. So `benchmarks.text_throughput` takes turns
with it.

transformers is installed. Of vLLM and SGLang, which would bring much else, only the files of their
watermarks are wanted, as they lie in the packages, in a folder given by ``--peers``::

    FOLDER/vllm-VERSION/vllm/v1/watermarking/...
    FOLDER/sglang-VERSION/sglang/srt/sampling/watermarking/...
    FOLDER/site/msgspec/...          what SGLang's need

Both have kernels for graphics cards as well. What is timed is what they run on a CPU: for vLLM
without the search for contexts that came before, which is for graphics cards alone.
"""

from __future__ import annotations

import argparse
import json
import os

# Before torch is imported: the number of its threads is settled then.
os.environ["OMP_NUM_THREADS"] = "1"

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from transformers import (
    BayesianDetectorConfig,
    BayesianDetectorModel,
    PreTrainedConfig,
    SynthIDTextWatermarkDetector,
    SynthIDTextWatermarkLogitsProcessor,
    WatermarkDetector,
    WatermarkingConfig,
    WatermarkLogitsProcessor,
)

# The thirty keys of the published demonstration, and its table and history.
KEYS = [654, 400, 836, 123, 340, 443, 597, 160, 57, 29, 590, 639, 13, 715, 468]
KEYS += [990, 966, 226, 324, 585, 118, 504, 421, 521, 129, 669, 732, 225, 90, 960]
SYNTHID = {"ngram_len": 5, "sampling_table_size": 65536, "sampling_table_seed": 0}
HISTORY = 1024
GUMBEL_KEY = 0x0123456789ABCDEF
PROMPT, TEXT, BATCH, CONTEXT = 32, 1000, 32, 4
MOST_REPEATS = 200
KEPT = 4  # things that are prepared at a time: some hold gigabytes

Work = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """What is asked for: width of the logits, rows of a step, and texts to detect marks in."""

    vocabulary: int
    rows: int = 1
    ids: str | None = None
    peers: Path | None = None

    def texts(self) -> np.ndarray:
        """Return ids [texts, length], at random if none were given."""
        if self.ids is not None:
            return np.load(self.ids)
        return np.random.default_rng(2).integers(0, self.vocabulary, (BATCH, TEXT))


# Generation


def scores_and_ids(case: Case) -> tuple[torch.Tensor, torch.Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(case.rows, case.vocabulary, generator=generator) * 3
    ids = torch.randint(0, case.vocabulary, (case.rows, PROMPT), generator=generator)
    return scores, ids, generator


def steps(processor: Callable, case: Case) -> Work:
    """Give a function that marks the next token of texts that grow by every call."""
    scores, ids, generator = scores_and_ids(case)

    def step() -> object:
        nonlocal ids
        marked = processor(ids, scores.clone())
        token = torch.randint(0, case.vocabulary, (case.rows, 1), generator=generator)
        ids = torch.cat([ids, token], dim=-1)
        return marked

    return step


def synthid(keys: list[int]) -> SynthIDTextWatermarkLogitsProcessor:
    return SynthIDTextWatermarkLogitsProcessor(
        keys=keys, context_history_size=HISTORY, device=torch.device("cpu"), **SYNTHID
    )


def kgw_steps(case: Case, seeding: str, width: int) -> Work:
    processor = WatermarkLogitsProcessor(
        case.vocabulary, "cpu", seeding_scheme=seeding, context_width=width
    )
    return steps(processor, case)


def vllm_steps(case: Case) -> Work:
    """Hash the context and draw a token with its noise: vLLM's own sampler."""
    watermarker = vllm(case.peers).GumbelWatermarker(GUMBEL_KEY, CONTEXT)
    return steps(lambda ids, scores: watermarker.sample(scores, ids[:, -CONTEXT:]).token_ids, case)


def sglang_steps(case: Case) -> Work:
    """Hash the context and draw a token from the probabilities: SGLang's own selection."""
    core = sglang(case.peers, "core")
    keys = torch.full((case.rows,), GUMBEL_KEY)
    lengths = torch.full((case.rows,), CONTEXT)

    def select(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        hashes = core._hash_contexts(ids[:, -CONTEXT:], lengths)
        return core.select_watermark_tokens_torch(torch.softmax(scores, dim=-1), hashes, keys)

    return steps(select, case)


# Detection: the work, and how many tokens one call looks at


def each(rows: list, detect: Callable) -> Work:
    """Give a function that looks at the next text, and begins again after the last."""
    following = cycle(rows)
    return lambda: detect(next(following))


def synthid_detection(case: Case, rows: int) -> tuple[Work, int]:
    """Give what its documentation shows: g-values, mask of repeated contexts, their mean."""
    texts, processor = case.texts(), synthid(KEYS)
    rows = min(rows, len(texts))
    parts = torch.from_numpy(texts[: len(texts) // rows * rows]).split(rows)

    def detect(ids: torch.Tensor) -> object:
        g_values = processor.compute_g_values(ids)
        mask = processor.compute_context_repetition_mask(ids)
        share = (g_values * mask[..., None]).sum(dim=(1, 2)) / (len(KEYS) * mask.sum(dim=1))
        return share.tolist()

    return each(list(parts), detect), rows * texts.shape[1]


def bayesian_detection(case: Case) -> tuple[Work, int]:
    """Give the detector with a model; what a model has learnt does not change its speed."""
    texts = case.texts()
    model = BayesianDetectorModel(BayesianDetectorConfig(watermarking_depth=len(KEYS)))
    detector = SynthIDTextWatermarkDetector(model, synthid(KEYS), SimpleNamespace(eos_token_id=-1))
    rows = list(torch.from_numpy(texts).split(1))
    return each(rows, detector), texts.shape[1]


def kgw_detection(case: Case, seeding: str, width: int) -> tuple[Work, int]:
    texts = case.texts()
    config = PreTrainedConfig(bos_token_id=-1)  # none is in the texts
    config.vocab_size = case.vocabulary
    marking = WatermarkingConfig(seeding_scheme=seeding, context_width=width)
    detector = WatermarkDetector(config, "cpu", marking, ignore_repeated_ngrams=True)
    rows = list(torch.from_numpy(texts).split(1))
    return each(rows, lambda ids: detector(ids, return_dict=True).p_value), texts.shape[1]


def vllm_detection(case: Case) -> tuple[Work, int]:
    texts = case.texts()
    detector = vllm(case.peers).GumbelWatermarkDetector(GUMBEL_KEY, CONTEXT)
    return each(texts.tolist(), lambda ids: detector.detect(ids).p_value), texts.shape[1]


def sglang_detection(case: Case) -> tuple[Work, int]:
    texts = case.texts()
    detector = sglang(case.peers, "detector").WatermarkDetector(
        f"{GUMBEL_KEY:x}", context_window=CONTEXT
    )
    rows = texts.tolist()
    return each(rows, lambda ids: detector.detect_tokens(ids).combined), texts.shape[1]


# The files of others


def versions(peers: Path | None) -> dict[str, str]:
    """Return the versions of all that is timed; those of files stand in the names of folders."""
    held = {"transformers": version("transformers"), "torch": version("torch")}
    for package in ("vllm", "sglang"):
        if peers and (found := sorted(peers.glob(f"{package}-*"))):
            held[package] = found[-1].name.partition("-")[2]
    return held


def folder_of(package: str, peers: Path | None) -> Path:
    """Return the folder of a package."""
    held = versions(peers)
    if peers is None or package not in held:
        raise SystemExit(f"no files of {package}: --peers names a folder with {package}-VERSION")
    return peers / f"{package}-{held[package]}"


def vllm(peers: Path | None) -> ModuleType:
    """Import the watermarks of vLLM without the rest of it."""
    sys.path.insert(0, str(folder_of("vllm", peers)))
    # What these hold is for configuration and graphics cards; imported by name, never called.
    names = ("WatermarkConfig", "WatermarkContextScope", "WatermarkPRFName", "derive_watermark_key")
    for module, held in {
        "vllm.config.watermarking": names,
        "vllm.v1.worker.gpu.sample.gumbel": ("gumbel_sample",),
    }.items():
        stub = ModuleType(module)
        for name in held:
            setattr(stub, name, str)
        sys.modules[module] = stub
    return import_module("vllm.v1.watermarking.gumbel")


def sglang(peers: Path | None, module: str) -> ModuleType:
    """Import a part of the watermarks of SGLang without the rest of it."""
    folder = folder_of("sglang", peers)
    sys.path[:0] = [str(folder), str(folder.parent / "site")]
    return import_module(f"sglang.srt.sampling.watermarking.{module}")


GENERATION: dict[str, Callable[[Case], Work]] = {
    "generate.synthid": lambda case: steps(synthid(KEYS), case),
    "generate.synthid.depth9": lambda case: steps(synthid(KEYS[:9]), case),
    "generate.kgw.lefthash": lambda case: kgw_steps(case, "lefthash", 1),
    "generate.kgw.selfhash": lambda case: kgw_steps(case, "selfhash", 4),
    "generate.gumbel.vllm": vllm_steps,
    "generate.gumbel.sglang": sglang_steps,
}
DETECTION: dict[str, Callable[[Case], tuple[Work, int]]] = {
    "detect.synthid": lambda case: synthid_detection(case, 1),
    "detect.synthid.batch32": lambda case: synthid_detection(case, BATCH),
    "detect.synthid.bayesian": bayesian_detection,
    "detect.kgw.lefthash": lambda case: kgw_detection(case, "lefthash", 1),
    "detect.kgw.selfhash": lambda case: kgw_detection(case, "selfhash", 4),
    "detect.gumbel.vllm": vllm_detection,
    "detect.gumbel.sglang": sglang_detection,
}


def prepared(name: str, case: Case) -> tuple[Work, dict[str, object]]:
    """Return what is timed, called once, and what one call does."""
    if name in GENERATION:
        work, facts = GENERATION[name](case), {"per": "step", "rows": case.rows}
    else:
        work, tokens = DETECTION[name](case)
        facts = {"per": "call", "tokens": tokens}
    work()
    return work, facts


def timed(work: Work, seconds: float, least: int) -> list[tuple[float, float]]:
    """Call for so long, and at least so often; return CPU and wall seconds of each call."""
    times: list[tuple[float, float]] = []
    begun = time.perf_counter()
    while len(times) < least or (
        time.perf_counter() - begun < seconds and len(times) < MOST_REPEATS
    ):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return times


def serve(lines: Iterator[str], peers: Path | None) -> None:
    """Answer requests until there are no more."""
    print(json.dumps(versions(peers)), flush=True)
    kept: dict[tuple[str, Case], tuple[Work, dict[str, object]]] = {}
    for line in lines:
        asked = json.loads(line)
        name, seconds = asked.pop("name"), asked.pop("seconds")
        case = Case(**asked, peers=peers)
        if (name, case) not in kept:
            if len(kept) == KEPT:
                kept.clear()
            kept[name, case] = prepared(name, case)
        work, facts = kept[name, case]
        print(json.dumps(facts | {"times": timed(work, seconds, 1)}), flush=True)


def main() -> None:
    """Time what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--vocabulary", type=int, default=128_256, help="width of the logits")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each, about")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="names, or beginnings of names")
    parser.add_argument("--peers", type=Path, help="folder with files of vLLM and SGLang")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--serve", action="store_true", help="answer requests, one a line")
    options = parser.parse_args()
    known = [n for n in (*GENERATION, *DETECTION) if options.peers or ".gumbel." not in n]
    names = [n for n in known if not options.only or n.startswith(tuple(options.only))]
    if options.list:
        print(*names, sep="\n")
        return
    torch.set_num_threads(1)
    with torch.inference_mode():
        if options.serve:
            serve(iter(sys.stdin.readline, ""), options.peers)
            return
        case = Case(options.vocabulary, peers=options.peers)
        common = {"vocabulary": options.vocabulary, **versions(options.peers)}
        for name in names:
            work, facts = prepared(name, case)
            cpu = [call[0] for call in timed(work, options.seconds, 3)]
            median = statistics.median(cpu)
            line = {"name": name, **facts, "seconds": median, "fastest": min(cpu)}
            line["repeats"] = len(cpu)
            if "tokens" in facts:
                line["tokens_per_second"] = facts["tokens"] / median
            print(json.dumps(line | common), flush=True)


if __name__ == "__main__":
    main()
