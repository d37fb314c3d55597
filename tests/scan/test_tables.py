"""Parquet tables whose columns hold files."""

import pytest

pa = pytest.importorskip("pyarrow", reason="tables are tested with pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables are tested with pyarrow")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from tests.marking.test_source import encoded  # noqa: E402
from tests.scan.opening import listed, outcome, read  # noqa: E402
from waarmerk.detection.file import detect_bytes  # noqa: E402
from waarmerk.errors import InputError  # noqa: E402
from waarmerk.scan import content  # noqa: E402
from waarmerk.scan.content import name_of, opened  # noqa: E402
from waarmerk.scan.inputs import Failed  # noqa: E402
from waarmerk.scan.source import Source  # noqa: E402

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    content.close()


def inner(found):
    return [source.uri.split("!/")[1] for source in found]


def table_of(path, rows=100, group=30, **options):
    """Write a table with two columns that hold files, and two that do not."""
    pictures = [
        None
        if i % 10 == 3
        else {"bytes": None if i % 10 == 4 else b"picture %d" % i, "path": f"in/{i}.jpg"}
        for i in range(rows)
    ]
    table = pa.table(
        {
            "id": pa.array(range(rows)),
            "image": pa.array(pictures, IMAGE),
            "sound": pa.array([b"sound %d" % i for i in range(rows)], pa.large_binary()),
            "text": pa.array(["words"] * rows),
        }
    )
    pq.write_table(table, path, row_group_size=group, **options)
    return path


def test_cells_are_found_by_themselves(tmp_path):
    path = table_of(tmp_path / "t.parquet")
    found = listed(path)
    pictures = [s for s in found if "image" in s.uri]
    sounds = [s for s in found if "sound" in s.uri]
    assert len(found) == len(pictures) + len(sounds) == 180
    assert inner(pictures)[:4] == [f"{i}/image.bytes" for i in (0, 1, 2, 5)]
    assert inner(sounds)[-1] == "99/sound"
    assert pictures[-1].place == 99
    assert {s.container for s in found} == {"parquet"}
    assert {s.modified for s in found} == {path.stat().st_mtime_ns}
    for order in (found, found[::-1]):
        for source in order:
            kind = "picture" if "image" in source.uri else "sound"
            assert read(source) == f"{kind} {source.place}".encode()


def test_cells_without_a_value_are_left_out_without_statistics_too(tmp_path):
    with_them = inner(listed(table_of(tmp_path / "a.parquet")))
    assert inner(listed(table_of(tmp_path / "b.parquet", write_statistics=False))) == with_them


def test_columns_can_be_chosen(tmp_path):
    path = table_of(tmp_path / "t.parquet", rows=2)
    assert inner(listed(path, columns=("sound",))) == ["0/sound", "1/sound"]
    assert inner(listed(path, columns=("image",))) == ["0/image.bytes", "1/image.bytes"]
    assert inner(listed(path, columns=("image.bytes",))) == ["0/image.bytes", "1/image.bytes"]
    failure, *found = listed(path, columns=("text", "sound"))
    assert "no column text that holds bytes; it has image.bytes, sound" in failure.error
    assert len(found) == 2


def test_a_table_without_such_columns(tmp_path):
    pq.write_table(pa.table({"id": [1]}), tmp_path / "t.parquet")
    (failure,) = listed(tmp_path / "t.parquet")
    assert "no column that holds bytes" in failure.error
    (failure,) = listed(tmp_path / "t.parquet", columns=("id",))
    assert "nor has any other" in failure.error


def test_the_name_that_is_stored_with_a_picture(tmp_path):
    path = table_of(tmp_path / "t.parquet", rows=2)
    picture, *_, sound = listed(path)
    assert name_of(picture) == "image.bytes"
    with opened(picture):
        assert name_of(picture) == "0.jpg"
    with opened(sound):
        assert name_of(sound) == "sound"
    name = "../../évil\n.jpg"
    pq.write_table(pa.table({"i": pa.array([{"bytes": b"x", "path": name}], IMAGE)}), path)
    (source,) = listed(path)
    with opened(source):
        assert name_of(source) == "évil\n.jpg"


def test_pictures_in_a_table_are_examined_by_their_content(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"picture": pa.array([encoded("PNG")], pa.binary())}), path)
    (source,) = listed(path)
    with opened(source) as data:
        report = detect_bytes(data, name_of(source))
    assert report.input.media_type == "image/png"


def test_odd_names_of_columns(tmp_path):
    names = ["a/b", "a.b", "!/", "ü", "a b", ""]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table([pa.array([n.encode() + b"!"]) for n in names], names=names), path)
    found = listed(path)
    assert inner([s for s in found if "!/0/!/" not in s.uri])[0] == "0/a/b"
    assert sorted(read(s) for s in found) == sorted(n.encode() + b"!" for n in names)


def test_large_cells_go_through_a_file(tmp_path):
    path = tmp_path / "t.parquet"
    big = b"x" * (content.SPOOL + 1)
    pq.write_table(pa.table({"a": pa.array([{"bytes": big, "path": "x.flac"}], IMAGE)}), path)
    (source,) = listed(path)
    with opened(source) as found:
        assert found.name == "input.flac"
        assert found.stat().st_size == len(big)
    assert not found.exists()


def test_what_is_no_cell(tmp_path):
    path = table_of(tmp_path / "t.parquet", rows=5)
    first = listed(path)[0]

    def cell(name, place):
        return Source(f"{path}!/{name}", None, first.modified, None, "parquet", place)

    for source, why in (
        (cell("7/sound", 7), "no such row"),
        (cell("0/none", 0), "no such column"),
        (cell("3/image.bytes", 3), "the cell is empty"),
    ):
        with pytest.raises(InputError, match=why):
            read(source)
    table_of(path, rows=6)
    with pytest.raises(InputError, match="was changed"):
        read(first)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    damage=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=5),
    cut=st.integers(0, 300),
)
def test_damaged_tables_never_raise_anything_else(tmp_path, damage, cut):
    path = table_of(tmp_path / "t.parquet", rows=12, group=5)
    data = bytearray(path.read_bytes())
    for place, value in damage:
        data[place % len(data)] = value
    path.write_bytes(data[: len(data) - cut])
    for found in listed(path):
        if isinstance(found, Failed):
            assert "\n" not in found.error
            continue
        assert "\n" not in outcome(found)
