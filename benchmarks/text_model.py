"""Finds the settings of `waarmerk.bench.content.text_model`, from published figures.

``python -m benchmarks.text_model --data DIR --models FOLDER``
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from waarmerk.bench.content import texts as human
from waarmerk.bench.content.text_model import (
    ANCHORS,
    ORDER,
    SETTINGS,
    Ids,
    Model,
    Setting,
    Writer,
    models,
)


def measure(
    model: Model, setting: Setting, prompts: Sequence[Ids], tokens: int, seed: Any = 0
) -> tuple[float, float, float]:
    """Return mean g under SynthID, bits a token, and the share of tokens that can be marked.

    The g-values are drawn at random here, 30 layers a step; which function of the key they come
    from makes no difference to the mean. A context of 4 tokens that came before is left unmarked.
    """
    rng = np.random.default_rng(seed)
    writers = [
        Writer(model, setting, [*rng.integers(1 << 32, size=2), i]) for i in range(len(prompts))
    ]
    texts = [prompt.tolist() for prompt in prompts]
    used: list[set[tuple[int, ...]]] = [set() for _ in prompts]
    g_sum, bits, marked = 0.0, 0.0, 0
    for _ in range(tokens):
        ids = np.zeros((len(texts), setting.top_k), np.int64)
        p = np.zeros((len(texts), setting.top_k))
        for i, (writer, text) in enumerate(zip(writers, texts, strict=True)):
            row, scores = writer.candidates(np.array(text[-ORDER:]))
            ids[i, : len(row)], p[i, : len(row)] = row, np.exp(scores)
        p /= p.sum(axis=1, keepdims=True)
        bits -= np.sum(p * np.log2(np.maximum(p, 1e-30)))
        g = rng.integers(0, 2, (30, *p.shape))
        won = p.copy()
        for layer in g:
            won *= 1 + layer - np.sum(won * layer, axis=1, keepdims=True)
        g_mean = np.sum(won * g.mean(axis=0), axis=1)
        for i, text in enumerate(texts):
            context = tuple(text[-ORDER:])
            fresh = context not in used[i]
            used[i].add(context)
            marked += fresh
            g_sum += g_mean[i] * fresh
            chances = np.cumsum(won[i] if fresh else p[i])
            drawn = int(np.searchsorted(chances, rng.random() * chances[-1], side="right"))
            text.append(int(ids[i, min(drawn, setting.top_k - 1)]))
    total = len(texts) * tokens
    return g_sum / marked, bits / total, marked / total


def main() -> None:
    """Print the temperature that every anchor asks for, and what every setting gives."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="folder where they are kept")
    parser.add_argument("--texts", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=400)
    options = parser.parse_args()
    for language, model in models(options.data, options.models).items():
        begun = human.documents(options.data, "tuning", language)[: options.texts]
        prompts = [model.encode(max(each.paragraphs, key=len))[:20] for each in begun]
        grid = np.linspace(0.2, 1.2, 11)
        reached = [measure(model, Setting(t), prompts, options.tokens)[0] for t in grid]
        for name, anchor in ANCHORS.items():
            print(f"{language} {name}: T {np.interp(anchor, reached, grid):.3f}")
        for name, setting in SETTINGS.items():
            g, bits, new = measure(model, setting, prompts, options.tokens, seed=1)
            print(f"{language} {name}: g {g:.4f}, {bits:.2f} bits, {new:.3f} can be marked")


if __name__ == "__main__":
    main()
