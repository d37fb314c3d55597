"""Whether manifests are read as others read them, and others read those that are written here.

``python -m benchmarks.provenance_conformance --fixtures DIR --out FILE``

Rows of part

* ``fixtures`` hold what is said of each file of ``DIR`` (tests/c2pa_fixtures.py), with the roots of
  its test certificates and with the official lists alone, beside what the index expects. Only files
  on which two validators agree (``agree``) are expectations.
* ``formats`` hold, for every format that can be marked, what reads back what `mark_file` wrote: the
  manifest alone, with the content copied, and where there is one also with a watermark. ``ours`` is
  what our reader says, ``encypher`` what encypher-c2pa says (``validation_state``, with the codes
  of what fails; ``not read`` if it does not know the type), ``strict`` the same with what it asks
  of products in the conformance programme, ``broken`` the rules of the asset rubric that are broken
  (tests/rubric.py). ``manifest_bytes`` and ``label_bytes`` are those by which the file and what
  lies beside it are larger for the manifest and for the label.
* ``kinds`` hold the same for everything a manifest can say (tests/manifest_kinds.py).

The signer is a test certificate made on the spot, whose root both readers are told to trust. Its
length differs from run to run by some bytes.
"""

import argparse
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waarmerk.bench.marks import bench_id, bench_key
from waarmerk.bench.report.markdown import table
from waarmerk.bench.rows import ResultFile, Row

if TYPE_CHECKING:
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.report import MarkReport
    from waarmerk.marking.signer import Signer

FIELDS = ("part", "name", "how")
WHY = "to see what reads the manifest alone"
ALONE, BOTH = "manifest alone", "watermark and manifest"
# tests/every_format.py has real files of others for these two; the boxes are real in any case.
BORROWED = {"HEIC": "image/heic", "JXL": "image/jxl"}
# tests/rendered_files.py makes no texts.
TEXTS = {
    "TXT": b"A text that somebody has written. It has two sentences.\n",
    "MARKDOWN": b"# A text\n\nThat somebody has written.\n",
    "HTML": b"<!DOCTYPE html><html><head><title>A</title></head><body><p>One.</p></body></html>",
}


def fixtures(folder: Path) -> Iterator[Row]:
    """Yield what is said of every file of the folder."""
    from tests.c2pa_fixtures import MODES, expected, index, lists_of
    from waarmerk.detection.manifest import read_manifest

    entries = index(folder)
    if not entries:
        raise SystemExit(f"{folder}: has no index.json; see --fixtures")
    for mode in MODES:
        lists = lists_of(mode, folder)
        for entry in entries:
            with (folder / entry["file"]).open("rb") as file:
                finding = read_manifest(file, entry["mime"] or None, lists)
            right = expected(entry, mode)
            yield {
                "part": "fixtures",
                "name": entry["file"],
                "how": mode,
                "category": entry["category"],
                "agree": entry["agree"],
                "others": [entry[mode], entry["second_validator"]],
                "expected": sorted(right),
                "ours": finding.status,
                "right": finding.status in right,
            }


class Validators:
    """Everything that is asked about what was signed with one test chain."""

    def __init__(self, root: bytes) -> None:
        from tests.second_validator import verified

        self._root = root
        self._verified = verified

    def verdicts(self, data: bytes, media_type: str, store: bytes | None) -> Row:
        """Return what each says of a file, whose manifest may lie beside it."""
        from waarmerk.detection.manifest import read_manifest

        row: Row = {
            "ours": read_manifest(data, media_type, [self._root], sidecar=store).status,
            "encypher": self._other(data, media_type, store),
            "strict": self._other(data, media_type, store, strict=True),
            "broken": self._rubric(data, media_type, store),
        }
        if media_type == "text/markdown":
            # It knows another place for a manifest there than the one in all plain texts.
            row["encypher_as_text"] = self._other(data, "text/plain", store)
        return row

    def _other(
        self, data: bytes, media_type: str, store: bytes | None, strict: bool = False
    ) -> str:
        try:
            said = self._verified(data, media_type, self._root, store, strict_conformance=strict)
        except ValueError as error:
            if str(error).startswith("unsupported_mime"):
                return "not read"
            return f"error: {str(error).splitlines()[0][:120]}"
        failures = said["validation_results"].get("failure") or ()
        codes = sorted({str(failure["code"]) for failure in failures})
        return ": ".join([str(said["validation_state"]), *filter(None, [", ".join(codes)])])

    def _rubric(self, data: bytes, media_type: str, store: bytes | None) -> dict[str, Any]:
        import c2pa

        from tests.rubric import broken
        from waarmerk.marking.provenance import offline_settings
        from waarmerk.marking.text_wrapper import find_wrappers

        in_text = media_type in ("text/plain", "text/markdown") and store is None
        if in_text:
            # The library does not look for manifests in texts, so it gets this one by itself, and
            # the hash of the text is left to the two readers.
            (wrapper,) = find_wrappers(data.decode())
            media_type, data, store = "text/plain", b"", wrapper.store
        context = c2pa.Context.from_dict(offline_settings(self._root.decode()))
        apart = () if store is None else (store,)
        with c2pa.Reader(media_type, io.BytesIO(data), *apart, context=context) as reader:
            said = reader.crjson()
        report = json.loads(said) if isinstance(said, str) else said
        if in_text:
            failures = report["manifests"][0]["validationResults"]["failure"]
            failures[:] = [f for f in failures if f["code"] != "assertion.dataHash.mismatch"]
        return broken(report)


def formats() -> Iterator[Row]:
    """Yield what is said of a file of every format, marked in every way that it can be."""
    from tests import rendered_files
    from waarmerk.marking.certificate import make_test_chain
    from waarmerk.marking.signer import Signer

    chain = make_test_chain()
    signer = Signer.from_pem(chain.chain, chain.key)
    validators = Validators(chain.root)
    for name in (*rendered_files.MADE, *TEXTS):
        with tempfile.TemporaryDirectory(prefix="conformance-") as made:
            source = _source(Path(made), name)
            for how, options in _ways(name, bench_key("conformance")).items():
                yield {
                    "part": "formats",
                    "name": name,
                    "how": how,
                    **_of_format(source, signer, validators, options),
                }


def _ways(name: str, key: "MarkingKey") -> dict[str, dict[str, Any]]:
    """Return the ways in which a format can be marked, with the arguments of `mark_file`."""
    from waarmerk.marking.formats import FORMATS

    kind = FORMATS.get(name)
    if kind is not None and (kind.medium == "text" or name == "PDF"):
        return {ALONE: {}}
    ways: dict[str, dict[str, Any]] = {ALONE: {"no_watermark": WHY}}
    if kind is not None and kind.decoded and kind.not_written is None:
        ways[BOTH] = {"key": key, "mark_id": bench_id("conformance", name)}
    return ways


def _of_format(
    source: Path, signer: "Signer", validators: Validators, options: dict[str, Any]
) -> Row:
    """Mark a file, and return how much that adds and what everybody says."""
    from waarmerk.files import mark_file

    def marked(number: int, **more: Any) -> tuple[int, "MarkReport", bytes, bytes | None]:
        target = source.with_name(f"marked-{number}{source.suffix}")
        report = mark_file(source, target, overwrite=True, **(options | more))
        beside = report.manifest.sidecar
        store = None if beside is None else (source.parent / beside.name).read_bytes()
        return report.output.size + len(store or b""), report, target.read_bytes(), store

    size, report, data, store = marked(1, signer=signer)
    without_label = marked(2, signer=signer, label=False)[0]
    # A file with neither layer is not written; where the content is copied, that is the input.
    bare = marked(3, no_manifest=WHY, label=False)[0] if "key" in options else None
    return {
        "media_type": report.output.media_type,
        "where": "embedded" if store is None else "beside",
        "manifest_bytes": without_label - (report.input.size if bare is None else bare),
        "label_bytes": size - without_label,
        **validators.verdicts(data, report.output.media_type, store),
    }


def _source(folder: Path, name: str) -> Path:
    """Write a file of a format; a picture that is large enough for a watermark."""
    from tests import every_format, rendered_files
    from tests.rendered import soft_picture
    from waarmerk.marking.formats import PICTURES

    if name in TEXTS:
        path = folder / f"a{rendered_files.extension(name)}"
        path.write_bytes(TEXTS[name])
        return path
    path = rendered_files.file(folder, name)
    if name in PICTURES:
        soft_picture(512, 512).save(path, name)
    if name in BORROWED and (real := every_format.sample(BORROWED[name])) is not None:
        path.write_bytes(real)
    return path


def kinds() -> Iterator[Row]:
    """Yield what is said of everything that a manifest can say."""
    from tests.manifest_kinds import CHAIN, KINDS

    validators = Validators(CHAIN.root)
    for name, make in KINDS.items():
        signed = make()
        yield {
            "part": "kinds",
            "name": name,
            "how": "embedded" if signed.store is None else "beside",
            "media_type": signed.media_type,
            **validators.verdicts(signed.data, signed.media_type, signed.store),
        }


def summary(rows: list[Row]) -> None:
    """Print what the rows come to."""
    from benchmarks.provenance_report import conformance_tables

    print("\n\n".join(conformance_tables(rows)))
    print()
    wrong = [r for r in rows if r["part"] == "fixtures" and r["agree"] and not r["right"]]
    wrong += [r for r in rows if r["part"] != "fixtures" and not good(r)]
    if wrong:
        shown = [[r["part"], r["name"], r["how"], json.dumps(r.get("encypher")), r["ours"],
                  json.dumps(r.get("broken") or r.get("expected"))] for r in wrong]  # fmt: skip
        print(table(["part", "name", "how", "encypher-c2pa", "ours", "rules or expected"], shown))


def good(row: Row) -> bool:
    """Say whether everybody accepts what was signed."""
    return row["ours"] == "trusted" and row["encypher"] == "Trusted" and not row["broken"]


def main() -> int:
    """Run from the command line; return 1 if a hard expectation is not met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fixtures", type=Path, required=True, help="folder with index.json")
    parser.add_argument("--out", type=Path, default=Path("results/provenance_conformance.jsonl"))
    options = parser.parse_args()
    # It takes seconds, with certificates of its own; nothing is resumed.
    options.out.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="conformance-home-") as home:
        # encypher-c2pa keeps there what telemetry=False says.
        os.environ["HOME"] = home
        out = ResultFile(options.out, FIELDS, {}, medium="provenance")
        out.append(fixtures(options.fixtures))
        out.append(formats())
        out.append(kinds())
    summary(out.rows)
    return int(any(r["part"] == "fixtures" and r["agree"] and not r["right"] for r in out.rows))


if __name__ == "__main__":
    raise SystemExit(main())
