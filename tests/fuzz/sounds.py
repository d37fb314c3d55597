"""Good sounds of every format, with tags, covers and manifests."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tests import rendered_sound
from tests.rendered_sound import melody
from waarmerk import MarkingKey, mark_file
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.signer import Signer
from waarmerk.marking.sound_tags import Cover, SoundTags

TAGS = SoundTags(
    (("TITLE", "title"), ("ARTIST", "one"), ("MOOD", "x" * 300)),
    (Cover(b"\x89PNG\r\n\x1a\n" + bytes(3000), "image/png"),),
)


@cache
def sound_seeds() -> dict[str, bytes]:
    """Return good files by name; short ones, but long enough to be marked."""
    chain = make_test_chain()
    signer = Signer.from_pem(chain.chain, chain.key)
    out = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, made in SOUNDS.items():
            path = folder / f"plain{made.extensions[0]}"
            rendered_sound.file(path, kind, melody(3.0), tags=TAGS)
            if made.embeds:
                target = path.with_name(f"signed{path.suffix}")
                mark_file(path, target, MarkingKey.generate(), signer=signer)
                out[target.name] = target.read_bytes()
            out[path.name] = path.read_bytes()
        for kind, sample in (("WAV", "int24"), ("WAV", "float32"), ("FLAC", "int24")):
            path = folder / f"{sample}{SOUNDS[kind].extensions[0]}"
            rendered_sound.file(path, kind, melody(3.0), sample=sample)
            out[path.name] = path.read_bytes()
    return out
