"""Benchmark reports that are signed, so that others can see who says this and that it is whole.

The form is that of signed detection reports (`waarmerk.detection.signed`), over the JSON of the
summary. That holds the hashes of the page and of the result files, which are so covered as well::

    report.json.jws  ->  report.json  ->  SHA-256 of report.html
                                      ->  SHA-256 of every result file

What is signed for one purpose does not pass for the other: the schema in the payload decides.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from waarmerk.bench.report.summary import SCHEMA
from waarmerk.detection.signed.check import (
    KnownBy,
    Pem,
    Signature,
    State,
    flaw_of,
    pem_of,
    public_key_of,
    signature_of,
    worth_of,
)
from waarmerk.detection.signed.jws import LARGEST, TokenError, parse, strict_json
from waarmerk.errors import InputError
from waarmerk.marking.profile import parse_certificates

__all__ = ["VerifiedBenchmark", "to_json", "verify_benchmark"]

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerifiedBenchmark:
    """What is known about a signed benchmark report.

    Parameters
    ----------
    state
        As in `waarmerk.detection.signed.check`.
    reason
        Why it is not ``verified``.
    summary
        What it says; None unless its signature holds and it is one. If ``state`` is ``invalid``,
        not to be relied on.
    key_id
        Thumbprint of the key that signed, or of the one that the report names.
    signer
        Name in the certificate that came with it; proven only if ``known_by`` is ``"trust"``.
    known_by
        ``"key"``: the key was given. ``"trust"``: a given root vouches for it.
    compared
        Names of the files that were compared with it, and are what it is about.
    """

    state: State
    reason: str | None = None
    summary: dict[str, Any] | None = None
    key_id: str | None = None
    signer: str | None = None
    known_by: KnownBy = None
    compared: tuple[str, ...] = field(default=())


def to_json(summary: dict[str, Any]) -> bytes:
    """Return the bytes of a summary: what is written, and what is signed."""
    return json.dumps(summary, allow_nan=False, separators=(",", ":")).encode("ascii")


def verify_benchmark(
    jws: str | bytes,
    *,
    keys: Sequence[Pem] = (),
    trust: Sequence[Pem] = (),
    summary: Path | None = None,
    page: Path | None = None,
    results: Sequence[Path] = (),
    now: datetime | None = None,
) -> VerifiedBenchmark:
    """Check a signed benchmark report, without any connection.

    Parameters
    ----------
    jws
        The report, at most 4 MB.
    keys
        Those whose reports are believed: public keys, or certificates of which the first counts.
    trust
        Roots under whose certificates reports are believed.
    summary, page, results
        The JSON, the page and the result files that it should be about.
    now
        The present, to refuse reports from the future.

    Raises
    ------
    InputError
        If one of the files cannot be read. Never because of the report.
    """
    known = [public_key_of(item) for item in keys]
    roots = [one for item in trust for one in parse_certificates(*pem_of(item))]
    try:
        text = jws if isinstance(jws, str) else jws[: LARGEST + 1].decode("ascii")
        token = parse(text.strip())
        signature = signature_of(token, known)
        if not isinstance(signature, Signature):
            return VerifiedBenchmark(signature.state, signature.reason, key_id=signature.key_id)
        said, moment = _summary_in(token.payload)
    except UnicodeDecodeError:
        return VerifiedBenchmark("invalid", "not a signed report: it holds other bytes than ASCII")
    except TokenError as error:
        return VerifiedBenchmark("invalid", f"not a signed benchmark report: {error}")
    reason = flaw_of(signature, said["time"], moment, now or datetime.now(UTC))
    compared = [path for path in (summary, page, *results) if path is not None]
    for path in compared:
        expected = _expected(said, token.payload, path, summary, page)
        if reason is None and _digest(path) not in expected:
            reason = f"it is not about {path}"
    state: State = "invalid"
    known_by: KnownBy = None
    names: tuple[str, ...] = ()
    if reason is None:
        state, known_by, reason = worth_of(signature, roots, moment)
        names = tuple(str(path) for path in compared)
    return VerifiedBenchmark(
        state, reason, said, signature.key_id, signature.signer, known_by, names
    )


def _summary_in(payload: bytes) -> tuple[dict[str, Any], datetime]:
    summary = strict_json(payload)
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != SCHEMA:
        if isinstance(schema, str) and schema.startswith("waarmerk.benchmark/"):
            raise TokenError("it is of a version that is not known; use a newer waarmerk")
        raise TokenError("what was signed is another thing")
    time, files = summary.get("time"), summary.get("files")
    hashed = isinstance(files, list) and all(
        isinstance(one, dict) and isinstance(one.get("sha256"), str) for one in files
    )
    page = summary.get("page")
    if not hashed or not (page is None or isinstance(page, dict)):
        raise TokenError("it is malformed (files, page)")
    try:
        if not isinstance(time, str) or not _TIME.fullmatch(time):
            raise ValueError("not RFC 3339 in UTC")
        return summary, datetime.fromisoformat(time)
    except ValueError:
        raise TokenError("it is malformed (time)") from None


def _expected(
    said: dict[str, Any], payload: bytes, path: Path, summary: Path | None, page: Path | None
) -> set[object]:
    """Return the hashes that a file may have."""
    if path is summary:
        return {hashlib.sha256(payload).hexdigest()}
    if path is page:
        return {(said.get("page") or {}).get("sha256")}
    return {one["sha256"] for one in said["files"]}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
