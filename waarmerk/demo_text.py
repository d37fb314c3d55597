"""The demo's text: a small model writes, three schemes mark what it draws, and are looked for.

The model is that of `waarmerk.ngram`. It learned chapters 1 to 50 of Moby-Dick; the human's text is
chapters 61 to 73, which it never saw.
"""

from __future__ import annotations

import secrets
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.marking.text.scheme import Ids, TextScheme
    from waarmerk.ngram import DemoModel

__all__ = ["PROMPT", "TextResult", "run"]

PROMPT = "Call me Ishmael."
TOKENS = 1000
"""More than the id needs."""

PIECE = 250
"""Tokens of the passage that is pasted into a human's text."""

PLACE = 1000
"""Tokens of the human's text before the passage, and as many come after it."""

WINDOW = 1000
"""Tokens of the pieces that the human's text is cut into."""

NAMES = ("waarmerk.text.1", "synthid.transformers", "gumbel.vllm")


@dataclass(frozen=True, slots=True)
class TextResult:
    """How it went: marked texts, those in which the right mark was found, and the same without."""

    tried: int
    found: int
    without: int
    false_alarms: int


@dataclass(frozen=True, slots=True)
class Written:
    """A marked text: tokens int64 [n], the scheme that marked it, and the id, if it carries one."""

    ids: Ids
    scheme: TextScheme
    mark_id: str | None


def run(echo: Callable[[str], None], row: Callable[..., None]) -> TextResult:
    """Write, change and look for marked texts.

    Parameters
    ----------
    echo
        Prints a line.
    row
        Prints five cells.
    """
    import numpy as np

    from waarmerk.api import detect_text, detect_texts
    from waarmerk.ngram import DemoModel, human_text

    model = DemoModel.train()
    human = np.array(model.encode(human_text()))
    echo(f"Writing {TOKENS} tokens each with a toy model that has read 50 chapters of Moby-Dick,")
    echo(f'after "{PROMPT}", and marking every token as it is drawn:')
    texts = [_write(name, model, echo) for name in NAMES]
    echo("")
    echo("Looking for the marks again, with the key of each:")
    row("what happened to the text", "verdict", "p-value", "mark id", "tokens of the mark")
    found = tried = 0
    for text in texts:
        echo(f"  {text.scheme.name}")
        # As text, which the model's tokenizer cuts into the same tokens again.
        whole = detect_text(model.decode(text.ids), text.scheme, tokenizer=model)
        found += _show(row, "nothing: as it was written", whole, text.mark_id, needs_id=True)
        for what, ids in _changed(text.ids, human):
            found += _show(row, what, detect_text(ids, text.scheme), text.mark_id)
        tried += 3
    echo("  without our mark")
    alarms = 0
    for text in texts:
        finding = detect_text(text.ids, _scheme(text.scheme.name)[0])
        alarms += _show(row, f"{text.scheme.name}, another key", finding, None)
    windows = [human[i : i + WINDOW] for i in range(0, human.size - WINDOW + 1, WINDOW)]
    read = detect_texts(windows, [text.scheme for text in texts])
    likeliest = read.finding(int(np.argmin(read.log10_p)))
    alarms += int(read.found.sum())
    _show(row, f"{len(windows)} pieces of a human's text", likeliest, None)
    return TextResult(tried, found, len(texts) + len(windows), alarms)


def _scheme(name: str) -> tuple[TextScheme, str | None]:
    """Make a scheme with a new key; of `waarmerk.text.1` with a new mark id, which is returned."""
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.payload import MarkId
    from waarmerk.marking.text import TextMark, new_scheme

    if name != NAMES[0]:
        return new_scheme(name, {}), None
    mark_id = MarkId.random()
    return TextMark(MarkingKey.generate(), mark_id), mark_id.hex


def _write(name: str, model: DemoModel, echo: Callable[[str], None]) -> Written:
    from waarmerk.marking.text import generate

    start = time.perf_counter()
    scheme, mark_id = _scheme(name)
    ids = generate(model.logits, model.encode(PROMPT), scheme, max_tokens=TOKENS)
    seconds = time.perf_counter() - start
    says = "no id" if mark_id is None else f"id {mark_id}"
    echo(f"  {name:<21} {says:<19}  {seconds:.1f} s")
    flowing = " ".join(model.decode(ids[:60]).split())
    lines = textwrap.wrap(flowing, 92, max_lines=2, placeholder=" ...", break_on_hyphens=False)
    for line in lines:
        echo(f"    {line}")
    return Written(ids, scheme, mark_id)


def _changed(ids: Ids, human: Ids) -> list[tuple[str, Ids]]:
    import numpy as np

    lost = np.random.default_rng(secrets.randbits(64)).permutation(ids.size)[: ids.size // 5]
    passage = ids[PIECE : 2 * PIECE]
    pasted = np.concatenate([human[:PLACE], passage, human[PLACE : 2 * PLACE]])
    return [
        ("a fifth of its tokens deleted", np.delete(ids, lost)),
        (f"{PIECE} at {PLACE}-{PLACE + PIECE} in human text", pasted),
    ]


def _show(
    row: Callable[..., None],
    what: str,
    finding: WatermarkFinding,
    mark_id: str | None,
    *,
    needs_id: bool = False,
) -> bool:
    """Print one row; return whether the mark was found, and no wrong id was read."""
    from waarmerk.detection.verdict import conclude

    read: Any = None if finding.mark_id is None else finding.mark_id.hex
    right = finding.found and read in ((mark_id,) if needs_id else (mark_id, None))
    bound, id_says, where = "-", "-", "-"
    if finding.found and finding.log10_p is not None:
        bound = f"<= 1e{int(finding.log10_p)}"
        where = ", ".join(f"{p.start}-{p.end}" for p in finding.segments)
        if mark_id is not None:
            id_says = "not read" if read is None else "right" if read == mark_id else "wrong"
    verdict = conclude([finding]).verdict.replace("_", " ")
    row(f"  {what}", verdict, bound, id_says, where)
    return right
