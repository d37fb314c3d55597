"""Result files say which code made them, wherever that code lies."""

import pytest

from waarmerk.bench.rows import _MEASURED, _ROOT, code_fingerprint


@pytest.mark.parametrize("what", _MEASURED)
def test_every_pattern_of_a_fingerprint_names_files(what):
    patterns = [pattern.removeprefix("!") for pattern in _MEASURED[what]]
    assert [pattern for pattern in patterns if not list(_ROOT.glob(pattern))] == []


@pytest.mark.parametrize(
    ("what", "files"),
    [
        ("integrity", {"run.py", "collect.py", "signal.py", "image.py", "text.py", "files.py"}),
        ("suite image", {"work.py", "image_malicious.py", "seeds.py", "protocol.py"}),
        ("suite audio", {"work.py", "audio_malicious.py", "sound_effects.py"}),
        ("suite text", {"work.py", "text_families.py", "generator.py"}),
    ],
)
def test_what_decides_rows_is_in_their_fingerprint(what, files):
    named = {path.name for pattern in _MEASURED[what] for path in _ROOT.glob(pattern)}
    assert files <= named


def test_files_that_are_not_there_have_no_fingerprint(monkeypatch):
    monkeypatch.setitem(_MEASURED, "nothing", ("waarmerk/bench/gone*.py",))
    with pytest.raises(ValueError, match="no file decides the rows of nothing"):
        code_fingerprint("nothing")
