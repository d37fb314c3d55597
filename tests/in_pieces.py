"""Manifests of large files: what is said in pieces is what the library says about all at once."""

from tests.second_validator import verified
from waarmerk.detection.manifest import read_manifest
from waarmerk.marking import large_file

__all__ = ["accepted", "both", "large"]


def large(monkeypatch, yes):
    """Have every file count as large, or none."""
    monkeypatch.setattr(large_file, "LARGE", 0 if yes else 1 << 60)


def both(monkeypatch, data, media_type, trust):
    """Read a manifest in pieces and by the library alone; both must say the same."""
    found = []
    for in_pieces in (True, False):
        large(monkeypatch, in_pieces)
        found.append(read_manifest(data, media_type, trust))
    pieces, library = found
    assert pieces.status == library.status
    assert pieces.reason == library.reason
    assert pieces.signer == library.signer
    assert pieces.soft_bindings == library.soft_bindings
    assert pieces.digital_source_type == library.digital_source_type
    assert set(pieces.codes) == set(library.codes)
    return pieces


def accepted(data, media_type, root):
    """Whether an independent validator calls a file trusted under a root."""
    return verified(data, media_type, root)["validation_state"] == "Trusted"
