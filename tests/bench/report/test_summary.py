"""What is counted as what."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bench.report import synthetic
from waarmerk.bench.protocol import Transformation
from waarmerk.bench.report.loaded import LoadedFile, load
from waarmerk.bench.report.summary import described, summarise
from waarmerk.bench.report.words import in_per_cent, interval, split_of
from waarmerk.errors import InputError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        **{"suite": "image", "scheme": "a", "content": "x", "group": "photo", "size": 0.26},
        **{"what": "marked", "transformation": "none", "category": "none", "strength": 0.0},
        **{"key": 0, "payload": "00", "read": "00", "exact": True, "bits": 1.0, "found": True},
        **{"log10_p": -12.0, "seconds": 0.01, "quality": {}, "status": "ok"},
        **changes,
    }


def scheme_of(*rows: dict[str, Any], header: dict[str, Any] | None = None) -> dict[str, Any]:
    file = LoadedFile("f", "0" * 64, header or synthetic.HEADER, list(rows))
    result: dict[str, Any] = summarise([file], now=NOW)["suites"][0]["schemes"][0]
    return result


def test_the_whole_summary_is_json_and_names_its_sources(tmp_path: Path) -> None:
    path = synthetic.write(tmp_path / "rows.jsonl.gz", synthetic.rows(contents=4, keys=1))
    files = load([path])
    summary = summarise(files, now=NOW)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["schema"] == "waarmerk.benchmark/1"
    assert summary["time"] == "2026-11-22T12:00:00Z"
    assert [suite["suite"] for suite in summary["suites"]] == ["image", "audio", "text"]
    (file,) = summary["files"]
    assert file["name"] == "rows.jsonl.gz"
    assert file["rows"] == sum(file["what"].values())
    assert file["header"]["date"] == "2026-11-22"
    assert len(file["sha256"]) == 64


def test_an_error_on_marked_content_is_a_miss() -> None:
    error = row(content="y", status="error", reason="boom", found=None, exact=None)
    scheme = scheme_of(row(), error)
    for rate in (scheme["detected"]["none"], scheme["exact"]["none"]):
        assert (rate["successes"], rate["n"]) == (1, 2)
    assert scheme["errors"] == [
        {"what": "marked", "transformation": "none", "reason": "boom", "n": 1}
    ]


def test_an_error_on_unmarked_content_makes_the_rate_no_better() -> None:
    unmarked = row(what="unmarked", found=False, payload=None, exact=None, log10_p=-0.1)
    error = {**unmarked, "key": 1, "status": "error", "found": None, "log10_p": None}
    false = scheme_of(unmarked, error)["false_positives"]
    assert (false["unmarked"]["n"], false["errors"]) == (1, 1)


def test_a_refusal_counts_nowhere_else() -> None:
    refused = row(what="mark", status="refused", reason="plain", transformation=None, category=None)
    scheme = scheme_of(refused, row(content="y"))
    assert scheme["marks"]["refused"] == 1
    assert scheme["detected"]["none"]["n"] == 1
    assert scheme["refused"][0]["reason"] == "plain"


def test_false_positives_by_what_was_read() -> None:
    rows = [
        row(what=what, key=key, found=what == "wrong key" and key == 0, log10_p=-1.0 - key)
        for what in ("unmarked", "wrong key", "another scheme")
        for key in range(4)
    ]
    false = scheme_of(*rows)["false_positives"]
    assert {what: false[what]["successes"] for what in ("unmarked", "wrong key")} == {
        "unmarked": 0,
        "wrong key": 1,
    }
    assert false["all"]["n"] == 12
    assert false["smallest_log10_p"] == -4


def test_without_payload_or_claims_nothing_is_made_up() -> None:
    bare = row(payload=None, read=None, exact=None, bits=None, log10_p=None)
    scheme = scheme_of(bare)
    assert scheme["exact"]["none"]["n"] == 0
    assert scheme["roc"] is None
    assert scheme["largest_log10_p_found"] is None


def test_roc_counts_a_missing_claim_as_one() -> None:
    roc = scheme_of(row(), row(content="y", log10_p=None, found=False))["roc"]
    assert [rate["successes"] for rate in roc["true"]["none"]][::24] == [1, 2]
    assert roc["false"] is None


def test_forgeries_are_no_detections() -> None:
    forged = row(what="forged", transformation="copy", category="malicious")
    scheme = scheme_of(row(), forged)
    assert (scheme["forged"]["successes"], scheme["forged"]["n"]) == (1, 1)
    assert scheme["detected"]["malicious"]["n"] == scheme["detected"]["all"]["n"] == 0


def test_strengths_stand_in_the_order_of_the_header() -> None:
    jpeg = Transformation("jpeg", "image", "in place", "JPEG", "quality", (90, 50, 10), min)
    header = {**synthetic.HEADER, "transformations": {"image": described([jpeg])}}
    rows = [
        row(transformation="jpeg", category="in place", strength=value)
        for value in (10.0, 90.0, 50.0)
    ]
    file = LoadedFile("f", "0", header, rows)
    (family,) = summarise([file], now=NOW)["suites"][0]["families"]
    assert (family["title"], family["axis"]) == ("JPEG", "quality")
    assert family["strengths"] == [90, 50, 10]
    odd = ({"jpeg": 1}, {"jpeg": {"strengths": 1}}, 7)
    for said in (None, [], *({"image": one} for one in odd)):
        bare = LoadedFile("f", "0", {"header": True, "transformations": said}, rows)
        (family,) = summarise([bare], now=NOW)["suites"][0]["families"]
        assert (family["title"], family["strengths"]) == ("jpeg", [10, 50, 90])


def test_sizes_and_groups() -> None:
    scheme = scheme_of(
        row(size=12.0, group="b"),
        row(content="y", size=0.26, group="a"),
        row(content="z", size=None),
    )
    assert [part["name"] for part in scheme["sizes"]] == ["0.1 to 0.3", "6 and more"]
    assert [part["name"] for part in scheme["groups"]] == ["a", "b", "photo"]


def test_numbers_are_never_rounded_to_certainty() -> None:
    assert in_per_cent({"n": 100000, "successes": 99999}) == "99.999"
    assert in_per_cent({"n": 100000, "successes": 1}) == "0.001"
    assert in_per_cent({"n": 3, "successes": 3}) == "100"
    assert interval({"low": 0.98769, "high": 0.98761}) == "98.7 to 98.8"
    assert interval({"low": 0.0, "high": 0.00001}) == "0 to 0.1"


def test_the_split_is_said_or_not_stated() -> None:
    assert split_of(synthetic.HEADER) == "reporting"
    assert split_of({"parameters": None}) == "not stated"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"suite": "video"}, "suite"),
        ({"suite": []}, "suite"),
        ({"what": "marvelled"}, "what"),
        ({"category": "other"}, "category"),
        ({"scheme": None}, "scheme"),
        ({"log10_p": 1.0}, "log10_p"),
        ({"seconds": float("nan")}, "seconds"),
        ({"strength": True}, "strength"),
        ({"quality": {"psnr": "43"}}, "quality"),
        ({"found": "yes"}, "found"),
        ({"bits": 1.2}, "bits"),
    ],
)
def test_malformed_rows_are_refused(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    path = synthetic.write(tmp_path / "rows.jsonl", [row(), row(**changes)])
    with pytest.raises(InputError, match=f"rows.jsonl: line 3: its {named} "):
        load([path])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b"", "not a result file"),
        ("a.jsonl", b"{}\n", "not a result file"),
        ("a.jsonl", b"[1]\n", "is no result file"),
        ("a.jsonl", b'{"header": tr\n', "is no result file"),
        ("a.jsonl", b"\xff\n", "is no result file"),
        ("a.jsonl", b'{"header": true}\n', "holds no rows"),
        ("a.jsonl", b'{"header": true}\n7\n', "no JSON object"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
    ],
)
def test_what_is_no_result_file(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said):
        load([tmp_path / name])
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load([tmp_path / "absent"])


def test_files_that_cannot_be_reported_together(tmp_path: Path) -> None:
    one = synthetic.write(tmp_path / "one.jsonl", [row()])
    twice = synthetic.write(tmp_path / "two.jsonl", [row()])
    with pytest.raises(InputError, match=r"two.jsonl: holds rows that one.jsonl holds"):
        load([one, twice])
    other = {**synthetic.HEADER, "code": {"image": "fedcba987654"}}
    changed = synthetic.write(tmp_path / "three.jsonl", [row(content="y")], other)
    with pytest.raises(InputError, match=r"other code of image than one\.jsonl"):
        load([one, changed])
    more = synthetic.write(tmp_path / "four.jsonl", [row(content="y")])
    assert len(load([one, more])) == 2
