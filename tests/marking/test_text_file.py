"""Marking texts: the manifest in or beside them or an error, and on an error nothing."""

import io
import json
import unicodedata
from pathlib import Path

import c2pa
import pytest

from tests.second_validator import verified
from waarmerk import MarkId, MarkingKey, detect_file, mark_file
from waarmerk.detection.manifest import read_manifest
from waarmerk.errors import CannotMarkError, InputError, OutputError, SigningError
from waarmerk.marking import file, text_file
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.provenance import ALTERED, GENERATED, offline_settings
from waarmerk.marking.signer import Signer
from waarmerk.marking.text_file import ALREADY_WRITTEN, checked_text
from waarmerk.marking.text_wrapper import (
    bytes_of,
    find_wrappers,
    length_of,
    strip_hidden,
    wrapper_of,
)

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
ID = MarkId.from_hex("0123456789abcdef")
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
TEXT = "Één café, in Ångström.\r\n\r\n\tTwo\nthree 👩‍💻"


def written(folder: Path, content: str | bytes = TEXT, name: str = "in.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def marked(folder: Path, content: str | bytes = TEXT, name: str = "out.txt", **options) -> Path:
    source = written(folder, content, "in" + Path(name).suffix)
    mark_file(source, folder / name, KEY, signer=SIGNER, **options)
    return folder / name


def mark_with_label(source: Path, target: Path, label: bool | None):
    def never(*_: object) -> object:
        raise AssertionError

    return file.mark_file(
        source,
        target,
        KEY,
        detect=never,
        listen=never,
        read_manifest=read_manifest,
        signer=SIGNER,
        label=label,
    )


def detected(path: Path):
    return detect_file(path, (), (CHAIN.root,))


def only(folder: Path, *names: str) -> bool:
    return sorted(p.name for p in folder.iterdir()) == sorted(names)


# What is written


@pytest.mark.parametrize("name", ["out.txt", "out.text", "out.md", "out.markdown"])
def test_the_manifest_is_at_the_end_and_the_text_as_it_was(tmp_path, name):
    source = written(tmp_path)
    report = mark_file(source, tmp_path / name, KEY, signer=SIGNER)
    data = (tmp_path / name).read_bytes()
    assert data.startswith(TEXT.encode() + b"\xef\xbb\xbf")
    assert strip_hidden(data.decode()) == TEXT
    (wrapper,) = find_wrappers(data.decode())
    assert wrapper.run_end == len(data.decode())
    assert len(data) == len(TEXT.encode()) + length_of(len(wrapper.store))
    assert only(tmp_path, "in.txt", name)
    seen = detected(tmp_path / name)
    assert seen.verdict == "generated"
    assert seen.basis == ("manifest",)
    (manifest,) = seen.manifests
    assert manifest.status == "trusted"
    assert manifest.digital_source_type == GENERATED
    assert manifest.soft_bindings == ()
    assert seen.notes[-1].startswith("marks in a text file are fragile")
    assert report.output.size == len(data)


def test_the_report_says_which_layer_is_missing_and_why(tmp_path):
    report = mark_file(written(tmp_path), tmp_path / "out.txt", KEY, signer=SIGNER)
    watermark, manifest = report.as_dict()["layers"]
    assert watermark == {"layer": "watermark", "status": "omitted", "reason": ALREADY_WRITTEN}
    assert (manifest["layer"], manifest["status"]) == ("manifest", "written")
    assert any("fragile" in note for note in report.notes)
    json.dumps(report.as_dict(), allow_nan=False)
    lines = report.lines()
    assert lines[0].startswith(f"Wrote out.txt: {len(TEXT)} characters, ")
    assert lines[1] == f"  watermark  none, because: {ALREADY_WRITTEN}"


@pytest.mark.parametrize("kind", ["generated", "altered"])
def test_a_page_has_its_manifest_beside_it_and_a_label_in_it(tmp_path, kind):
    page = "<!doctype html>\n<title>é</title>\n<p>x</p>\n"
    report = mark_file(
        written(tmp_path, page, "in.html"), tmp_path / "out.html", KEY, signer=SIGNER, kind=kind
    )
    term = GENERATED if kind == "generated" else ALTERED
    meta = f'<meta name="digitalsourcetype" content="{term}">'
    assert (tmp_path / "out.html").read_text() == page.replace("<title>", f"{meta}\n<title>")
    assert only(tmp_path, "in.html", "out.html", "out.html.c2pa")
    seen = detected(tmp_path / "out.html")
    assert seen.verdict == kind
    assert seen.manifests[0].sidecar == "out.html.c2pa"
    assert seen.manifests[0].status == "trusted"
    assert [label.value for label in seen.labels] == [term, None]
    label = report.as_dict()["layers"][2]
    assert label == {
        "layer": "label",
        "status": "written",
        "standard": "iptc.digitalsourcetype",
        "value": term,
    }
    assert "label      iptc.digitalsourcetype" in report.lines()[-2]
    assert report.manifest.sidecar is not None


def test_labels_are_written_when_asked_for_and_not_otherwise(tmp_path):
    page, notes = written(tmp_path, "<p>x", "in.html"), written(tmp_path, "# x\n", "in.md")
    mark_with_label(notes, tmp_path / "1.md", None)
    assert strip_hidden((tmp_path / "1.md").read_text()) == "# x\n"
    mark_with_label(notes, tmp_path / "2.md", True)
    text = (tmp_path / "2.md").read_text()
    assert text.startswith(f"---\ndigitalsourcetype: {GENERATED}\n---\n\n# x\n\ufeff")
    assert detected(tmp_path / "2.md").labels[0].value == GENERATED
    assert detected(tmp_path / "2.md").manifests[0].intact
    mark_with_label(page, tmp_path / "3.html", False)
    assert (tmp_path / "3.html").read_text() == "<p>x"
    with pytest.raises(OutputError, match="no place for a label"):
        mark_with_label(notes, tmp_path / "4.txt", True)
    assert not (tmp_path / "4.txt").exists()


def test_a_text_is_brought_to_its_normal_form(tmp_path):
    other = unicodedata.normalize("NFD", TEXT)
    report = mark_file(written(tmp_path, other), tmp_path / "out.txt", KEY, signer=SIGNER)
    assert strip_hidden((tmp_path / "out.txt").read_bytes().decode()) == TEXT
    assert detected(tmp_path / "out.txt").verdict == "generated"
    assert "normal form C" in report.notes[-1]


def test_a_page_needs_no_normal_form(tmp_path):
    other = unicodedata.normalize("NFD", TEXT)
    target = marked(tmp_path, other, "out.html")
    assert target.read_bytes().decode().endswith(other)
    assert detected(target).verdict == "generated"


def test_a_byte_order_mark_stays(tmp_path):
    target = marked(tmp_path, "\ufeff" + TEXT)
    assert target.read_bytes().decode().startswith("\ufeff" + TEXT)
    assert detected(target).verdict == "generated"


def test_an_altered_text_says_so(tmp_path):
    seen = detected(marked(tmp_path, kind="altered"))
    assert seen.verdict == "altered"
    assert seen.manifests[0].digital_source_type == ALTERED


def test_a_file_can_be_marked_in_place(tmp_path):
    path = written(tmp_path)
    (tmp_path / "in.txt.c2pa").write_bytes(b"stale")
    with pytest.raises(OutputError, match="is the input itself"):
        mark_file(path, path, KEY, signer=SIGNER)
    (tmp_path / "in.txt.c2pa").unlink()
    mark_file(path, path, KEY, signer=SIGNER, overwrite=True)
    assert detected(path).verdict == "generated"
    assert only(tmp_path, "in.txt")


# The wrapper and its readers


def test_only_zeros_fill_a_wrapper_up_which_every_reader_takes(tmp_path):
    fillings = set()
    for number in range(8):
        text = marked(tmp_path, f"text {number}", f"{number}.txt").read_bytes().decode()
        (wrapper,) = find_wrappers(text)
        fillings |= set(bytes_of(text[wrapper.end : wrapper.run_end]))
    # One in ten million manifests still needs others.
    assert fillings == {0x00}


def test_where_zeros_never_suffice_the_standard_has_others(tmp_path, monkeypatch):
    monkeypatch.setattr(text_file, "_MOST_OWN_SIGNATURES", 1)
    for number in range(12):
        target = marked(tmp_path, f"text {number}", f"{number}.txt")
        text = target.read_bytes().decode()
        (wrapper,) = find_wrappers(text)
        assert detected(target).manifests[0].intact
        if 0x10 in bytes_of(text[wrapper.end : wrapper.run_end]):
            return
    pytest.fail("twelve manifests in a row needed zeros alone")


def test_other_readers_find_the_wrapper(tmp_path):
    c2pa_text = pytest.importorskip("c2pa_text")
    data = marked(tmp_path).read_bytes()
    found = c2pa_text.find_wrapper_info(data.decode())
    (wrapper,) = find_wrappers(data.decode())
    assert found == (wrapper.store, len(TEXT.encode()), len(data) - len(TEXT.encode()))


def test_an_independent_verifier_accepts_the_file(tmp_path, monkeypatch):
    pytest.importorskip("encypher_c2pa")
    monkeypatch.setenv("HOME", str(tmp_path))  # it keeps there what telemetry=False says
    for kind in ("generated", "altered"):
        data = marked(tmp_path, name=f"{kind}.txt", kind=kind).read_bytes()
        for content, state in ((data, "Trusted"), (data.replace(b"Two", b"Ten"), "Invalid")):
            report = verified(content, "text/plain", CHAIN.root)
            assert report["validation_state"] == state


def said(text: str) -> dict:
    (wrapper,) = find_wrappers(text)
    return checked_text(text, wrapper, c2pa.Context.from_dict(offline_settings())).said


def codes(store: dict) -> set[str]:
    results = store["validation_results"]["activeManifest"]
    return {status["code"] for group in ("success", "failure") for status in results[group]}


def test_the_hash_is_right_in_either_order_of_the_standard(tmp_path):
    text = marked(tmp_path).read_bytes().decode()
    for form in ("NFC", "NFD"):
        store = said(unicodedata.normalize(form, text))
        assert store["validation_state"] == "Valid"
        assert "assertion.dataHash.match" in codes(store)
        assert "assertion.dataHash.mismatch" not in codes(store)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("Two", "Too"),
        lambda text: text + "more",
        lambda text: "before" + text,
        lambda text: text[:-1],  # one character of padding less
        lambda text: text + "\ufe00",
        lambda text: text[:-1] + "\ufe0f",  # padding that is none
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("\u00e9", "e"),
        lambda text: text[text.index("\ufeff") :],
    ],
)
def test_any_edit_breaks_the_binding(tmp_path, change):
    text = change(marked(tmp_path).read_bytes().decode())
    store = said(text)
    assert store["validation_state"] == "Invalid"
    assert "assertion.dataHash.mismatch" in codes(store)
    assert "assertion.dataHash.match" not in codes(store)


def test_a_manifest_on_another_text_is_not_intact(tmp_path):
    text = marked(tmp_path).read_bytes().decode()
    (wrapper,) = find_wrappers(text)
    other = TEXT.replace("Two", "Ten") + text[wrapper.start :]
    assert said(other)["validation_state"] == "Invalid"


def test_a_changed_signature_stays_wrong_though_the_hash_is_right(tmp_path):
    text = marked(tmp_path).read_bytes().decode()
    (wrapper,) = find_wrappers(text)
    place = wrapper.store.index(b"trainedAlgorithmicMedia")
    store = wrapper.store[:place] + b"T" + wrapper.store[place + 1 :]
    length = length_of(len(store))
    changed = said(TEXT + wrapper_of(store, length))
    assert changed["validation_state"] == "Invalid"
    assert "assertion.hashedURI.mismatch" in codes(changed)


def test_a_lost_marker_leaves_the_binding_whole(tmp_path):
    text = marked(tmp_path).read_bytes().decode().replace("\ufeff", "")
    assert said(text)["validation_state"] == "Valid"


# What the input had


def test_the_earlier_manifest_is_carried_along(tmp_path):
    first = marked(tmp_path, name="1.txt")
    report = mark_file(first, tmp_path / "2.md", KEY, signer=SIGNER)
    assert len(report.notes) == 1
    (wrapper,) = find_wrappers((tmp_path / "2.md").read_bytes().decode())
    assert len(wrapper.store) > 6000
    store = said((tmp_path / "2.md").read_bytes().decode())
    active = store["manifests"][store["active_manifest"]]
    assert active["ingredients"][0]["relationship"] == "parentOf"
    assert active["ingredients"][0]["active_manifest"] in store["manifests"]
    actions = active["assertions"][0]["data"]["actions"]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.converted"]
    seen = detected(tmp_path / "2.md")
    assert seen.verdict == "generated"  # which the first one said
    assert seen.manifests[0].status == "trusted"


def test_a_broken_earlier_manifest_is_carried_along_as_broken(tmp_path):
    first = marked(tmp_path, name="1.txt")
    first.write_bytes(first.read_bytes().replace(b"Two", b"Ten"))
    mark_file(first, tmp_path / "2.txt", KEY, signer=SIGNER)
    seen = detected(tmp_path / "2.txt")
    assert seen.verdict == "generated"
    assert "assertion.dataHash.mismatch@ingredient" in seen.manifests[0].codes
    store = said((tmp_path / "2.txt").read_bytes().decode())
    actions = store["manifests"][store["active_manifest"]]["assertions"][0]["data"]["actions"]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]


def test_a_manifest_beside_the_input_is_carried_along(tmp_path):
    first = marked(tmp_path, "<p>x", "1.html")
    mark_file(first, tmp_path / "2.html", KEY, signer=SIGNER)
    page, beside = (tmp_path / "2.html").read_bytes(), (tmp_path / "2.html.c2pa").read_bytes()
    with c2pa.Reader("text/html", io.BytesIO(page), beside) as reader:
        store = json.loads(reader.json())
    assert len(store["manifests"]) == 2


@pytest.mark.parametrize(
    ("hidden", "note"),
    [
        (wrapper_of(b"no manifest"), "cannot be read and is not kept"),
        (wrapper_of(b""), "cannot be read and is not kept"),
        (wrapper_of(b"cut off")[:-1], "6 of 7 bytes are left of it"),
        (wrapper_of(b"1") + wrapper_of(b"2"), "the 2 manifests of the input are not kept"),
    ],
)
def test_what_cannot_be_kept_is_noted(tmp_path, hidden, note):
    source = written(tmp_path, TEXT + hidden)
    report = mark_file(source, tmp_path / "out.txt", KEY, signer=SIGNER)
    assert note in report.notes[-1]
    assert len(find_wrappers((tmp_path / "out.txt").read_text())) == 1
    assert detected(tmp_path / "out.txt").verdict == "generated"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.html", '<head><script type="application/c2pa">AAAA</script>'),
        ("in.html", '<head><link href="x.c2pa" rel="c2pa-manifest">'),
        ("in.md", "text\n-----BEGIN C2PA MANIFEST----- x -----END C2PA MANIFEST-----\n"),
    ],
)
def test_manifests_of_other_kinds_are_not_broken(tmp_path, name, content):
    source = written(tmp_path, content, name)
    with pytest.raises(InputError, match="already holds or names a manifest"):
        mark_file(source, tmp_path / f"out{source.suffix}", KEY, signer=SIGNER)
    assert only(tmp_path, name)


def test_a_text_about_manifests_is_none(tmp_path):
    marked(tmp_path, "Write <script type=application/c2pa> into the head.", "out.md")


# Errors


@pytest.mark.parametrize(
    ("content", "error", "cause"),
    [
        (b"", InputError, "is empty"),
        (b"abc\xff", InputError, "byte 0xff at offset 3"),
        (b"x" * 70_000 + b"\xff", InputError, "byte 0xff at offset 70000"),
        ("abc".encode("utf-16"), InputError, "UTF-16"),
        (b"a\0b", InputError, "null character"),
        (b" \r\n\t", CannotMarkError, "holds no text"),
        (b"\xef\xbb\xbf", CannotMarkError, "holds no text"),
        (wrapper_of(b"x").encode(), CannotMarkError, "holds no text"),
        (("e" + "\u0315\u0300" * 999).encode(), InputError, "combining marks"),
        (b"\x89PNG\r\n\x1a\n", InputError, "is named .txt but its content is PNG"),
    ],
)
def test_bad_inputs_are_refused_and_nothing_is_written(tmp_path, content, error, cause):
    source = written(tmp_path, content)
    with pytest.raises(error, match=cause) as caught:
        mark_file(source, tmp_path / "out.txt", KEY, signer=SIGNER)
    assert "in.txt" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert only(tmp_path, "in.txt")


def test_without_a_manifest_nothing_is_left(tmp_path):
    with pytest.raises(SigningError, match=r"without a manifest nothing would be written"):
        mark_file(written(tmp_path), tmp_path / "out.txt", KEY, no_manifest="no certificate")
    assert only(tmp_path, "in.txt")


@pytest.mark.parametrize("name", ["out.txt", "out.html"])
def test_a_manifest_that_lies_in_the_way_is_not_overlooked(tmp_path, name):
    source = written(tmp_path, "<p>x", "in" + Path(name).suffix)
    (tmp_path / f"{name}.c2pa").write_bytes(b"of something else")
    with pytest.raises(OutputError, match="would be taken for the manifest"):
        mark_file(source, tmp_path / name, KEY, signer=SIGNER)
    mark_file(source, tmp_path / name, KEY, signer=SIGNER, overwrite=True)
    assert detected(tmp_path / name).verdict == "generated"
    assert (tmp_path / f"{name}.c2pa").exists() == (name == "out.html")


@pytest.mark.parametrize("name", ["out.txt", "out.html"])
def test_a_signer_that_fails_leaves_nothing_behind(tmp_path, name):
    def fails(_: bytes) -> bytes:
        raise RuntimeError("the vault is shut")

    signer = Signer.from_callback(fails, CHAIN.chain)
    source = written(tmp_path, "<p>x", "in" + Path(name).suffix)
    with pytest.raises(SigningError, match="the vault is shut"):
        mark_file(source, tmp_path / name, KEY, signer=signer)
    assert only(tmp_path, source.name)
