"""What the benchmarks of provenance measure, and the tables that are made of it."""

import json

import pytest

from benchmarks import provenance_conformance, provenance_memory, provenance_report, report
from benchmarks.provenance_conformance import ALONE, BOTH, good
from tests import c2pa_fixtures, rendered_files
from waarmerk.bench import rows as results
from waarmerk.marking.formats import FORMATS


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Rows of some formats, and of everything that a manifest can say."""
    patch = pytest.MonkeyPatch()
    # encypher-c2pa keeps there what telemetry=False says.
    patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    pytest.importorskip("encypher_c2pa")
    patch.setattr(rendered_files, "MADE", ["PNG", "FLAC", "BMP", "MP4", "OGG"])
    rows = [*provenance_conformance.formats(), *provenance_conformance.kinds()]
    yield json.loads(json.dumps(rows))
    patch.undo()


def test_what_is_marked_is_shown_to_everybody(signed):
    rows = {(row["name"], row["how"]): row for row in signed if row["part"] == "formats"}
    both = {name for name, how in rows if how == BOTH}
    assert {name for name, how in rows if how == ALONE} == {
        *("PNG", "FLAC", "BMP", "MP4", "OGG", "TXT", "MARKDOWN", "HTML")
    }
    assert both == {"PNG", "FLAC", "OGG"}
    assert {name for (name, _), row in rows.items() if row["where"] == "embedded"} == {
        *("PNG", "FLAC", "MP4", "TXT", "MARKDOWN")
    }
    assert rows["BMP", ALONE]["encypher"] == "not read"
    assert rows["MARKDOWN", ALONE]["encypher_as_text"] == "Trusted"
    assert all(good(row) for key, row in rows.items() if key[0] not in ("BMP", "MARKDOWN"))
    assert all(row["strict"] != "Trusted" for row in rows.values())


def test_manifests_and_labels_have_their_bytes(signed):
    for row in signed:
        if row["part"] == "formats":
            assert 3000 < row["manifest_bytes"] < 20_000
            assert 0 <= row["label_bytes"] < 1500
    with_mark = {row["name"]: row["manifest_bytes"] for row in signed if row["how"] == BOTH}
    alone = {row["name"]: row["manifest_bytes"] for row in signed if row["how"] == ALONE}
    # The soft binding, with the id and the key.
    assert all(alone[name] < size < alone[name] + 1000 for name, size in with_mark.items())


@pytest.mark.shared
@pytest.mark.skipif(
    not c2pa_fixtures.SHARED.is_dir(), reason="needs the signed files in ../shared/fixtures/c2pa"
)
def test_fixtures_are_read_in_both_runs():
    rows = list(provenance_conformance.fixtures(c2pa_fixtures.SHARED))
    assert len(rows) == 2 * len(c2pa_fixtures.index())
    assert all(row["right"] for row in rows if row["agree"])
    said = "\n".join(provenance_report.conformance_tables(rows))
    assert said.count("35 (100.0 %)") == 2
    assert "| contentauth__c2pa-rs/legacy.mp4 | Valid | Invalid | valid | valid |" in said


def test_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"has no index\.json"):
        list(provenance_conformance.fixtures(tmp_path))


def test_tables_say_who_does_not_accept_what(signed):
    text = provenance_report.conformance(results.header({}, "abc", "provenance"), signed)
    assert "our reader trusts 11 of 11" in text
    assert "MARKDOWN (manifest.structuredText.noManifest)" in text
    assert "| BMP, manifest alone | beside |" in text
    assert "trustedTimeStampMissing" in text
    assert "encypher-c2pa 1." in text
    assert "code abc" in text


def test_a_rule_that_is_broken_is_counted():
    row = {"ours": "trusted", "encypher": "Trusted", "broken": {}, "name": "x", "how": ALONE}
    bad = row | {"broken": {"no_thumbnail": ["x"]}, "encypher": "Invalid: a.b", "name": "y"}
    assert provenance_report.accepted([row, bad]) == (
        "our reader trusts 2 of 2; encypher-c2pa 1 of the 2 whose type it knows, not y (a.b); "
        "1 break a rule of the rubric."
    )
    assert good(row)
    assert not good(bad)


def test_marks_of_others_have_tables():
    counts = [4, 2, 1, 0, 0, 0, 0, 0, 0]
    rows = [
        {"part": "unmarked", "half": half, "folder": "a", "picture": "b", "crops": 100,
         "counts": {"FLUX": counts}, "lowest": {"FLUX": -3.5}}
        for half in ("tuning", "reporting")
    ]  # fmt: skip
    rows += [
        {"part": "marked", "system": "FLUX", "reading": "float", "change": "PNG", "picture": name,
         "log10_p": p, "library": 1.0}
        for name, p in (("a", -9.0), ("b", -5.9))
    ]  # fmt: skip
    rows.append({"part": "equal", "reading": "float", "bits": 48, "different": 3})
    rows.append({"part": "library", "versions": {"opencv": "9"}})
    text = provenance_report.public_marks(results.header({}, "abc", "public marks"), rows)
    line = "| tuning: FLUX | 1 | 100 | 4 (0.04) | 2 (0.02) | 1 (0.01) | 0 | 0 | -3.50 |"
    assert line in text
    assert "tuning 0 in 100 (<= 3.0e-02)" in text
    assert "| FLUX, float | 2 | 50.0 (100.0) |" in text
    assert "float 3 of 48" in text
    assert "not blind" in text
    assert "opencv 9." in text


def test_speed_that_is_not_kept_is_said():
    rows = [
        {"picture": f"{beyond}", "size": "640 x 480", "quality": 75, "what": "detect, no key",
         "ms": 5.0 + beyond, "beyond_ms": beyond}
        for beyond in (1.0, 2.0, 30.0)
    ]  # fmt: skip
    kept, said = provenance_report.speed_kept(rows)
    assert kept
    assert "kept, with 1 of 3 files over it" in said
    assert "detect, no key 2.0 to 2.0 ms" in said
    kept, said = provenance_report.speed_kept(rows[1:])
    assert not kept
    assert "missed" in said
    assert "| 7.0 | 2.0 | 30.0 |" in provenance_report.speed(
        results.header({}, "abc", "whole"), rows
    )


def test_memory_is_measured_in_processes_of_their_own(tmp_path, monkeypatch, capsys):
    out = tmp_path / "memory.jsonl"
    command = ["memory", "PDF", "--mb", "1", "--out", str(out), "--folder", str(tmp_path)]
    monkeypatch.setattr("sys.argv", command)
    provenance_memory.main()
    header, (row,) = results.read(out)
    assert (row["format"], row["size_mb"]) == ("PDF", 1)
    assert row["mark"]["is"] == "embedded"
    assert row["detect"]["is"] == "valid"
    assert "| 1 MB of PDF |" in provenance_report.memory(header, [row])
    provenance_memory.main()  # nothing is left to do
    assert capsys.readouterr().out.count("'format'") == 1
    assert {path.name for path in tmp_path.iterdir()} == {out.name}


def test_every_section_has_a_title_and_a_file():
    assert provenance_report.SECTIONS.keys() == provenance_report.TITLES.keys()
    assert all(name.startswith("Provenance: ") for name in provenance_report.TITLES.values())
    assert set(provenance_report.SECTIONS) <= set(report.SECTIONS)
    assert set(provenance_report.TITLES) <= set(report.TITLES)


@pytest.mark.parametrize("medium", ["provenance", "public marks", "whole"])
def test_fingerprints_follow_the_code_wherever_it_lies(medium, tmp_path, monkeypatch):
    names = ["waarmerk/detection/others/a.py", "waarmerk/detection/statistics.py"]
    names += ["waarmerk/detection/manifest/reader.py", "waarmerk/marking/image/embed.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(results, "_ROOT", tmp_path)

    def changes(name):
        before = results.code_fingerprint(medium)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(path.read_text() + "x" if path.exists() else "x")
        return results.code_fingerprint(medium) != before

    assert changes(names[0])
    assert changes(names[1])
    assert changes(names[2]) == (medium != "public marks")
    assert changes("waarmerk/detection/credentials/store.py") == (medium != "public marks")
    assert changes(names[3]) == (medium == "whole")


def test_formats_without_a_watermark_have_one_row():
    key = provenance_conformance.bench_key("x")
    ways = {name: set(provenance_conformance._ways(name, key)) for name in (*FORMATS, "anything")}
    assert {name for name, how in ways.items() if BOTH in how} == {
        *("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "WAV", "FLAC", "MP3", "M4A", "OGG", "OPUS")
    }
