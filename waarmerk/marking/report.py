"""What marking a file has to report: the two files, the layers written, and what was not kept.

Its JSON form has the schema ``waarmerk.mark/1``. Readers should ignore keys that they do not know.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from waarmerk.marking.formats import shown
from waarmerk.marking.provenance import short_term

if TYPE_CHECKING:
    from waarmerk.marking.payload import MarkId

__all__ = ["FileFacts", "LabelLayer", "ManifestLayer", "MarkReport", "WatermarkLayer"]

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

    @classmethod
    def of_file(cls, name: str, file: BinaryIO, media_type: str) -> FileFacts:
        """Return the facts about an open file, which is read to its end."""
        file.seek(0)
        digest = hashlib.sha256()
        size = 0
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
        return cls(name, digest.hexdigest(), size, media_type)

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
    """The watermark that was laid, or the reason why there is none.

    Parameters
    ----------
    scheme, key_id, mark_id
        Which mark, of whom, and what it says.
    psnr
        Of a picture: how small the change is, in dB of the peak.
    log10_p
        With which the finished content was found.
    snr
        Of a sound: how small the change is, in dB of the signal.
    omitted
        Why none was laid; then nothing else here says anything about the content.
    """

    scheme: str
    key_id: str
    mark_id: MarkId
    psnr: float | None
    log10_p: float
    snr: float | None = None
    omitted: str | None = None

    @classmethod
    def none(cls, mark_id: MarkId, reason: str) -> WatermarkLayer:
        """Return the layer of a file that has no watermark."""
        return cls("none", "", mark_id, None, 0.0, omitted=reason)

    def as_dict(self) -> dict[str, Any]:
        """Return the layer as it stands in the report."""
        if self.omitted is not None:
            return {"layer": "watermark", "status": "omitted", "reason": self.omitted}
        out: dict[str, Any] = {
            "layer": "watermark",
            "status": "written",
            "scheme": self.scheme,
            "key_id": self.key_id,
            "mark_id": self.mark_id.hex,
            "kind": self.mark_id.kind,
        }
        for name, value in (("psnr", self.psnr), ("snr", self.snr)):
            if value is not None:
                out[name] = round(float(value), 2)
        return out | {"log10_p": float(self.log10_p)}

    @property
    def fidelity(self) -> str:
        """In words, how small the change is."""
        return f"{self.snr:.1f} dB SNR" if self.psnr is None else f"{self.psnr:.1f} dB PSNR"


@dataclass(frozen=True, slots=True)
class ManifestLayer:
    """The manifest that was signed, or the reason why there is none.

    `sidecar` is the file beside the output that holds it, where the output itself cannot.
    """

    signer: str | None = None
    omitted: str | None = None
    sidecar: FileFacts | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the layer as it stands in the report."""
        if self.omitted is not None:
            return {"layer": "manifest", "status": "omitted", "reason": self.omitted}
        out: dict[str, Any] = {"layer": "manifest", "status": "written", "signer": self.signer}
        if self.sidecar is not None:
            out["sidecar"] = self.sidecar.as_dict()
        return out


@dataclass(frozen=True, slots=True)
class LabelLayer:
    """An unsigned label that stands in the file: which, and what it reads."""

    standard: str
    value: str

    def as_dict(self) -> dict[str, Any]:
        """Return the layer as it stands in the report."""
        return {
            "layer": "label",
            "status": "written",
            "standard": self.standard,
            "value": self.value,
        }


@dataclass(frozen=True, slots=True)
class MarkReport:
    """What was written, and what was not.

    Parameters
    ----------
    input, output
        The two files.
    watermark, manifest
        The two layers.
    labels
        A third one, for everybody's programs: one or more unsigned labels.
    notes
        In words, what the marked file could not keep of the input, and which mark it had already.
    time
        When, as RFC 3339 in UTC.
    width, height
        Of a picture, upright, in pixels.
    duration, sample_rate, channels
        Of a sound as it was written; in seconds and hertz.
    characters
        Of a text, how many there are to read.
    """

    input: FileFacts
    output: FileFacts
    watermark: WatermarkLayer
    manifest: ManifestLayer
    notes: tuple[str, ...] = ()
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    characters: int | None = None
    labels: tuple[LabelLayer, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values (schema ``waarmerk.mark/1``)."""
        import waarmerk

        labels = [label.as_dict() for label in self.labels]
        return {
            "schema": SCHEMA,
            "input": self.input.as_dict(),
            "output": self.output.as_dict(),
            "layers": [self.watermark.as_dict(), self.manifest.as_dict(), *labels],
            "notes": list(self.notes),
            "marker": {"name": "waarmerk", "version": str(waarmerk.__version__)},
            "time": self.time.replace("+00:00", "Z"),
        }

    def lines(self) -> list[str]:
        """Return the report as lines for a terminal."""
        mark = self.watermark
        size = self.output.size
        weight = f"{size / 1000:.0f} kB" if size >= 1000 else f"{size} bytes"
        out = [f"Wrote {shown(self.output.name)}: {self._extent()}, {weight}"]
        if mark.omitted is not None:
            out.append(f"  watermark  none, because: {shown(mark.omitted)}")
        else:
            out += [
                f"  watermark  {mark.scheme}, id {mark.mark_id.hex} ({mark.mark_id.kind}), "
                f"key {mark.key_id}",
                f"             {mark.fidelity}; read back, p <= 1e{math.ceil(mark.log10_p)}",
            ]
        if self.manifest.omitted is not None:
            out.append(f"  manifest   none, because: {shown(self.manifest.omitted)}")
        else:
            signer = shown(self.manifest.signer or "an unnamed signer")
            out.append(f"  manifest   signed by {signer}")
            if self.manifest.sidecar is not None:
                beside = shown(self.manifest.sidecar.name)
                out.append(f"             in {beside}, to be kept beside it")
        out += [
            f"  label      {label.standard} = {shown(short_term(label.value))}"
            for label in self.labels
        ]
        return out + [f"  note       {shown(note)}" for note in self.notes]

    def _extent(self) -> str:
        if self.characters is not None:
            return f"{self.characters} characters"
        if self.duration is None and self.width is None:
            return self.output.media_type
        if self.duration is None:
            return f"{self.width} x {self.height} pixels"
        kind = {1: "mono", 2: "stereo"}.get(self.channels or 0, f"{self.channels} channels")
        return f"{self.duration:.1f} s, {self.sample_rate} Hz {kind}"
