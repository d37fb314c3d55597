"""The command line on everything but watermarks: manifests, labels, trust, signed reports."""

import json
import socket

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from PIL import Image

from tests import rendered_files
from tests.folders import work_in_copy
from tests.rendered import soft_picture
from waarmerk.cli import run
from waarmerk.detection.report import json_schema
from waarmerk.marking.key import MarkingKey

PROFILE = """
[system]
name = "ExampleGen"
version = "2.1"
provider = "Example BV"

[model]
name = "Example XL"

[label]
aigc = { content_producer = "00191110" }
"""
REPORT_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PROMPT = "a portrait of Jane Doe"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    assert run(["keygen", str(folder / "key.json"), "--dev-cert"]) == 0
    soft_picture().save(folder / "plain.jpg", quality=92)
    rendered_files.file(folder, "MP4").rename(folder / "clip.mp4")
    rendered_files.file(folder, "PDF").rename(folder / "paper.pdf")
    (folder / "profile.toml").write_text(PROFILE)
    private = REPORT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "report.pem").write_bytes(private)
    (folder / "report.pem").chmod(0o600)
    public = REPORT_KEY.public_key()
    (folder / "report.pub.pem").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return folder


@pytest.fixture
def here(bench, tmp_path, monkeypatch):
    return work_in_copy(bench, tmp_path, monkeypatch)


def reports(capsys, *arguments):
    """Return the reports that detect prints, and its status."""
    capsys.readouterr()
    status = run(["detect", *arguments, "--json"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()], status


def of_layer(report, layer):
    return [finding for finding in report["findings"] if finding["layer"] == layer]


def test_a_picture_without_a_key_or_a_reason_is_refused(here, capsys):
    assert run(["mark", "plain.jpg", "-o", "out.jpg", "--sign-cert", "key.cert.pem",
                "--sign-key", "key.sign.pem"]) == 2  # fmt: skip
    error = capsys.readouterr().err
    assert "key" in error
    assert len(error.splitlines()) == 1
    assert not (here / "out.jpg").exists()


def test_a_video_needs_a_reason_and_then_gets_a_manifest(here, capsys):
    assert run(["mark", "clip.mp4", "-o", "out.mp4", "--key", "key.json"]) == 2
    assert "--no-watermark" in capsys.readouterr().err
    assert run(["mark", "clip.mp4", "-o", "out.mp4", "--key", "key.json",
                "--no-watermark", "no mark for video yet"]) == 0  # fmt: skip
    said = capsys.readouterr().out
    assert "none, because: no mark for video yet" in said
    (report,), status = reports(capsys, "out.mp4", "--trust", "key.root.pem")
    assert status == 0
    assert report["verdict"] == "generated"
    assert report["basis"] == ["manifest"]
    (mark,) = of_layer(report, "watermark")
    assert mark["status"] == "not_checked"
    assert of_layer(report, "manifest")[0]["status"] == "trusted"


def test_a_document_needs_no_reason(here, capsys):
    assert run(["mark", "paper.pdf", "-o", "out.pdf", "--key", "key.json"]) == 0
    assert "unless" in capsys.readouterr().out
    (report,), _ = reports(capsys, "out.pdf")
    assert report["verdict"] == "generated"


def test_a_profile_and_options_before_it(here, capsys):
    status = run(["mark", "plain.jpg", "-o", "out.jpg", "--key", "key.json",
                  "--profile", "profile.toml", "--system-version", "3"])  # fmt: skip
    assert status == 0
    (report,), _ = reports(capsys, "out.jpg", "--key", "key.json")
    systems = [x for x in of_layer(report, "label") if x["standard"] == "iptc.aisystem"]
    assert systems[0]["value"] == "ExampleGen"
    assert systems[0]["details"] == {"version": "3"}
    (aigc,) = [x for x in of_layer(report, "label") if x["standard"] == "aigc"]
    assert "00191110" in json.dumps(aigc)
    assert of_layer(report, "watermark")[0]["mark_id"] in json.dumps(aigc)


def test_a_profile_with_a_person_in_it_is_refused(here, capsys):
    (here / "bad.toml").write_text('[system]\nname = "x"\nuser = "Jane"\n')
    assert run(["mark", "plain.jpg", "-o", "o.jpg", "--key", "key.json",
                "--profile", "bad.toml"]) == 2  # fmt: skip
    error = capsys.readouterr().err
    assert "bad.toml" in error
    assert "user" in error
    assert "Jane" not in error


def test_what_was_put_in_is_told(here, capsys):
    assert run(["mark", "plain.jpg", "-o", "part.png", "--key", "key.json"]) == 0
    assert run(["mark", "clip.mp4", "-o", "out.mp4", "--key", "key.json", "--altered",
                "--no-watermark", "x", "--part", "part.png"]) == 0  # fmt: skip
    (report,), _ = reports(capsys, "out.mp4")
    (manifest,) = of_layer(report, "manifest")
    parts = [x for x in manifest["ingredients"] if x["relationship"] == "componentOf"]
    assert [part["status"] for part in parts] == ["intact"]
    assert parts[0]["digital_source_type"].endswith("trainedAlgorithmicMedia")


def test_a_manifest_that_was_lost_is_found_again(here, capsys):
    (here / "kept").mkdir()
    assert run(["mark", "plain.jpg", "-o", "out.png", "--key", "key.json",
                "--keep-manifest", "kept"]) == 0  # fmt: skip
    with Image.open(here / "out.png") as image:
        image.convert("RGB").save(here / "lost.jpg", quality=85)
    (without,), _ = reports(capsys, "lost.jpg", "--key", "key.json")
    assert of_layer(without, "manifest")[0]["status"] == "absent"
    (report,), _ = reports(
        capsys, "lost.jpg", "--key", "key.json", "--manifests", "kept", "--trust", "key.root.pem"
    )
    (manifest,) = of_layer(report, "manifest")
    assert manifest["status"] == "recovered"
    assert manifest["signer"].startswith("waarmerk test signer")
    assert report["basis"] == ["watermark"]


def test_a_folder_of_manifests_that_is_not_there(here, capsys):
    assert run(["detect", "plain.jpg", "--manifests", "absent"]) == 2
    assert "absent: there is no such folder" in capsys.readouterr().err


def test_stored_lists_of_trust_are_asked(here, capsys):
    run(["mark", "paper.pdf", "-o", "out.pdf", "--key", "key.json"])
    assert run(["trust", "add", "key.root.pem", "--name", "ours"]) == 0
    try:
        (report,), _ = reports(capsys, "out.pdf")
        (manifest,) = of_layer(report, "manifest")
        assert (manifest["status"], manifest["trust_list"]) == ("trusted", "ours")
        (report,), _ = reports(capsys, "out.pdf", "--no-stored-trust")
        assert of_layer(report, "manifest")[0]["status"] == "valid"
    finally:
        assert run(["trust", "remove", "ours"]) == 0


def test_a_signed_report_is_verified(here, capsys):
    run(["mark", "paper.pdf", "-o", "out.pdf", "--key", "key.json"])
    capsys.readouterr()
    assert run(["detect", "out.pdf", "--sign", "report.pem"]) == 0
    line = capsys.readouterr().out
    (here / "report.jws").write_text(line)
    assert line.count("\n") == 1
    assert len(line.split(".")) == 3
    verify = ["verify-report", "report.jws", "--key", "report.pub.pem", "--content"]
    assert run([*verify, "out.pdf"]) == 0
    assert run([*verify, "paper.pdf"]) == 2
    header, payload, signature = line.strip().split(".")
    (here / "report.jws").write_text(f"{header}.{payload[:-4]}AAAA.{signature}")
    assert run([*verify, "out.pdf"]) == 2
    capsys.readouterr()


def test_personal_data_only_when_asked_for(here, capsys):
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("parameters", f"{PROMPT}\nSteps: 20, Sampler: Euler a, Seed: 1, Model: xl")
    soft_picture().save(here / "sd.png", pnginfo=text)
    (report,), _ = reports(capsys, "sd.png")
    assert report["verdict"] == "claimed"
    assert "Jane" not in json.dumps(report)
    assert run(["detect", "sd.png"]) == 0
    assert "Jane" not in capsys.readouterr().out
    (report,), _ = reports(capsys, "sd.png", "--include-personal")
    assert PROMPT in json.dumps(report)
    pytest.importorskip("jsonschema").validate(report, json_schema())


def test_an_authority_that_cannot_be_reached(here, capsys):
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/tsa"
        assert run(["mark", "paper.pdf", "-o", "out.pdf", "--key", "key.json",
                    "--timestamp", url]) == 2  # fmt: skip
    error = capsys.readouterr().err
    assert url in error
    assert len(error.splitlines()) == 1
    assert not (here / "out.pdf").exists()


def test_without_a_watermark_no_key_is_needed(here, capsys):
    assert run(["mark", "plain.jpg", "-o", "out.jpg", "--no-watermark", "checked by hand",
                "--sign-cert", "key.cert.pem", "--sign-key", "key.sign.pem"]) == 0  # fmt: skip
    key = MarkingKey.load(here / "key.json")
    assert key.key_id not in capsys.readouterr().out
    with Image.open("plain.jpg") as before, Image.open("out.jpg") as after:
        assert before.tobytes() == after.tobytes()
    (report,), _ = reports(capsys, "out.jpg", "--key", "key.json")
    assert report["basis"] == ["manifest"]
