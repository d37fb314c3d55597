"""What marking a file has to report: the two files, the layers written, and what was not kept.

Its JSON form has the schema ``waarmerk.mark/1``. Readers should ignore keys that they do not know.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from waarmerk.marking.formats import shown

if TYPE_CHECKING:
    from waarmerk.marking.payload import MarkId

__all__ = ["FileFacts", "ManifestLayer", "MarkReport", "WatermarkLayer"]

SCHEMA = "waarmerk.mark/1"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The name a file was given, and what identifies its bytes; marker and detector report it."""

    name: str
    sha256: str
    size: int
    media_type: str

    @classmethod
    def of(cls, name: str, data: bytes, media_type: str) -> FileFacts:
        """Return the facts about a file of this name and content."""
        return cls(name, hashlib.sha256(data).hexdigest(), len(data), media_type)

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as they stand in the report."""
        return {
            # A file name need not be valid Unicode; JSON must be.
            "name": self.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            "sha256": self.sha256,
            "size": self.size,
            "media_type": self.media_type,
        }


@dataclass(frozen=True, slots=True)
class WatermarkLayer:
    """The watermark that was laid; `log10_p` is what the finished file was found with."""

    scheme: str
    key_id: str
    mark_id: MarkId
    psnr: float
    log10_p: float

    def as_dict(self) -> dict[str, Any]:
        """Return the layer as it stands in the report."""
        return {
            "layer": "watermark",
            "status": "written",
            "scheme": self.scheme,
            "key_id": self.key_id,
            "mark_id": self.mark_id.hex,
            "kind": self.mark_id.kind,
            "psnr": round(float(self.psnr), 2),
            "log10_p": float(self.log10_p),
        }


@dataclass(frozen=True, slots=True)
class ManifestLayer:
    """The manifest that was signed, or the reason why there is none."""

    signer: str | None = None
    omitted: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the layer as it stands in the report."""
        if self.omitted is not None:
            return {"layer": "manifest", "status": "omitted", "reason": self.omitted}
        return {"layer": "manifest", "status": "written", "signer": self.signer}


@dataclass(frozen=True, slots=True)
class MarkReport:
    """What was written, and what was not.

    Parameters
    ----------
    input, output
        The two files.
    width, height
        Of the upright picture in pixels.
    watermark, manifest
        The two layers.
    notes
        In words, what the marked file could not keep of the input, and which mark it had already.
    time
        When, as RFC 3339 in UTC.
    """

    input: FileFacts
    output: FileFacts
    width: int
    height: int
    watermark: WatermarkLayer
    manifest: ManifestLayer
    notes: tuple[str, ...] = ()
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values (schema ``waarmerk.mark/1``)."""
        import waarmerk

        return {
            "schema": SCHEMA,
            "input": self.input.as_dict(),
            "output": self.output.as_dict(),
            "layers": [self.watermark.as_dict(), self.manifest.as_dict()],
            "notes": list(self.notes),
            "marker": {"name": "waarmerk", "version": str(waarmerk.__version__)},
            "time": self.time.replace("+00:00", "Z"),
        }

    def lines(self) -> list[str]:
        """Return the report as lines for a terminal."""
        mark = self.watermark
        out = [
            f"Wrote {shown(self.output.name)}: {self.width} x {self.height} pixels, "
            f"{self.output.size / 1000:.0f} kB",
            f"  watermark  {mark.scheme}, id {mark.mark_id.hex} ({mark.mark_id.kind}), "
            f"key {mark.key_id}",
            f"             {mark.psnr:.1f} dB PSNR; read back, p <= 1e{math.ceil(mark.log10_p)}",
        ]
        if self.manifest.omitted is not None:
            out.append(f"  manifest   none, because: {shown(self.manifest.omitted)}")
        else:
            out.append(
                f"  manifest   signed by {shown(self.manifest.signer or 'an unnamed signer')}"
            )
        return out + [f"  note       {shown(note)}" for note in self.notes]
