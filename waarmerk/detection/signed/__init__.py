"""Detection reports that are signed (``sign``) and checked (``check``), offline.

The form is a JWS (``jws``); ``chain`` follows certificates, ``form`` knows what a report has.
"""

from waarmerk.detection.signed.check import VerifiedReport, verify_report
from waarmerk.detection.signed.sign import ReportSigner, sign_report

__all__ = ["ReportSigner", "VerifiedReport", "sign_report", "verify_report"]
