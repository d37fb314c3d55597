import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from waarmerk.bench.peers import environments
from waarmerk.bench.peers.environments import (
    ENVIRONMENTS,
    Environment,
    environments_folder,
    installed,
    make,
    python_of,
    state_of,
)
from waarmerk.errors import InputError, OutputError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Let no tool but venv and pip be used, and no index be reached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environments.shutil, "which", lambda _name: None)
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        yield


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return a package of one module."""
    path = tmp_path_factory.mktemp("wheels") / "tiny_peer-1.5-py3-none-any.whl"
    info = "tiny_peer-1.5.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_peer.py", "MARK = 7\n")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-peer\nVersion: 1.5\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def tiny(wheel):
    return Environment("tiny", "image", (), (f"tiny-peer @ {wheel.as_uri()}",), megabytes=20)


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """Return a folder with that environment, made once, and what was said."""
    path = tmp_path_factory.mktemp("peers") / "below"
    said = []
    assert make(tiny, path, said.append)
    return path, said


def test_the_table_pins_every_package_and_names_no_host():
    for name, environment in ENVIRONMENTS.items():
        assert name == environment.name
        assert environment.megabytes > 0
        for requirement in (*environment.requirements, *environment.alone):
            assert re.fullmatch(r"[A-Za-z][\w.-]+==\d[\w.]*", requirement)
    for path in (ROOT / "waarmerk/bench/peers").glob("*.py"):
        assert "index-url" not in path.read_text()
        assert "://" not in path.read_text()


def test_an_environment_has_what_was_asked_for_and_says_what_and_how_large(tiny, folder):
    path, said = folder
    assert state_of(tiny, path) == "ready"
    assert installed(tiny, path)["tiny-peer"] == "1.5"
    code = "import tiny_peer, sys; print(tiny_peer.MARK, sys.prefix)"
    done = subprocess.run(  # noqa: S603
        [python_of(tiny, path), "-c", code], capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == ["7", str(path / "tiny")]
    assert "tiny-peer" in said[0]
    assert "about 20 MB" in said[0]
    assert re.fullmatch(r"tiny: done, \d+ MB", said[1])


def test_making_it_again_does_nothing(tiny, folder):
    path, _ = folder
    before = (path / "tiny/peer.json").stat().st_mtime_ns
    assert not make(tiny, path, pytest.fail)
    assert (path / "tiny/peer.json").stat().st_mtime_ns == before


def test_a_half_made_one_is_made_anew(tiny, folder):
    path, _ = folder
    (path / "tiny/peer.json").unlink()
    (path / "tiny/left over").write_text("of the first try")
    assert state_of(tiny, path) == "half made"
    assert installed(tiny, path) == {}
    with pytest.raises(InputError, match="half made; `waarmerk bench peers` makes it"):
        python_of(tiny, path)
    assert make(tiny, path, lambda _line: None)
    assert state_of(tiny, path) == "ready"
    assert not (path / "tiny/left over").exists()


def test_another_table_or_another_python_is_outdated(tiny, folder, monkeypatch):
    path, _ = folder
    other = Environment("tiny", "image", ("another==1",))
    assert state_of(other, path) == "outdated"
    monkeypatch.setattr(environments.platform, "python_version", lambda: "3.99.0")
    assert state_of(tiny, path) == "outdated"


def test_no_network_is_said_and_leaves_what_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_RETRIES", "1")
    absent = Environment("absent", "image", ("waarmerk-no-such-package==1.0",))
    with pytest.raises(OutputError, match="absent: pip reached no package index") as error:
        make(absent, tmp_path, lambda _line: None)
    assert "\n" not in str(error.value)
    assert state_of(absent, tmp_path) == "half made"


def test_a_folder_of_somebody_else_is_not_removed(tiny, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="was not made by this command"):
        make(tiny, tmp_path, lambda _line: None)
    assert (tmp_path / "tiny/thesis.txt").read_text() == "years of work"


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_two_do_not_make_the_same_at_once(tiny, tmp_path):
    import fcntl

    with (tmp_path / "tiny.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process is making this environment"):
            make(tiny, tmp_path, lambda _line: None)


def test_a_marker_that_is_no_json(tiny, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/peer.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        state_of(tiny, tmp_path)


def test_what_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="absent; `waarmerk bench peers --with-large` makes it"):
        python_of(ENVIRONMENTS["transformers"], tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the folder for caches of Linux")
def test_the_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("WAARMERK_PEERS", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert environments_folder() == Path("/home/ada/.cache/waarmerk/peers")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert environments_folder() == Path("/cache/waarmerk/peers")
    monkeypatch.setenv("WAARMERK_PEERS", "/peers")
    assert environments_folder() == Path("/peers")


def test_the_marker_says_what_was_installed(tiny, folder):
    path, _ = folder
    marker = json.loads((path / "tiny/peer.json").read_text())
    assert marker["alone"] == list(tiny.alone)
    assert not (path / "tiny/peer.json.part").exists()
