"""The detection report: what was examined, what was found, and what that means.

Its JSON form has the schema ``waarmerk.detection/1``, described by ``report.schema.json`` beside
this file (JSON Schema 2020-12). Readers should ignore keys that they do not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Final

from waarmerk.detection.finding import (
    Finding,
    LabelFinding,
    ManifestFinding,
    WatermarkFinding,
)
from waarmerk.detection.personal import as_dict, impersonal, without_contacts
from waarmerk.detection.summary import summarise
from waarmerk.detection.verdict import Conclusion, Conflict, Layer, Verdict, conclude
from waarmerk.marking.payload import Kind
from waarmerk.marking.report import FileFacts

__all__ = ["SCHEMA", "DetectionReport", "json_schema"]

SCHEMA: Final = "waarmerk.detection/1"


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """What was found in one input, and what it means.

    Made by :meth:`conclude`; the verdict always follows from the findings.

    Parameters
    ----------
    input
        What was examined.
    verdict
        ``generated``, ``altered``, ``marked`` (a mark is there, its kind unknown), ``claimed``
        (only what anyone can write says so: metadata, a public watermark), ``inconsistent`` (marks
        contradict each other or the content) or ``none_found``.
    basis
        The layers the verdict rests on.
    findings
        What every layer had to say.
    summary
        The same in plain English (``"en"``) and Dutch (``"nl"``).
    time
        When, as RFC 3339 in UTC.
    version
        Version of the detector.
    conflict
        What contradicts what when the verdict is ``inconsistent``.
    notes
        What was not looked at, or does not fit together; in the JSON the summary says it.
    part
        Whether the verdict is ``altered`` only because a part is marked as made with AI.
    watermark_says
        What the watermark says when a manifest contradicts it.
    include_personal
        Whether the findings still hold what metadata says about people, and the JSON shows it.
    """

    input: FileFacts
    verdict: Verdict
    basis: tuple[Layer, ...]
    findings: tuple[Finding, ...]
    summary: dict[str, str]
    time: str
    version: str
    conflict: Conflict | None = None
    notes: tuple[str, ...] = ()
    part: bool = False
    watermark_says: Kind | None = None
    include_personal: bool = False

    @classmethod
    def conclude(
        cls,
        examined: FileFacts,
        findings: Iterable[Finding],
        *,
        searched_fully: bool = True,
        notes: Iterable[str] = (),
        now: datetime | None = None,
        include_personal: bool = False,
    ) -> DetectionReport:
        """Draw the conclusion from findings and put it in words.

        Parameters
        ----------
        examined
            What the findings are about.
        findings
            In the order in which the report is to give them.
        searched_fully
            False when the search for a watermark left out changes of geometry.
        notes
            What was not looked at, or does not fit together, in English.
        now
            The time of the report; the current time when left out.
        include_personal
            Whether to keep what metadata says about people (see :mod:`.personal`). It is dropped
            from the findings themselves unless asked for.
        """
        from waarmerk import __version__

        findings, notes = tuple(findings), tuple(notes)
        if not include_personal:
            findings = tuple(impersonal(finding) for finding in findings)
            notes = tuple(without_contacts(note) for note in notes)
        conclusion = conclude(findings)
        return cls(
            input=examined,
            verdict=conclusion.verdict,
            basis=conclusion.basis,
            findings=findings,
            summary=summarise(conclusion, findings, searched_fully=searched_fully, notes=notes),
            time=(now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            version=__version__,
            conflict=conclusion.conflict,
            notes=notes,
            part=conclusion.part,
            watermark_says=conclusion.watermark_says,
            include_personal=include_personal,
        )

    @property
    def conclusion(self) -> Conclusion:
        """The verdict and what it rests on, as it was drawn."""
        return Conclusion(self.verdict, self.basis, self.conflict, self.part, self.watermark_says)

    @property
    def found(self) -> bool:
        """Whether any mark was found, also one that contradicts another or is only claimed."""
        return self.verdict != "none_found"

    @property
    def watermarks(self) -> tuple[WatermarkFinding, ...]:
        """The findings of the watermark layer."""
        return tuple(f for f in self.findings if isinstance(f, WatermarkFinding))

    @property
    def manifests(self) -> tuple[ManifestFinding, ...]:
        """The findings of the manifest layer."""
        return tuple(f for f in self.findings if isinstance(f, ManifestFinding))

    @property
    def labels(self) -> tuple[LabelFinding, ...]:
        """The findings of the label layer."""
        return tuple(f for f in self.findings if isinstance(f, LabelFinding))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as the JSON schema describes it."""
        conflict = {} if self.conflict is None else {"conflict": self.conflict}
        return {
            "schema": SCHEMA,
            "input": self.input.as_dict(),
            "verdict": self.verdict,
            "basis": list(self.basis),
            **conflict,
            "summary": dict(self.summary),
            "findings": [
                as_dict(finding, include_personal=self.include_personal)
                for finding in self.findings
            ],
            "detector": {"name": "waarmerk", "version": self.version},
            "time": self.time,
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the report as JSON text in ASCII, on one line unless indented."""
        return json.dumps(self.as_dict(), indent=indent, allow_nan=False)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a detection report."""
    text = resources.files("waarmerk.detection").joinpath("report.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
