import importlib.util
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from waarmerk.bench.peers import schemes
from waarmerk.bench.peers.client import PeerWorker
from waarmerk.bench.peers.schemes import PEERS, peer_names, ready_peer
from waarmerk.bench.protocol import MEDIA, Content, RefusedError, Scheme, Sound
from waarmerk.bench.seeds import rng_for
from waarmerk.cli_bench_peers import peers
from waarmerk.errors import InputError

ROOT = Path(__file__).parents[3]
TEXT_PEERS = ["transformers.kgw.lefthash", "transformers.kgw.selfhash", "transformers.synthid"]

# A peer that hides its bits in plain sight: the first pixels, white for 1.
PLAIN_PEER = """
import numpy as np

def start(arguments):
    return {"plain": "1"}

def answer(request):
    rgb = np.load(request["input"])
    flat = rgb.reshape(-1, 3)
    if len(flat) < 64:
        raise RuntimeError("image too small")
    if request["do"] == "embed":
        flat[: len(request["bits"])] = [[255 * int(bit)] * 3 for bit in request["bits"]]
        np.save(request["output"], rgb)
        return {}
    return {"bits": "".join(str(int(value > 127)) for value in flat[: request["length"], 0])}
"""

# What audiowmark's command line does, with the message beside the sound in place of in it.
PLAIN_PROGRAM = """#!{python}
import json, shutil, sys
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("audiowmark 0.0.1")
elif arguments[0] == "add":
    source, target, message = arguments[-3:]
    bits = int(arguments[arguments.index("--short") + 1]) if "--short" in arguments else 128
    assert len(message) == bits // 4
    shutil.copy(source, target)
    key = open(arguments[arguments.index("--key") + 1]).read()
    open({store!r}, "w").write(json.dumps([key, message]))
else:
    key, message = json.load(open({store!r}))
    same = key == open(arguments[arguments.index("--key") + 1]).read()
    weak = {{"bits": "00" * (len(message) // 2), "rating": 0.3}}
    found = [weak, {{"bits": message, "rating": 1.3}}] if same else []
    json.dump({{"matches": found}}, open(arguments[arguments.index("--json") + 1], "w"))
"""


def picture(width=64, height=48):
    return rng_for("peers", width).integers(0, 256, (height, width, 3)).astype(np.uint8)


def content(medium, load):
    return Content("some/thing", medium, "some", load)


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """Let the image peers run in this interpreter, by a worker that needs no package."""
    path = tmp_path / "plain.py"
    path.write_text(PLAIN_PEER)
    with PeerWorker("plain", sys.executable, path) as worker:
        monkeypatch.setattr(schemes, "_worker", lambda *_: worker)
        yield


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / "audiowmark"
    path.write_text(PLAIN_PROGRAM.format(python=sys.executable, store=str(tmp_path / "store")))
    path.chmod(0o755)
    monkeypatch.setenv("WAARMERK_AUDIOWMARK", str(path))
    return path


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_is_a_scheme_of_its_name_made_without_its_environment(name):
    scheme = PEERS[name]()
    assert isinstance(scheme, Scheme)
    assert scheme.name == name
    assert scheme.medium in MEDIA


def test_a_picture_is_marked_and_read_and_nothing_is_said_of_found(plain):
    scheme, value = PEERS["imwatermark.dwtDct"](), picture()
    before = value.copy()
    marked = scheme.mark(content("image", picture), value, 0)
    assert np.array_equal(value, before)
    assert len(marked.payload) == 8
    assert marked.seconds >= 0
    [first, second] = scheme.read(marked.value, [0, 1])
    assert (first.payload, first.found, first.log10_p) == (marked.payload, None, None)
    assert second == first  # without keys, it is read once
    assert scheme.mark(content("image", picture), value, 0).payload == marked.payload
    assert scheme.mark(content("image", picture), value, 0, 1).payload != marked.payload


def test_more_bits_have_a_name_of_their_own(plain):
    scheme = schemes.ImwatermarkDwtDctSvd(64)
    assert scheme.name == "imwatermark.dwtDctSvd.64bit"
    marked = scheme.mark(content("image", picture), picture(), 3)
    assert scheme.read(marked.value, [3])[0].payload == marked.payload
    with pytest.raises(InputError, match="no whole hex digits"):
        schemes.ImwatermarkDwtDct(33)


def test_what_a_peer_refuses_is_refused_or_not_read(plain):
    scheme, small = PEERS["blind-watermark"](), picture(4, 4)
    with pytest.raises(RefusedError, match="image too small"):
        scheme.mark(content("image", picture), small, 0)
    [reading] = scheme.read(small, [0])
    assert (reading.found, reading.payload) == (None, None)


@pytest.mark.skipif(sys.platform == "win32", reason="a script as a program")
def test_a_sound_is_marked_with_a_key_and_the_best_rated_pattern_is_read(program):
    samples = rng_for("sound").uniform(-0.5, 0.5, (4000, 1)).astype(np.float32)
    sound = Sound(samples, 8000)
    for name, found in (
        ("audiowmark", (None, None)),
        ("audiowmark.16bit.strength30", (True, False)),
    ):
        scheme = PEERS[name]()
        marked = scheme.mark(content("audio", lambda: sound), sound, 0)
        assert marked.value.rate == 8000
        assert marked.value.samples.shape == samples.shape
        [own, other] = scheme.read(marked.value, [0, 1])
        assert (own.payload, other.payload) == (marked.payload, None)
        assert (own.found, other.found) == found
        assert own.seconds > 0


def test_which_peers_a_suite_has(monkeypatch):
    monkeypatch.setenv("WAARMERK_PEERS", "")
    assert peer_names("image", large=False, audiowmark=False) == [
        "imwatermark.dwtDct",
        "imwatermark.dwtDctSvd",
        "blind-watermark",
    ]
    sounds = ["audiowmark", "audiowmark.16bit.strength30"]
    assert peer_names("audio", large=False, audiowmark=True) == sounds
    assert peer_names("text", large=False, audiowmark=True) == []
    assert peer_names("text", large=True, audiowmark=True) == TEXT_PEERS
    assert len(peer_names("all", large=True, audiowmark=True)) == len(PEERS) - 1


def test_a_peer_that_is_not_installed_says_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WAARMERK_PEERS", str(tmp_path))
    with pytest.raises(InputError, match="`waarmerk bench peers` makes it"):
        ready_peer("blind-watermark")
    monkeypatch.setenv("WAARMERK_AUDIOWMARK", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"absent: is no program; install audiowmark"):
        ready_peer("audiowmark")


def test_the_z_score_becomes_a_p_value_by_the_normal_law():
    assert schemes._upper_tail(0.0) == pytest.approx(-0.30103, abs=1e-5)
    assert schemes._upper_tail(3.0) == pytest.approx(-2.86970, abs=1e-5)
    assert schemes._upper_tail(40.0) == pytest.approx(-349.43701, abs=1e-4)
    assert schemes._upper_tail(-50.0) == 0.0


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Keep what the command sets for its workers out of other tests."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setitem(os.environ, "PATH", "")
    os.environ.pop("WAARMERK_AUDIOWMARK", None)
    return tmp_path


def test_the_command_lists_peers_with_versions_and_state(environment):
    done = CliRunner().invoke(peers, ["--list", "--environments", str(environment)])
    assert done.exit_code == 0, done.output
    assert all(name in done.output for name in PEERS)
    assert "invisible-watermark==0.2.0, absent (1120 MB)" in done.output
    assert "audiowmark: no such program" in done.output


def test_the_command_prints_what_was_published():
    done = CliRunner().invoke(peers, ["--published", "--suite", "text"])
    assert done.exit_code == 0
    assert "Text: published, not measured here" in done.output
    assert "Image" not in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "text"], "add --with-large"),
        (["--suite", "audio"], "audiowmark is not on the PATH"),
        (["--peer", "stegastamp"], "no such peer: stegastamp; there are imwatermark.dwtDct"),
        (["--suite", "audio", "--peer", "blind-watermark"], "marks something else"),
    ],
)
def test_what_the_command_cannot_do_it_says_before_anything_is_installed(
    environment, arguments, said
):
    options = ["--environments", str(environment / "peers"), *arguments]
    done = CliRunner().invoke(peers, options)
    assert isinstance(done.exception, InputError)
    assert said in str(done.exception)
    assert not (environment / "peers").exists()


def test_the_example_is_a_scheme_that_reads_what_it_marked():
    if importlib.util.find_spec("blind_watermark") is None:  # importing it has side effects
        pytest.skip("needs blind-watermark")
    path = ROOT / "examples/bench_scheme.py"
    spec = importlib.util.spec_from_file_location("bench_scheme", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scheme, value = module.BlindWatermark(), picture(128, 128)
    assert isinstance(scheme, Scheme)
    marked = scheme.mark(content("image", picture), value, 0)
    assert [r.payload == marked.payload for r in scheme.read(marked.value, [0, 1])] == [True, False]
    assert json.dumps(marked.payload)
    with pytest.raises(RefusedError, match="too small"):
        scheme.mark(content("image", picture), picture(32, 32), 0)
    assert scheme.read(picture(32, 32), [0])[0].payload is None
