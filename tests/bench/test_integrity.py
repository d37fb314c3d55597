"""Integrity tests with tiny numbers, on what comes with the package."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from waarmerk import MarkId, WatermarkFinding
from waarmerk.bench.integrity.collect import (
    Group,
    Settings,
    collect,
    gather,
    groups,
    parts,
    save,
    victim_id,
    victim_key,
)
from waarmerk.bench.integrity.files import manifest_chunk
from waarmerk.bench.integrity.report import against_chance, chance_of_least
from waarmerk.bench.integrity.run import FIELDS, integrity_summary, integrity_tables, run_integrity
from waarmerk.bench.integrity.signal import SIGNALS, blocks, row_of, within
from waarmerk.bench.integrity.text import PASSAGE, Preferences, pasted
from waarmerk.bench.report.statistics import wilson
from waarmerk.errors import InputError
from waarmerk.marking.image.scheme import key_pattern


def settings(folder, **numbers):
    defaults = {"works": 1, "keys": 2, "contents": 1, "samples": 2}
    return Settings(None, folder, **(defaults | numbers))


def named(row):
    return tuple(row.get(field) for field in FIELDS)


def untimed(rows):
    return {named(row): {k: v for k, v in row.items() if k != "seconds"} for row in rows}


@pytest.fixture(scope="module")
def picture_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("integrity") / "image.jsonl"
    return out, run_integrity(out, suite="image", works=1, keys=2)


class TestCollection:
    @pytest.mark.parametrize("works", [1, 7, 10, 25, 100, 230, 1000, 1250])
    def test_parts_cover_all_works_once(self, works):
        numbers = [number for part in parts(works) for number in range(*part)]
        assert numbers == list(range(works))

    @pytest.mark.parametrize("works", [1, 7, 25, 230, 1000, 1250])
    def test_every_group_is_made_of_whole_parts(self, works):
        for group in groups(works, 10):
            inside = [p for p in parts(works) if group.first <= p[0] and p[1] <= group.last]
            assert sum(last - first for first, last in inside) == group.works

    def test_the_largest_group_is_all_works(self):
        assert groups(1000, 10)[-1] == Group(0, 0, 1000)
        assert groups(50, 10)[-1] == Group(0, 0, 50)

    def test_mean_of_parts_is_mean_of_works(self, tmp_path):
        signal, given = SIGNALS["image"], settings(tmp_path, works=2)
        for part in parts(2):
            collect(signal, given, "random", part)
        both, ids = gather(signal, given, "random", Group(0, 0, 2))
        singles = [gather(signal, given, "random", Group(i, i, i + 1))[0] for i in range(2)]
        mean = (singles[0]["difference"] + singles[1]["difference"]) / 2
        np.testing.assert_allclose(both["difference"], mean)
        assert ids == {int(victim_id("image", "random", number)) for number in range(2)}

    def test_same_payload_is_one(self):
        assert victim_id("image", "same", 0) == victim_id("image", "same", 5)
        assert victim_id("image", "random", 0) != victim_id("image", "random", 5)

    def test_a_failed_write_leaves_nothing(self, tmp_path, monkeypatch):
        def fails(*_args, **_more):
            raise OSError("disk full")

        monkeypatch.setattr(np, "savez", fails)
        with pytest.raises(OSError, match="disk full"):
            save(tmp_path / "part.npz", {"a": np.zeros(1)})
        assert not list(tmp_path.iterdir())


class TestRun:
    def test_every_row_is_there_once(self, picture_run):
        _, rows = picture_run
        assert len({named(row) for row in rows}) == len(rows)
        assert {row["test"] for row in rows} == {"copy", "estimate", "average", "keys", "file"}
        assert all(row["status"] == "ok" for row in rows)

    def test_difference_of_one_work_is_found_with_its_payload(self, picture_run):
        _, rows = picture_run
        copies = [r for r in rows if r["test"] == "copy" and r["estimate"] == "difference"]
        assert copies
        for row in copies:
            assert row["found"]
            assert row["whose"] == "victim"
            assert row["read"] == row["payload"] == str(victim_id("image", "random", 0))

    def test_copies_keep_their_quality(self, picture_run):
        _, rows = picture_run
        for row in rows:
            if row["test"] == "copy":
                # Whole levels: a little more gain may cost half a decibel at once.
                assert row["strength"] <= row["quality"]["psnr"] < row["strength"] + 1.0
            if row["test"] == "average":
                assert row["quality"]["psnr"] >= row["strength"]

    def test_verdicts_are_those_of_the_documentation(self, picture_run):
        _, rows = picture_run
        files = [row for row in rows if row["test"] == "file"]
        assert len(files) == 6
        assert all(row["verdict"] == row["expected"] for row in files)
        copied = {row["case"]: row["verdict"] for row in files}
        assert copied["watermark and manifest copied"] == "inconsistent (moved)"

    def test_resumed_run_gives_the_same_rows_and_marks_nothing_again(self, picture_run):
        out, rows = picture_run
        works = {p: p.stat().st_mtime_ns for p in out.parent.rglob("*.npz")}
        assert works
        lines = out.read_text().splitlines(keepends=True)
        half = len(lines) // 2
        out.write_text("".join(lines[:half]) + lines[half][:20])  # killed while it wrote
        again = run_integrity(out, suite="image", works=1, keys=2)
        assert untimed(again) == untimed(rows)
        assert len(again) == len(rows)
        assert {p: p.stat().st_mtime_ns for p in out.parent.rglob("*.npz")} == works

    def test_finished_run_does_nothing(self, picture_run):
        out, rows = picture_run
        run_integrity(out, suite="image", works=1, keys=2)
        before = out.read_bytes()
        again = run_integrity(out, suite="image", works=1, keys=2)
        assert out.read_bytes() == before
        assert len(again) == len(rows)

    def test_header_says_whose_content_and_how_many(self, picture_run):
        out, _ = picture_run
        header = json.loads(out.read_text().splitlines()[0])
        assert header["parameters"]["content"] == "shipped"
        assert header["parameters"]["works"] == 1

    def test_other_numbers_need_another_file(self, picture_run):
        out, _ = picture_run
        with pytest.raises(InputError, match="other parameters"):
            run_integrity(out, suite="image", works=2, keys=2)

    def test_numbers_below_one_are_refused(self, tmp_path):
        with pytest.raises(InputError, match="--works is 0"):
            run_integrity(tmp_path / "out.jsonl", suite="image", works=0)

    def test_text(self, tmp_path):
        pytest.importorskip("tokenizers")
        rows = run_integrity(tmp_path / "text.jsonl", suite="text", works=1, keys=2)
        assert {row["test"] for row in rows} == {"paste", "preference", "keys"}
        assert all(row["status"] == "ok" for row in rows)
        for row in rows:
            if row["test"] == "paste":
                assert 0 < row["quality"]["pasted"] <= row["strength"] / 100
            if row["scheme"].startswith("kgw"):
                assert row.get("payload") is None
        assert "Texts forged: kgw.lefthash" in integrity_tables(rows)


class TestSignals:
    @pytest.mark.parametrize("medium", ["image", "audio"])
    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_within_uses_up_the_bound(self, medium, sign, tmp_path):
        signal = SIGNALS[medium]
        value = signal.load(signal.targets(settings(tmp_path))[0])
        shape = signal.estimate(value, value)["difference"].shape
        pattern = sign * np.random.default_rng(1).standard_normal(shape)
        for bound in signal.bounds:
            changed = within(signal, value, pattern, bound)
            assert bound <= signal.quality(value, changed) < bound + 0.1
            assert changed.dtype == value.dtype
            assert changed.shape == value.shape

    @pytest.mark.parametrize("medium", ["image", "audio"])
    def test_within_adds_at_most_what_is_asked(self, medium, tmp_path):
        signal = SIGNALS[medium]
        value = signal.load(signal.targets(settings(tmp_path))[0])
        pattern = np.ones(signal.estimate(value, value)["difference"].shape)
        pattern[::2] = -1
        small = within(signal, value, 0.5 * pattern, 10.0, largest=1.0)
        np.testing.assert_array_equal(small, signal.change(value, 0.5 * pattern, 1.0))
        np.testing.assert_array_equal(within(signal, value, 0 * pattern, 30.0), value)

    def test_lines_of_few_works_show_the_phases_of_the_key(self, tmp_path):
        signal, key = SIGNALS["image"], victim_key("image")
        given = settings(tmp_path)
        lines = []
        for number in range(4):
            mark_id = victim_id("image", "random", number)
            lines.append(signal.lines(signal.mark(signal.work(given, number, 0), key, mark_id)))
        template = signal.aligned(np.array(lines))
        likeness = abs(np.sum(template * np.exp(-1j * key_pattern(key).sync_phase)).real) / 64
        assert likeness > 0.8

    def test_levels_of_one_sound_carry_its_payload(self, tmp_path):
        signal, given = SIGNALS["audio"], settings(tmp_path)
        collect(signal, given, "random", (0, 1))
        patterns, ids = gather(signal, given, "random", Group(0, 0, 1))
        own = signal.load(signal.targets(given)[0])
        forged = within(signal, own, patterns["difference"], 20.0)
        [finding] = signal.read(forged, [victim_key("audio")])
        assert finding.found
        assert int(finding.mark_id) in ids
        [nothing] = signal.read(own, [victim_key("audio")])
        assert not nothing.found

    @pytest.mark.parametrize("medium", ["image", "audio"])
    def test_works_follow_from_their_number(self, medium, tmp_path):
        signal, given = SIGNALS[medium], settings(tmp_path)
        np.testing.assert_array_equal(signal.work(given, 3, 0), signal.work(given, 3, 0))
        assert not np.array_equal(signal.work(given, 3, 0), signal.work(given, 4, 0))


class TestCounting:
    def finding(self, status, value=None, log10_p=-20.0):
        mark_id = None if value is None else MarkId(value)
        return WatermarkFinding(status, "scheme", "key", log10_p=log10_p, mark_id=mark_id)

    def test_payload_of_a_victim(self):
        row = row_of(self.finding("found", 7), frozenset({7}), 0.0)
        assert (row["found"], row["whose"], row["exact"]) == (True, "victim", True)

    def test_payload_of_nobody(self):
        row = row_of(self.finding("found", 8), frozenset({7}), 0.0)
        assert (row["whose"], row["exact"]) == ("another", False)

    def test_found_without_payload(self):
        row = row_of(self.finding("found"), frozenset({7, 8}), 0.0)
        assert (row["found"], row["whose"], row["payload"], row["exact"]) == (
            True,
            None,
            None,
            None,
        )

    def test_a_payload_counts_only_if_the_mark_is_found(self):
        row = row_of(self.finding("not_found", 7, -3.0), frozenset({7}), 0.0)
        assert (row["found"], row["read"], row["whose"], row["exact"]) == (False, None, None, False)

    def test_unreadable_is_no_reading(self):
        row = row_of(self.finding("unreadable", log10_p=None), frozenset({7}), 0.0)
        assert (row["status"], row["log10_p"]) == ("error", 0.0)

    def test_blocks_cover_all_keys(self):
        assert sum(count for _, count in blocks(1003)) == 1003


class TestTexts:
    def test_seen_tokens_are_preferred_to_others(self):
        texts = np.array([[1, 2, 3, 1, 2, 3, 1, 2, 3]])
        liked = Preferences(texts, 2)
        ids, scores = np.array([3, 4]), np.log([0.5, 0.5])
        seen, other = liked.of(np.array([9, 1, 2]), ids, scores)
        # Three times of three: (3 + 0.5) / 4 / 0.5, and (0 + 0.5) / 4 / 0.5.
        assert math.isclose(seen, math.log(1.75))
        assert math.isclose(other, math.log(0.25))

    def test_unknown_contexts_say_nothing(self):
        liked = Preferences(np.array([[1, 2, 3]]), 2)
        assert not liked.of(np.array([5, 6]), np.array([3, 4]), np.log([0.5, 0.5])).any()
        assert liked.known(np.array([1, 2, 9, 9])) == 0.5

    @pytest.mark.parametrize("share", [0.0, 25.0, 50.0, 100.0])
    def test_pasted_share(self, share):
        own, texts = np.zeros(400, np.int64), np.arange(1, 801).reshape(2, 400)
        text = pasted(own, texts, share, np.random.default_rng(1))
        assert np.count_nonzero(text) == share / 100 * 400
        for start in range(0, 400, PASSAGE):
            steps = np.diff(text[start : start + PASSAGE])
            assert set(steps.tolist()) <= ({1} if text[start] else {0})


class TestReport:
    def row(self, **more):
        base = {"suite": "image", "scheme": "s", "test": "copy", "payloads": "random", "works": 1}
        rest = {"estimate": "wiener", "strength": 38.0, "status": "ok", "log10_p": -3.0}
        return base | rest | {"found": False, "whose": None, "quality": {"psnr": 38.0}} | more

    def test_forged_detections_are_counted(self):
        rows = [self.row(found=True, whose="victim", log10_p=-40.0)]
        rows += [self.row(found=True, whose="another"), self.row(), self.row()]
        rows += [self.row(status="refused")]
        [figures] = integrity_summary(rows)["forged"]
        assert (figures["n"], figures["count"], figures["victims"]) == (4, 2, 1)
        assert (figures["low"], figures["high"]) == pytest.approx(wilson(2, 4), rel=1e-5)
        assert figures["least"] == -40.0
        assert "2 of 4 (15.0 to 85.0 %)" in integrity_tables(rows)
        assert integrity_summary(rows)["refused"] == 1

    def test_removal_counts_what_is_not_found(self):
        rows = [self.row(test="average", gain="once", exact=False, found=f) for f in (True, False)]
        [figures] = integrity_summary(rows)["removed"]
        assert (figures["n"], figures["count"]) == (2, 1)

    def test_keys(self):
        values = [-0.5, -1.0, -2.5, 0.0]
        row = self.row(test="keys", what="unmarked", values=values, found=0, content="c")
        [figures] = integrity_summary([row])["keys"]
        assert [each["count"] for each in figures["thresholds"]] == [2, 1, 0, 0, 0, 0]
        assert figures["least"] == -2.5
        assert "Keys that marked nothing" in integrity_tables([row])

    def test_against_chance(self):
        none = against_chance([0.0] * 1000, 1e-3)
        assert (none["count"], none["low"], none["chance"]) == (0, 0.0, 1.0)
        assert none["high"] == pytest.approx(1 - 0.025 ** (1 / 1000))
        assert against_chance([-6.0] * 3 + [0.0] * 997, 1e-3)["chance"] == pytest.approx(0.08, 0.1)
        assert chance_of_least(-3.0, 1000) == pytest.approx(1 - 0.999**1000)
        assert chance_of_least(0.0, 1000) == 1.0

    def test_no_rows_no_tables(self):
        assert integrity_tables([]) == "Rows without a reading: 0 refused, 0 failed.\n"


def test_a_picture_without_manifest_is_named(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    with pytest.raises(InputError, match=r"plain\.png: has no manifest"):
        manifest_chunk(tmp_path / "plain.png")


def test_the_command_loads_numpy_only_when_it_runs():
    code = "import sys; import waarmerk.cli_bench_integrity; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


def test_the_command_prints_tables(tmp_path, picture_run):
    from click.testing import CliRunner

    from waarmerk.cli_bench_integrity import integrity

    out, _ = picture_run
    options = ["--suite", "image", "--works", "1", "--keys", "2", "--out", str(out)]
    result = CliRunner().invoke(integrity, options, standalone_mode=False)
    assert result.return_value == 0
    assert "Marks copied onto other content: waarmerk.image.1" in result.output
