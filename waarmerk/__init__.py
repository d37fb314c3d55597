"""waarmerk: mark generated media as synthetic in two layers, and find those marks again.

The names in ``__all__`` are the public face; everything else may move. They are imported when
first used, so that ``import waarmerk`` (and ``waarmerk --help``) loads neither NumPy nor Numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waarmerk.api import (
        Marked,
        detect_audio,
        detect_image,
        detect_text,
        detect_texts,
        mark_audio,
        mark_image,
    )
    from waarmerk.detection.audio import AudioDetector
    from waarmerk.detection.file import detect_file
    from waarmerk.detection.finding import WatermarkFinding
    from waarmerk.detection.manifest.trust import TrustLists, stored_lists
    from waarmerk.detection.report import DetectionReport
    from waarmerk.detection.signed import ReportSigner, VerifiedReport, sign_report, verify_report
    from waarmerk.errors import (
        CannotMarkError,
        InputError,
        KeyFileError,
        OutputError,
        SigningError,
        UnsupportedInputError,
        WaarmerkError,
    )
    from waarmerk.files import mark_file
    from waarmerk.marking.audio import AudioMarker
    from waarmerk.marking.disclosure import Disclosure, Operation
    from waarmerk.marking.key import KeyRing, MarkingKey
    from waarmerk.marking.label import AigcLabel
    from waarmerk.marking.payload import MarkId
    from waarmerk.marking.signer import Signer

    __version__: str

__all__ = [
    "AigcLabel",
    "AudioDetector",
    "AudioMarker",
    "CannotMarkError",
    "DetectionReport",
    "Disclosure",
    "InputError",
    "KeyFileError",
    "KeyRing",
    "MarkId",
    "Marked",
    "MarkingKey",
    "Operation",
    "OutputError",
    "ReportSigner",
    "Signer",
    "SigningError",
    "TrustLists",
    "UnsupportedInputError",
    "VerifiedReport",
    "WaarmerkError",
    "WatermarkFinding",
    "__version__",
    "detect_audio",
    "detect_file",
    "detect_image",
    "detect_text",
    "detect_texts",
    "mark_audio",
    "mark_file",
    "mark_image",
    "sign_report",
    "stored_lists",
    "verify_report",
]

_HOME = {
    "AigcLabel": "waarmerk.marking.label",
    "AudioDetector": "waarmerk.detection.audio",
    "AudioMarker": "waarmerk.marking.audio",
    "CannotMarkError": "waarmerk.errors",
    "DetectionReport": "waarmerk.detection.report",
    "Disclosure": "waarmerk.marking.disclosure",
    "InputError": "waarmerk.errors",
    "KeyFileError": "waarmerk.errors",
    "KeyRing": "waarmerk.marking.key",
    "MarkId": "waarmerk.marking.payload",
    "Marked": "waarmerk.api",
    "MarkingKey": "waarmerk.marking.key",
    "Operation": "waarmerk.marking.disclosure",
    "OutputError": "waarmerk.errors",
    "ReportSigner": "waarmerk.detection.signed",
    "Signer": "waarmerk.marking.signer",
    "SigningError": "waarmerk.errors",
    "TrustLists": "waarmerk.detection.manifest.trust",
    "UnsupportedInputError": "waarmerk.errors",
    "VerifiedReport": "waarmerk.detection.signed",
    "WaarmerkError": "waarmerk.errors",
    "WatermarkFinding": "waarmerk.detection.finding",
    "detect_audio": "waarmerk.api",
    "detect_file": "waarmerk.detection.file",
    "detect_image": "waarmerk.api",
    "detect_text": "waarmerk.api",
    "detect_texts": "waarmerk.api",
    "mark_audio": "waarmerk.api",
    "mark_file": "waarmerk.files",
    "mark_image": "waarmerk.api",
    "sign_report": "waarmerk.detection.signed",
    "stored_lists": "waarmerk.detection.manifest.trust",
    "verify_report": "waarmerk.detection.signed",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: Any = version("waarmerk")
        except PackageNotFoundError:  # run from a checkout that was never installed
            value = "0+source"
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
