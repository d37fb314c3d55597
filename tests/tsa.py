"""A time-stamp authority (RFC 3161) on this machine, that can also misbehave.

It has an own root and one certificate, for time-stamps only, as C2PA 2.4 (14.5.1.1) wants them.
"""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.3.6.1.4.1.99999.1"


def _certificate(name, key, issuer, issuer_key, *, is_ca):
    def named(common):
        parts = [(NameOID.COUNTRY_NAME, "XX"), (NameOID.COMMON_NAME, common)]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])

    start = datetime.now(UTC) - timedelta(days=1000)
    usage = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    usage["key_cert_sign" if is_ca else "digital_signature"] = True
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=4000))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    if not is_ca:
        for_time = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(for_time, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


class Authority:
    """An authority that answers requests.

    `mood` is what it does: answer, or one of the ways to go wrong that are in `MOODS`. `clock` is
    the time that it believes it is, the present if None. `asked` counts the requests, and
    `last_headers` are those of the last one.
    """

    MOODS = ("refuse", "status 500", "redirect", "wrong nonce", "other", "garbage", "empty", "hang")

    def __init__(self) -> None:
        root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate("tsa root", root_key, "tsa root", root_key, is_ca=True)
        self._leaf = _certificate("tsa", self._key, "tsa root", root_key, is_ca=False)
        self.root = root.public_bytes(Encoding.PEM)
        self._chain = [
            asn1_x509.Certificate.load(c.public_bytes(Encoding.DER)) for c in (self._leaf, root)
        ]
        self.mood = "answer"
        self.clock: datetime | None = None
        self.asked = 0
        self.last_headers: dict[str, str] = {}
        self.address = ""

    def answer(self, query: bytes) -> bytes:
        """Return a TimeStampResp."""
        request = tsp.TimeStampReq.load(query)
        if self.mood == "refuse":
            said = {"status": "rejection", "status_string": ["not for you"]}
            status = tsp.PKIStatusInfo(said).dump()
            return bytes([0x30, len(status)]) + status  # a response without a token
        imprint = request["message_imprint"]
        nonce = request["nonce"].native
        if self.mood == "wrong nonce":
            nonce = (nonce or 0) + 1
        if self.mood == "other":
            digest = hashlib.sha256(b"other").digest()
            imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest}
        now = (self.clock or datetime.now(UTC)).replace(microsecond=0)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": imprint,
                "serial_number": int.from_bytes(os.urandom(8), "big") >> 1,
                "gen_time": now,
                **({} if nonce is None else {"nonce": nonce}),
            }
        ).dump()
        return tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": self._token(info, now)}
        ).dump()

    def _token(self, info: bytes, now: datetime) -> cms.ContentInfo:
        leaf = self._chain[0]
        digest = hashlib.sha256(leaf.dump()).digest()
        named = tsp.ESSCertIDv2({"hash_algorithm": {"algorithm": "sha256"}, "cert_hash": digest})
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "signing_time", "values": [cms.Time({"utc_time": now})]},
                {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [tsp.SigningCertificateV2({"certs": [named]})],
                },
            ]
        )
        signature = self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        signer = {
            "version": "v1",
            "sid": cms.IssuerAndSerialNumber(
                {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            "signature": signature,
        }
        content = {"content_type": "tst_info", "content": core.ParsableOctetString(info)}
        signed = {
            "version": "v3",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
            "encap_content_info": content,
            "certificates": self._chain,
            "signer_infos": [signer],
        }
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})


@contextmanager
def running() -> Iterator[Authority]:
    """Run an authority on this machine."""
    authority = Authority()
    ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            query = self.rfile.read(int(self.headers["Content-Length"]))
            authority.asked += 1
            authority.last_headers = dict(self.headers)
            if authority.mood == "hang":
                ended.wait(60)
                return
            if authority.mood == "status 500":
                self.send_error(500)
                return
            if authority.mood == "redirect":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                return
            body = {"garbage": b"<html>hello</html>", "empty": b""}.get(authority.mood)
            body = authority.answer(query) if body is None else body
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    authority.address = f"http://127.0.0.1:{server.server_port}/tsa"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield authority
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
