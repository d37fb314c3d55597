import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from waarmerk.bench.peers import client
from waarmerk.bench.peers.client import PeerError, PeerRefusedError, PeerWorker

FAKE = Path(__file__).with_name("fake_worker.py")


def worker(*arguments, **seconds):
    return PeerWorker("fake", sys.executable, FAKE, arguments, **seconds)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def gone_within(seconds, test):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return True
        time.sleep(0.05)
    return False


def test_a_worker_answers_with_arrays_versions_and_seconds():
    with worker("one", "two") as fake:
        assert fake.versions() == {"peer": "1.0", "arguments": "one two"}
        source, target = fake.file("in.npy"), fake.file("out.npy")
        np.save(source, np.arange(4))
        answer = fake.ask(do="double", input=str(source), output=str(target))
        assert np.load(target).tolist() == [0, 2, 4, 6]
        assert answer["threads"] == "1"
        assert 0 <= answer["cpu"] < 10
        assert 0 <= answer["wall"] < 10
        folder, process = source.parent, answer["process"]
    assert not folder.exists()
    assert not is_alive(process)


def test_our_own_packages_are_out_of_its_way(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with worker() as fake:
        path = fake.ask(do="nothing")["path"]
    assert str(tmp_path) not in path
    assert str(FAKE.parent) not in path


def test_an_error_of_the_peer_is_its_own_words_and_the_process_stays():
    with worker() as fake:
        before = fake.ask(do="nothing")["process"]
        with pytest.raises(PeerRefusedError, match="RuntimeError: image too small"):
            fake.ask(do="raise")
        assert fake.ask(do="nothing")["process"] == before


def test_a_crash_is_an_error_with_the_last_words_and_the_next_question_starts_anew():
    with worker() as fake:
        folder = fake.file("x").parent
        with pytest.raises(PeerError, match=r"fake: its process ended .*cannot go on: out of luck"):
            fake.ask(do="crash")
        assert not folder.exists()
        assert fake.ask(do="nothing")["threads"] == "1"


def test_a_worker_that_hangs_is_ended():
    with worker(seconds=1.5) as fake:
        process = fake.ask(do="nothing")["process"]
        with pytest.raises(PeerError, match=r"no answer within 1\.5 s and was ended"):
            fake.ask(do="hang")
        assert not is_alive(process)
        assert fake.ask(do="nothing")["process"] != process


@pytest.mark.parametrize(
    ("line", "said"),
    [("beep", "no JSON: 'beep'"), ("[1]", "no JSON object"), ("{\\", "no JSON: ")],
)
def test_garbage_is_an_error(tmp_path, monkeypatch, line, said):
    serve = tmp_path / "serve.py"
    serve.write_text(
        "import sys\n"
        "print('{\"versions\": {}}', flush=True)\n"
        f"for _ in sys.stdin: print({line!r}, flush=True)\n"
    )
    monkeypatch.setattr(client, "_SERVE", serve)
    with worker() as fake, pytest.raises(PeerError, match=said):
        fake.ask(do="nothing")


def test_one_that_does_not_start_is_not_tried_again():
    with worker("broken") as fake:
        with pytest.raises(PeerError, match="no module named peer"):
            fake.ask(do="nothing")
        start = time.monotonic()
        with pytest.raises(PeerError, match="no module named peer"):
            fake.ask(do="nothing")
        assert time.monotonic() - start < 0.05


def test_a_start_that_hangs_is_ended():
    with worker("silent", start_seconds=0.5) as fake, pytest.raises(PeerError, match=r"0\.5 s"):
        fake.versions()


def test_a_python_that_is_not_there():
    fake = PeerWorker("fake", "/nowhere/python", FAKE)
    with pytest.raises(PeerError, match="/nowhere/python cannot be started: No such file"):
        fake.versions()


def process_of(fake):
    return fake.ask(do="nothing")["process"]


def test_every_process_of_ours_has_a_worker_of_its_own_which_ends_with_it():
    with worker() as fake, multiprocessing.get_context("spawn").Pool(1) as pool:
        ours, theirs = process_of(fake), pool.apply(process_of, (fake,))
        assert ours != theirs
        pool.close()
        pool.join()
        assert gone_within(10, lambda: not is_alive(theirs))
        assert is_alive(ours)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_nothing_stays_behind_when_we_are_killed():
    code = (
        "import sys; from tests.bench.peers.test_client import worker\n"
        "fake = worker(); print(fake.ask(do='nothing')['process'], fake.file(''), flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as ours:
        process, folder = ours.stdout.readline().split()
        assert Path(folder).is_dir()
        ours.kill()
    assert gone_within(10, lambda: not is_alive(int(process)))
    assert gone_within(10, lambda: not Path(folder).exists())


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_nothing_stays_behind_when_the_worker_is_terminated():
    with worker() as fake:
        process, folder = fake.ask(do="nothing")["process"], fake.file("x").parent
        os.kill(process, signal.SIGINT)  # not for it
        assert fake.ask(do="nothing")["process"] == process
        os.kill(process, signal.SIGTERM)
        assert gone_within(10, lambda: not folder.exists())
