"""Runs the detectors of transformers, in their own environment; see `worker_serve.py`.

Ids of one text are a ``.npy`` file, int64 [n]::

    {"do": "kgw", "input": FILE, "vocabulary": 16384, "repeats": true, "marking": {...}}
    {"z": 8.1, "scored": 199, "found": true}

    {"do": "synthid", "input": FILE, "marking": {...}}
    {"z": 9.0, "scored": 196, "mean": 0.549}

``marking`` is what transformers' own ``WatermarkingConfig`` or SynthID processor takes. KGW is
asked through ``WatermarkDetector`` as it ships; `found` is its prediction. For SynthID transformers
ships a detector that has to be trained for each key and model; what is computed here is the mean
of its g-values over contexts that are no repetitions, the score that needs no training, and how
many standard deviations it lies above 1/2, where unmarked text is expected.
"""

import math
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np

_modules: dict[str, ModuleType] = {}


def start(arguments: list[str]) -> dict[str, str]:
    """Import transformers; return its version and that of what it computes with."""
    _modules.update((name, import_module(name)) for name in ("torch", "transformers", *arguments))
    _modules["torch"].set_num_threads(1)
    return {name: version(name) for name in ("transformers", "torch", "numpy")}


def kgw(request: dict[str, Any], ids: np.ndarray) -> dict[str, Any]:
    """Ask the detector of KGW for one text."""
    torch, transformers = _modules["torch"], _modules["transformers"]
    config = transformers.PreTrainedConfig(bos_token_id=-1)  # none is in the texts
    config.vocab_size = request["vocabulary"]
    marking = transformers.WatermarkingConfig(**request["marking"])
    detector = transformers.WatermarkDetector(
        config, "cpu", marking, ignore_repeated_ngrams=not request["repeats"]
    )
    with torch.inference_mode():
        given = detector(torch.from_numpy(ids)[None], return_dict=True)
    return {
        "z": float(given.z_score[0]),
        "scored": int(given.num_tokens_scored[0]),
        "found": bool(given.prediction[0]),
    }


def synthid(request: dict[str, Any], ids: np.ndarray) -> dict[str, Any]:
    """Average the g-values of one text."""
    torch, transformers = _modules["torch"], _modules["transformers"]
    marking = request["marking"]
    processor = transformers.SynthIDTextWatermarkLogitsProcessor(
        device=torch.device("cpu"), **marking
    )
    with torch.inference_mode():
        text = torch.from_numpy(ids)[None]
        g_values = processor.compute_g_values(text)[0].numpy()
        counted = processor.compute_context_repetition_mask(text)[0].numpy().astype(bool)
    draws = int(counted.sum()) * len(marking["keys"])
    if not draws:
        raise ValueError("no token of the text can be scored")
    mean = float(g_values[counted].sum() / draws)
    return {"z": (mean - 0.5) * 2 * math.sqrt(draws), "scored": int(counted.sum()), "mean": mean}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do one request."""
    ids = np.load(request["input"])
    return {"kgw": kgw, "synthid": synthid}[request["do"]](request, ids)
