"""Rows for tests: any that hypothesis can think of, and plain ones."""

from datetime import UTC

from hypothesis import settings
from hypothesis import strategies as st

from waarmerk.scan.fields import FIELDS, STATUSES, WATERMARK_FIELDS
from waarmerk.scan.row import failed_row
from waarmerk.scan.source import Source

RECORD = {"id": "one", "detector": "0.1.0", "keys": ["a"]}

unhurried = settings(deadline=None, max_examples=60)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
floats = st.floats(allow_nan=False, allow_infinity=False)
times = st.datetimes(timezones=st.just(UTC)).map(
    lambda time: time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
)
OF_TYPE = {
    "string": texts,
    "float64": floats,
    "int64": st.integers(-(1 << 63), (1 << 63) - 1),
    "timestamp": times,
    "list<string>": st.lists(texts, max_size=3),
}


def _values(field):
    values = OF_TYPE[field.type]
    return st.none() | values if field.null else values


watermarks = st.fixed_dictionaries({field.name: _values(field) for field in WATERMARK_FIELDS})
OF_TYPE["list<watermark>"] = st.lists(watermarks, max_size=3)

rows = st.fixed_dictionaries(
    {field.name: _values(field) for field in FIELDS} | {"status": st.sampled_from(STATUSES)}
)


def source(number, size=None, modified=None, etag=None):
    return Source(f"files/{number}.png", size, modified, etag)


def some_rows(numbers, size=1, settings="one"):
    """Return small rows, of which the size tells versions apart."""
    return [
        failed_row(source(number, size, 1_000_000_000), "error", "broken", settings=settings)
        for number in numbers
    ]
