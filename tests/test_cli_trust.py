"""The commands `waarmerk trust ...`: what they store, show, refuse."""

import json

import pytest

from tests.detection.manifest.test_trust import certificate, der_of, pem_of
from tests.detection.manifest.test_trust_formats import entity, lote
from waarmerk.cli import cli, run
from waarmerk.cli_trust import trust
from waarmerk.detection.manifest.trust import load_list
from waarmerk.marking.certificate import make_test_chain

CHAIN = make_test_chain()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAARMERK_TRUST", str(tmp_path / "lists"))
    (tmp_path / "root.pem").write_bytes(CHAIN.root)
    if "trust" not in cli.commands:
        monkeypatch.setitem(cli.commands, "trust", trust)
    return tmp_path


def test_add_show_remove(here, capsys):
    assert run(["trust", "list"]) == 0
    assert f"No lists in {here / 'lists'}" in capsys.readouterr().out
    assert run(["trust", "add", "root.pem", "--name", "own"]) == 0
    assert "own: for signers of manifests, 1 certificate" in capsys.readouterr().out
    assert run(["trust", "list", "--certificates"]) == 0
    out = capsys.readouterr().out
    assert "holders   waarmerk test certificate" in out
    assert "CN=waarmerk test root" in out
    assert "from      root.pem, added 20" in out
    assert run(["trust", "remove", "own"]) == 0
    assert capsys.readouterr().out == "Removed own.\n"
    assert run(["trust", "remove", "own"]) == 2
    assert "own: no such list is stored" in capsys.readouterr().err


def test_json(capsys):
    assert run(["trust", "add", "root.pem", "--tsa", "--json"]) == 0
    added = json.loads(capsys.readouterr().out)
    assert run(["trust", "list", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == added
    assert (added["name"], added["kind"], added["source"]) == ("root", "tsa", "root.pem")
    (only,) = added["certificates"]
    assert (only["holder"], only["authority"], only["expired"]) == (
        "waarmerk test certificate",
        True,
        False,
    )
    assert len(only["sha256"]) == 64


def test_no_list_in_json_is_nothing(capsys):
    assert run(["trust", "list", "--json"]) == 0
    assert capsys.readouterr().out == ""


def test_official_form_and_its_dates(here, capsys):
    (here / "list.json").write_bytes(
        lote(entity(der_of(CHAIN.root))).replace(b"2027-08-05", b"2025-08-05")
    )
    assert run(["trust", "add", "list.json"]) == 0
    out = capsys.readouterr().out
    assert "issued    2026-08-05, its successor is due 2025-08-05 (overdue" in out
    (here / "tsa.json").write_bytes(lote(entity(der_of(CHAIN.root)), name="C2PA TSA Trust List"))
    assert run(["trust", "add", "tsa.json"]) == 2
    assert "add it with `waarmerk trust add --tsa`" in capsys.readouterr().err
    assert run(["trust", "add", "tsa.json", "--tsa"]) == 0


def test_expired_certificates_are_counted(here, capsys):
    old = certificate("Old root", ca=True, days=-1)
    (here / "both.pem").write_bytes(pem_of(old) + CHAIN.root)
    assert run(["trust", "add", "both.pem"]) == 0
    assert "2 certificates, 1 of them expired" in capsys.readouterr().out
    assert run(["trust", "list", "--certificates"]) == 0
    assert "CN=Old root, expired " in capsys.readouterr().out


def test_name_is_not_taken_twice(capsys):
    assert run(["trust", "add", "root.pem"]) == 0
    assert run(["trust", "add", "root.pem"]) == 2
    assert "root: a list of that name is stored; replace it with --force" in capsys.readouterr().err
    assert run(["trust", "add", "root.pem", "--force"]) == 0


def test_what_cannot_be_added(here, capsys):
    assert run(["trust", "add", "gone.pem"]) == 2
    assert "gone.pem: cannot be read: No such file" in capsys.readouterr().err
    (here / "key.pem").write_bytes(CHAIN.key)
    assert run(["trust", "add", "key.pem"]) == 2
    assert "holds a private key" in capsys.readouterr().err
    assert run(["trust", "add", "root.pem", "--name", "../out"]) == 2
    assert "cannot be the name of a list" in capsys.readouterr().err
    assert not (here / "lists").exists()


def test_broken_list_is_said_and_the_others_are_shown(here, capsys):
    run(["trust", "add", "root.pem"])
    (here / "lists" / "bad.json").write_text("{}")
    capsys.readouterr()
    assert run(["trust", "list"]) == 2
    said = capsys.readouterr()
    assert "root: for signers" in said.out
    assert "remove it with `waarmerk trust remove bad`" in said.err
    assert run(["trust", "remove", "bad"]) == 0
    assert run(["trust", "list"]) == 0


def test_names_on_certificates_cannot_write_to_the_terminal(here, capsys):
    (here / "evil.pem").write_bytes(pem_of(certificate("Eve\x1b[2J\n\u202eroot", ca=True)))
    assert run(["trust", "add", "evil.pem"]) == 0
    assert run(["trust", "list", "--certificates"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert load_list("evil").name == "evil"


def test_help(capsys):
    assert run(["trust", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("add", "list", "remove"))
    assert run(["trust"]) == 2
