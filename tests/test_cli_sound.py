"""The command line with sounds: words, JSON, manifests beside the file, bad input, Ctrl-C."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

import waarmerk
from tests import rendered_sound
from tests.folders import work_in_copy
from tests.rendered_sound import RATE, melody, sixteen
from waarmerk.cli import run
from waarmerk.detection.report import json_schema

ROOT = Path(waarmerk.__file__).parent.parent
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, a test certificate, and a marked Opus file with its manifest."""
    folder = tmp_path_factory.mktemp("bench")
    key = str(folder / "key.json")
    assert run(["keygen", key, "--dev-cert"]) == 0
    rendered_sound.file(folder / "voice.wav", "WAV", melody(8.0))
    marked = str(folder / "marked.opus")
    assert run(["mark", str(folder / "voice.wav"), "-o", marked, "--key", key]) == 0
    return folder


@pytest.fixture
def here(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return work_in_copy(bench, tmp_path, monkeypatch)


def one_line(error: str) -> str:
    lines = error.splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("waarmerk: ")
    return lines[0]


def test_mark_and_detect_in_words(here: Path, capsys: Out) -> None:
    assert run(["mark", "voice.wav", "-o", "out.ogg", "--key", "key.json"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Wrote out.ogg: 8.0 s, 16000 Hz mono, ")
    assert "in out.ogg.c2pa, to be kept beside it" in text
    assert run(["detect", "out.ogg", "voice.wav", "--key", "key.json"]) == 0
    found, none = capsys.readouterr().out.split("\n\n")
    assert found.startswith("out.ogg: generated\n")
    assert "speed and pitch as marked; at 0:0" in found
    assert "in out.ogg.c2pa beside" in found
    assert none.startswith("voice.wav: none found\n")
    assert run(["detect", "voice.wav", "--key", "key.json", "--effort", "fast"]) == 1
    assert "tempo and pitch were not searched" in " ".join(capsys.readouterr().out.split())


def test_detect_as_json(here: Path, capsys: Out) -> None:
    arguments = ["detect", "marked.opus", "--key", "key.json", "--trust", "key.root.pem", "--json"]
    assert run(arguments) == 0
    data = json.loads(capsys.readouterr().out)
    VALIDATOR.validate(data)
    assert data["basis"] == ["watermark", "manifest"]
    watermark, manifest = data["findings"][:2]
    assert watermark["geometry"] == {"tempo": 1.0, "pitch": 1.0}
    assert watermark["segments"]
    assert (manifest["status"], manifest["sidecar"]) == ("trusted", "marked.opus.c2pa")


def test_mark_as_json(here: Path, capsys: Out) -> None:
    assert run(["mark", "voice.wav", "-o", "out.m4a", "--key", "key.json", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["output"]["media_type"] == "audio/mp4"
    assert data["layers"][0]["snr"] > 15


# --- bad input: one line, status 2, no output, nothing left behind ---


def written(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return name


def empty(folder: Path) -> str:
    return written(folder, "in.wav", b"")


def text(folder: Path) -> str:
    return written(folder, "in.mp3", b"not a sound\n" * 100)


def mislabelled(folder: Path) -> str:
    return written(folder, "in.mp3", (folder / "voice.wav").read_bytes())


def head_only(folder: Path) -> str:
    return written(folder, "in.wav", (folder / "voice.wav").read_bytes()[:44])


def absurd_rate(folder: Path) -> str:
    data = bytearray((folder / "voice.wav").read_bytes())
    struct.pack_into("<I", data, 24, 1_000_000)
    return written(folder, "in.wav", bytes(data))


def not_a_number(folder: Path) -> str:
    samples = melody(2.0).copy()
    samples[500] = np.nan
    soundfile.write(folder / "in.wav", samples, RATE, subtype="FLOAT")
    return "in.wav"


def endless(folder: Path) -> str:
    rendered_sound.file(folder / "in.flac", "FLAC")
    data = bytearray((folder / "in.flac").read_bytes())
    data[21] |= 15
    data[22:26] = b"\xff" * 4
    return written(folder, "in.flac", bytes(data))


def cut_off_mp4(folder: Path) -> str:
    rendered_sound.file(folder / "in.m4a", "M4A")
    return written(folder, "in.m4a", (folder / "in.m4a").read_bytes()[:3000])


BAD_INPUT = [
    empty, text, mislabelled, head_only, absurd_rate, not_a_number, endless, cut_off_mp4,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD_INPUT)
def test_bad_input(
    make: Callable[[Path], str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = make(here)
    before = sorted(here.iterdir())
    for arguments in (
        ["detect", name],
        ["detect", name, "--key", "key.json", "--json"],
        ["mark", name, "-o", "out.wav", "--key", "key.json"],
        ["mark", name, "-o", "out.ogg", "--key", "key.json"],
    ):
        assert run(arguments) == 2
        captured = capfd.readouterr()
        assert not captured.out
        assert name in one_line(captured.err)
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    ("samples", "cause"), [(np.zeros((4 * RATE, 1), np.float32), "silent"), (melody(0.2), "0.20 s")]
)
def test_what_cannot_hold_a_mark(samples: np.ndarray, cause: str, here: Path, capsys: Out) -> None:
    rendered_sound.file(here / "in.wav", "WAV", samples)
    before = sorted(here.iterdir())
    assert run(["mark", "in.wav", "-o", "out.wav", "--key", "key.json"]) == 2
    assert cause in one_line(capsys.readouterr().err)
    assert sorted(here.iterdir()) == before


# --- interrupted ---


def mind_signals() -> None:
    """Undo that a shell without job control lets what it starts in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
@pytest.mark.parametrize("target", ["out.wav", "out.mp3", "out.ogg"])
def test_an_interruption_leaves_nothing(
    target: str, number: int, status: int, words: str, here: Path
) -> None:
    long = np.tile(sixteen(melody(8.0)), (150, 1))  # twenty minutes
    soundfile.write(here / "long.wav", long, RATE)
    before = sorted(here.iterdir())
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "waarmerk", "mark", "long.wav", "-o", target, "--key", "key.json"],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=mind_signals,  # noqa: PLW1509 - no threads here
    ) as one:
        try:
            end = time.monotonic() + 60
            while not list(here.glob(".waarmerk-*")) and time.monotonic() < end:
                time.sleep(0.01)
            one.send_signal(number)
            out, error = one.communicate(timeout=60)
        finally:
            one.kill()
    assert (one.returncode, out) == (status, "")
    assert error.strip() == f"waarmerk: {words}"
    assert sorted(here.iterdir()) == before
