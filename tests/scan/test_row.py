"""Rows hold whatever a file says, and come through JSON and Arrow unchanged."""

import dataclasses
import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scan.rows import rows, unhurried
from waarmerk.detection.finding import (
    LabelFinding,
    ManifestFinding,
    SoundGeometry,
    WatermarkFinding,
)
from waarmerk.detection.report import DetectionReport
from waarmerk.errors import InputError
from waarmerk.marking.payload import MarkId
from waarmerk.marking.report import FileFacts
from waarmerk.scan.fields import FIELDS, WATERMARK_FIELDS
from waarmerk.scan.row import (
    LONGEST,
    MOST,
    failed_row,
    from_arrow,
    from_json,
    microseconds,
    row_of,
    schema,
    source_schema,
    sources_from_arrow,
    sources_to_arrow,
    stored_microseconds,
    to_arrow,
    to_json,
)
from waarmerk.scan.source import Source

values = st.none() | st.booleans() | st.floats() | st.text()
NAMES = [field.name for field in FIELDS]
EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
ID = MarkId.from_hex("8000000000000001")
SOURCE = Source("photos/é.png", 7, 1_700_000_000_123_456_789, '"tag"')


def reported(*findings, **more):
    facts = FileFacts("é.png", "ab" * 32, 7, "image/png")
    return DetectionReport.conclude(facts, findings, **more)


def row_with(*findings, **more):
    return row_of(SOURCE, reported(*findings), settings="abc", seconds=0.25, **more)


@unhurried
@given(rows)
def test_any_row_survives_json(row):
    text = to_json(row)
    assert text.isascii()
    assert "\n" not in text
    assert from_json(text) == row
    assert list(from_json(text)) == NAMES


@unhurried
@given(st.lists(rows, max_size=4))
def test_any_row_survives_arrow(some):
    pytest.importorskip("pyarrow", reason="Arrow tables need pyarrow")
    table = to_arrow(some)
    assert table.schema.equals(schema())
    table.validate(full=True)
    assert from_arrow(table) == some


@unhurried
@given(st.lists(rows, min_size=1, max_size=4))
def test_any_row_survives_parquet(some):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    file = pa.BufferOutputStream()
    pq.write_table(to_arrow(some), file, compression="zstd")
    assert from_arrow(pq.read_table(pa.BufferReader(file.getvalue()))) == some


@unhurried
@given(st.recursive(values, st.lists) | st.binary())
def test_what_is_no_row_is_refused(value):
    line = value if isinstance(value, bytes) else json.dumps(value)
    with pytest.raises(InputError, match="no row of results"):
        from_json(line)


@unhurried
@given(
    st.sampled_from(NAMES),
    st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers()),
)
def test_a_field_of_a_wrong_type_is_refused_or_read_as_one_of_the_right_type(name, value):
    row = failed_row("a", "error", "broken", settings="abc") | {name: value}
    try:
        read = from_json(json.dumps(row))
    except InputError:
        return
    assert from_json(to_json(read)) == read


@unhurried
@given(st.text(st.characters()), st.text(st.characters()), st.floats())
def test_a_failure_is_a_row_whatever_it_says(uri, error, seconds):
    row = failed_row(uri, "crash", error, settings="abc", seconds=seconds)
    assert list(row) == NAMES
    assert from_json(to_json(row)) == row
    assert len(row["error"].splitlines()) <= 1
    assert math.isfinite(row["seconds"])
    "".join(value for value in row.values() if isinstance(value, str)).encode()


labels = st.builds(
    LabelFinding,
    st.sampled_from(["found", "not_found", "unreadable", "error"]),
    st.none() | st.text(st.characters()),
    st.none() | st.text(st.characters()),
)
manifests = st.builds(
    ManifestFinding,
    st.sampled_from(["trusted", "valid", "invalid", "recovered", "absent", "error"]),
    signer=st.none() | st.text(st.characters()),
    digital_source_type=st.none() | st.text(st.characters()),
)
watermarks = st.builds(
    WatermarkFinding,
    st.sampled_from(["found", "not_found", "not_checked", "unreadable", "error"]),
    st.sampled_from(["waarmerk.image.1", "waarmerk.audio.1"]),
    key_id=st.none() | st.text(st.characters()),
    log10_p=st.none() | st.floats(max_value=0.0),
    mark_id=st.none() | st.just(ID),
    geometry=st.none() | st.builds(SoundGeometry, st.floats(), st.floats()),
    public=st.booleans(),
)


@unhurried
@given(st.lists(labels | manifests | watermarks, max_size=5), st.booleans())
def test_any_report_becomes_a_row(findings, with_report):
    row = row_with(*findings, with_report=with_report)
    assert list(row) == NAMES
    assert from_json(to_json(row)) == row
    assert row["p_value"] is None or 0 < row["p_value"] <= 1
    if with_report:
        assert json.loads(row["report"])["verdict"] == row["verdict"]
        "".join(_texts(json.loads(row["report"]))).encode()


def test_what_is_no_number_is_not_known():
    report = reported(WatermarkFinding("not_found", "waarmerk.image.1", log10_p=-1.0))
    finding = WatermarkFinding("not_found", "waarmerk.image.1", p_value=math.nan, log10_p=math.nan)
    report = dataclasses.replace(report, findings=(finding,))
    row = row_of(SOURCE, report, settings="abc", seconds=math.nan, with_report=True)
    assert (row["log10_p"], row["p_value"], row["seconds"]) == (None, None, 0.0)
    assert from_json(to_json(row)) == row


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def test_a_report_and_its_source_fill_every_field():
    row = row_with(
        WatermarkFinding(
            "found", "waarmerk.image.1", key_id="k1", log10_p=-20.0, mark_id=ID, kind="altered"
        ),
        ManifestFinding("valid", signer="Ann", digital_source_type=EDITED),
        LabelFinding("found", "iptc", "ai", kind="generated"),
        LabelFinding("not_found", "aigc"),
        with_report=True,
    )
    assert [name for name, value in row.items() if value in (None, [])] == ["error"]
    assert row["uri"] == "photos/é.png"
    assert row["status"] == "ok"
    assert row["verdict"] == "altered"
    assert row["basis"] == ["watermark", "manifest"]
    assert row["log10_p"] == -20.0
    assert row["p_value"] == pytest.approx(1e-20)
    assert (row["mark_id"], row["kind"], row["key_id"]) == (ID.hex, "altered", "k1")
    assert row["labels"] == ["iptc=ai"]
    assert row["modified"] == "2023-11-14T22:13:20.123456Z"
    assert stored_microseconds(row) == microseconds(SOURCE.modified) == 1_700_000_000_123_456
    assert (row["size"], row["etag"], row["sha256"]) == (7, '"tag"', "ab" * 32)
    assert (row["settings"], row["seconds"]) == ("abc", 0.25)


def test_the_surest_secret_watermark_is_told_of():
    public = WatermarkFinding("found", "imwatermark.dwt-dct", log10_p=-30.0, public=True)
    sure = WatermarkFinding("found", "waarmerk.image.1", key_id="k2", log10_p=-25.0)
    less = WatermarkFinding("found", "waarmerk.image.1", key_id="k1", log10_p=-12.0)
    absent = WatermarkFinding("not_found", "waarmerk.audio.1", log10_p=-40.0)
    row = row_with(absent, public, less, sure)
    assert (row["scheme"], row["key_id"], row["log10_p"]) == ("waarmerk.image.1", "k2", -25.0)
    assert [mark["log10_p"] for mark in row["watermarks"]] == [-25.0, -12.0, -30.0, -40.0]


def test_what_was_looked_for_and_not_found_names_no_key_and_no_id():
    row = row_with(
        WatermarkFinding("not_checked", "waarmerk.text.1", reason="too short"),
        WatermarkFinding("not_found", "waarmerk.image.1", key_id="k", log10_p=-0.5, mark_id=ID),
    )
    assert row["watermark"] == "not_found"
    assert (row["scheme"], row["log10_p"]) == ("waarmerk.image.1", -0.5)
    assert row["key_id"] is row["mark_id"] is row["kind"] is None


def test_a_p_value_is_never_zero():
    row = row_with(WatermarkFinding("found", "waarmerk.image.1", log10_p=-5000.0))
    assert (row["log10_p"], row["p_value"]) == (-5000.0, sys.float_info.min)


def test_a_p_value_alone_has_its_logarithm():
    row = row_with(WatermarkFinding("not_found", "waarmerk.image.1", p_value=0.01))
    assert row["log10_p"] == pytest.approx(-2.0)


def test_the_manifest_that_says_most_is_told_of():
    row = row_with(
        ManifestFinding("invalid", signer="Eve"), ManifestFinding("recovered", signer="Ann")
    )
    assert (row["manifest"], row["signer"]) == ("recovered", "Ann")


def test_a_hostile_file_makes_no_large_row():
    many = [LabelFinding("found", "x" * 9000, "y" * 9000)] * (MOST + 1)
    row = row_with(*many)
    assert len(row["labels"]) == MOST
    assert max(map(len, row["labels"])) <= LONGEST


@pytest.mark.parametrize("modified", [None, -(1 << 62), 1 << 62, (1 << 70)])
def test_a_time_that_no_calendar_has_is_not_known(modified):
    row = failed_row(Source("a", modified=modified), "error", "broken", settings="abc")
    assert from_json(to_json(row)) == row
    assert stored_microseconds(row) == microseconds(modified)


def test_rows_of_other_versions_can_be_read():
    row = from_json('{"uri": "a", "status": "ok", "colour": "red"}')
    assert list(row) == NAMES
    assert (row["uri"], row["labels"], row["settings"], row["size"]) == ("a", [], "", None)


def test_tables_of_other_versions_can_be_read():
    pa = pytest.importorskip("pyarrow", reason="Arrow tables need pyarrow")
    row, other = from_arrow(pa.table({"uri": ["a", "b"], "colour": ["red", "blue"]}))
    assert list(row) == NAMES
    row["labels"].append("own")
    assert other["labels"] == []


def test_every_field_of_the_schema_says_what_it_means():
    pytest.importorskip("pyarrow", reason="Arrow tables need pyarrow")
    assert schema().names == NAMES
    for field, typed in zip(FIELDS, schema(), strict=True):
        assert typed.metadata == {b"meaning": field.meaning.encode()}
    for field in (*FIELDS, *WATERMARK_FIELDS):
        assert field.meaning.endswith(".")
        assert "\n" not in field.meaning


sources = st.builds(
    Source,
    st.text(st.characters(exclude_categories=["Cs"])),
    st.none() | st.integers(0, (1 << 63) - 1),
    st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from([None, "zip", "tar", "parquet"]),
    st.none() | st.integers(0, (1 << 63) - 1),
    st.none() | st.just("ab" * 32),
)


@unhurried
@given(st.lists(sources, max_size=4))
def test_sources_survive_arrow(some):
    pytest.importorskip("pyarrow", reason="Arrow tables need pyarrow")
    table = sources_to_arrow(some)
    assert table.schema.equals(source_schema())
    assert sources_from_arrow(table) == some


def test_a_table_of_names_alone_has_sources():
    pa = pytest.importorskip("pyarrow", reason="Arrow tables need pyarrow")
    table = pa.table({"uri": ["a", "b"], "size": [1, None], "owner": ["x", "y"]})
    assert sources_from_arrow(table) == [Source("a", 1), Source("b")]
