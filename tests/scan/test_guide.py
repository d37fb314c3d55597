"""docs/scan.md says what is so: every field, and Python that runs."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.test_docs import execute
from waarmerk.scan.fields import FIELDS, WATERMARK_FIELDS

GUIDE = (Path(__file__).parents[2] / "docs" / "scan.md").read_text("utf-8")


def table(fields) -> str:
    lines = ["| field | type | says |", "|:--|:--|:--|"]
    for field in fields:
        null = ", null" if field.null else ""
        lines.append(
            f"| `{field.name}` | {field.type.replace('<', '&lt;')}{null} | {field.meaning} |"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("fields", [FIELDS, WATERMARK_FIELDS], ids=["rows", "watermarks"])
def test_every_field_is_described(fields):
    assert table(fields) in GUIDE


def test_the_arrow_schema_has_these_fields():
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    from waarmerk.scan import schema

    assert schema().names == [field.name for field in FIELDS]


def test_python_goes_as_shown(tmp_path, monkeypatch, scan_key, marked_png, plain_jpeg):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "marked.png").write_bytes(marked_png)
    (uploads / "photo.jpg").write_bytes(plain_jpeg)
    (uploads / "cut.png").write_bytes(marked_png[:1000])
    with zipfile.ZipFile(uploads / "one.zip", "w") as archive:
        archive.writestr("inner.jpg", plain_jpeg)
    scan_key.save(tmp_path / "key.json")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        execute(block)
    assert Path("python.jsonl").exists()
