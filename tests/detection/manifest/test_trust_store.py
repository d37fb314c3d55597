"""The folder in which lists of trust are kept: what is stored, replaced, refused, removed."""

import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.detection.manifest.test_reader import CHAIN, OTHER
from tests.detection.manifest.test_trust import LEAF, SIGNED, der_of
from tests.detection.manifest.test_trust_formats import entity, lote
from waarmerk.detection.manifest import read_manifest
from waarmerk.detection.manifest.trust import (
    add_list,
    load_list,
    remove_list,
    stored_lists,
    stored_names,
    trust_folder,
)
from waarmerk.errors import InputError, OutputError, WaarmerkError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WAARMERK_TRUST", str(tmp_path / "new" / "trust"))
    return tmp_path / "new" / "trust"


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "Our Root (2026).pem"
    path.write_bytes(CHAIN.root)
    return path


def test_list_is_kept(folder, root):
    assert stored_names() == []
    assert list(stored_lists()) == []
    added = add_list(root)
    assert added.name == "our-root-2026"
    assert stored_names() == ["our-root-2026"]
    (stored,) = stored_lists()
    assert stored == added
    assert (stored.source, stored.kind) == ("Our Root (2026).pem", "manifest")
    assert datetime.fromisoformat(stored.added) <= datetime.now(UTC)
    finding = read_manifest(SIGNED, "image/jpeg", stored_lists())
    assert (finding.status, finding.trust_list) == ("trusted", "our-root-2026")
    assert [path.name for path in folder.iterdir()] == ["our-root-2026.json"]
    if os.name == "posix":
        assert stat.S_IMODE((folder / "our-root-2026.json").stat().st_mode) == 0o644
    remove_list("our-root-2026")
    assert stored_names() == []


def test_dates_and_kind_are_kept(folder, tmp_path):
    (tmp_path / "list.json").write_bytes(lote(entity(der_of(CHAIN.root)), entity(der_of(LEAF))))
    add_list(tmp_path / "list.json", name="A.b_c-1")
    add_list(tmp_path / "list.json", name="times", kind="tsa")
    found = load_list("A.b_c-1")
    assert (found.issued, found.next_update) == ("2026-08-05T00:11:39Z", "2027-08-05T00:11:39Z")
    assert (len(found.authorities), len(found.signers)) == (1, 1)
    assert load_list("times").kind == "tsa"
    assert [listed.name for listed in stored_lists()] == ["A.b_c-1", "times"]


def test_nothing_is_replaced_by_accident(folder, root, tmp_path):
    add_list(root, name="own")
    before = (folder / "own.json").read_bytes()
    (tmp_path / "other.pem").write_bytes(OTHER.root)
    with pytest.raises(OutputError, match=r"own: a list of that name is stored.*--force"):
        add_list(tmp_path / "other.pem", name="own")
    (tmp_path / "broken.pem").write_bytes(CHAIN.root[:-60])
    with pytest.raises(InputError, match="broken"):
        add_list(tmp_path / "broken.pem", name="own", overwrite=True)
    assert (folder / "own.json").read_bytes() == before
    add_list(tmp_path / "other.pem", name="own", overwrite=True)
    assert load_list("own").authorities == (der_of(OTHER.root),)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".x", "x" * 65, "nul", "é"])
def test_names_are_no_paths(folder, root, name):
    with pytest.raises(InputError, match="cannot be the name of a list"):
        add_list(root, name=name)
    with pytest.raises(InputError, match="cannot be the name of a list"):
        remove_list(name)
    assert not folder.exists()


def test_what_is_wrong_with_the_folder_is_said(folder, root):
    with pytest.raises(InputError, match=r"gone\.pem: cannot be read: No such file"):
        add_list(root.with_name("gone.pem"))
    with pytest.raises(InputError, match="own: no such list is stored"):
        remove_list("own")
    with pytest.raises(InputError, match="own: no such list is stored"):
        load_list("own")
    folder.parent.write_bytes(b"a file")
    with pytest.raises(WaarmerkError, match="cannot be"):
        add_list(root)
    with pytest.raises(WaarmerkError, match="cannot be"):
        stored_names()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": "waarmerk.trust-list/2", "kind": "manifest", "certificates": []}',
        b'{"format": "waarmerk.trust-list/1", "kind": "manifest", "certificates": []}',
        b'{"format": "waarmerk.trust-list/1", "kind": "manifest", "certificates": ["AAAA"]}',
        b'{"format": "waarmerk.trust-list/1", "kind": "manifest", "certificates": 5}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_broken_list_is_an_error_and_can_be_removed(folder, root, content):
    add_list(root, name="own")
    (folder / "bad.json").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.json: is no list of waarmerk's.*trust remove bad"):
        stored_lists()
    remove_list("bad")
    assert len(stored_lists()) == 1


def test_where_the_folder_is(monkeypatch):
    monkeypatch.setenv("WAARMERK_TRUST", "here/it is")
    assert trust_folder() == Path("here/it is")
    monkeypatch.delenv("WAARMERK_TRUST")
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/xdg")
    monkeypatch.setattr(sys, "platform", "linux")
    assert trust_folder() == Path("/etc/xdg/waarmerk/trust")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert trust_folder() == Path("/home/somebody/.config/waarmerk/trust")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert trust_folder() == Path("/home/somebody/Library/Application Support/waarmerk/trust")
