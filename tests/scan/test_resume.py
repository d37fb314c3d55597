"""Which files are examined again."""

import pytest

from waarmerk.scan.done import Done, etag_digest
from waarmerk.scan.resume import covers, needs_scan
from waarmerk.scan.source import Source

HASH = "ab" * 32
RECORD = {
    "id": "now",
    "detector": "1.2.0",
    "watermarks": ["waarmerk.image.1"],
    "keys": ["k1", "k2"],
    "effort": "fast",
    "trust": "t",
    "text": None,
    "manifests": None,
}


def listed(size=7, modified=5_000_999, etag="e"):
    return Source("a", size, modified, etag)


def row(  # noqa: PLR0917
    size=7, modified=5_000, etag="e", sha256=HASH, settings="now", status="ok"
):
    return Done(size, modified, etag_digest(etag), sha256, settings, status)


@pytest.mark.parametrize(
    ("source", "done", "by_hash", "retry", "need"),
    [
        (listed(), None, False, False, "scan"),
        (listed(), row(), False, False, "skip"),
        (listed(), row(), True, True, "skip"),
        # What was listed differs; a time counts in microseconds.
        (listed(size=8), row(), True, False, "scan"),
        (listed(etag="f"), row(), True, False, "scan"),
        (listed(modified=5_001_000), row(), False, False, "scan"),
        (listed(modified=5_001_000), row(), True, False, "hash"),
        (listed(modified=5_001_000), row(sha256=None), True, False, "scan"),
        (listed(modified=5_001_000), row(status="unsupported", sha256=None), True, False, "scan"),
        # What is not listed is not compared; what was not known then, differs.
        (listed(size=None, modified=None, etag=None), row(), False, False, "skip"),
        (listed(), row(size=None), False, False, "scan"),
        (listed(), row(etag=None), False, False, "scan"),
        (listed(), row(modified=None), False, False, "scan"),
        (Source("a", 7), row(None, None, None, None, status="error"), False, False, "scan"),
        (listed(modified=1 << 70, etag=None), row(modified=None), False, False, "skip"),
        # What failed is final, unless it is tried again.
        *((listed(), row(status=status), False, False, "skip") for status in ("error", "crash")),
        *((listed(), row(status=status), False, False, "skip") for status in ("timeout", "memory")),
        *((listed(), row(status=status), False, True, "scan") for status in ("error", "crash")),
        *((listed(), row(status=status), False, True, "scan") for status in ("timeout", "memory")),
        (listed(), row(status="unsupported"), False, True, "skip"),
        # Other settings.
        (listed(), row(settings="gone"), False, False, "scan"),
        (listed(), row(settings="more"), False, False, "skip"),
        (listed(), row(settings="less"), False, False, "scan"),
        (listed(modified=5_001_000), row(settings="more"), True, False, "hash"),
        (listed(modified=5_001_000), row(settings="less"), True, False, "scan"),
    ],
)
def test_the_rule(source, done, by_hash, retry, need):
    records = {
        "now": RECORD,
        "more": RECORD | {"id": "more", "keys": ["k1", "k2", "k3"]},
        "less": RECORD | {"id": "less", "keys": ["k1"]},
    }
    assert needs_scan(source, done, records, "now", by_hash=by_hash, retry=retry) == need


@pytest.mark.parametrize(
    ("name", "old", "new", "covered"),
    [
        ("detector", "1.2.0", "1.2", True),
        ("detector", "1.10", "1.9.3", True),
        ("detector", "1.2.0", "1.2.1", True),
        ("detector", "1.2.0rc1", "1.2.0rc1", True),
        ("detector", "1.3.dev1", "1.2.0", True),
        ("detector", "1.2.0", None, True),
        ("watermarks", ["a", "b"], ["b"], True),
        ("watermarks", ["a"], ["a", "b"], False),
        ("keys", ["k1"], [], True),
        ("keys", [], ["k1"], False),
        ("effort", "full", "fast", True),
        ("effort", "fast", "full", False),
        ("effort", "other", "other", True),
        ("effort", "other", "fast", False),
        ("trust", "t", None, False),
        ("text", "digest", None, True),
        ("text", None, "digest", False),
        ("text", "digest", "other", False),
        ("manifests", "digest", None, False),
        ("new in a later version", 1, 1, True),
        ("new in a later version", 1, 2, False),
        ("id", "x", "y", True),
    ],
)
def test_which_settings_answer_for_others(name, old, new, covered):
    assert covers(RECORD | {name: old}, RECORD | {name: new}) is covered
    assert covers(RECORD | {name: new}, RECORD | {name: new})


def test_a_setting_that_only_one_side_has_is_asked_for_anew():
    assert not covers(RECORD, RECORD | {"new": True})
    assert not covers(RECORD | {"new": True}, RECORD)
