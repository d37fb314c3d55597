"""Time-stamps (RFC 3161): an authority's word that a signature existed at a time.

The C2PA library asks the authority, once for each signature, and puts the answer beside the
signature; it waits 30 seconds at most (c2pa-rs 0.91). When that fails it says no more than that it
failed. So the authority is then asked once more from here, about a random number, to find out why.

::

    signing fails ── with a time-stamp wanted? ──yes──> ask: what is wrong? ──> SigningError

An address may hold a secret in its query, as some authorities want it; no message shows that. One
with a name and a password (``https://name:password@host/``) is refused: the library would not send
them.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from urllib.parse import urlsplit

from waarmerk.errors import InputError
from waarmerk.marking.formats import shown

__all__ = ["problem_of", "require_address", "shown_address"]

_SECONDS = 10.0
_MOST_ANSWER = 1 << 16  # a time-stamp with its certificates has some kilobytes
_MOST_ADDRESS = 2000
_SHA256 = bytes.fromhex("300d06096086480165030402010500")  # AlgorithmIdentifier, RFC 5754
_STATUS = ("granted", "granted with modifications", "rejection", "waiting", "revocation warning")
_GRANTED = (0, 1)  # RFC 3161, 2.4.2


def require_address(address: str) -> None:
    """Refuse what is not the address of a time-stamp authority on the web.

    Raises
    ------
    InputError
        If it is not an http or https address with a host.
    """
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
        sound = sound and (parts.port is None or parts.port > 0)
        named = "@" in parts.netloc
    except ValueError:
        sound = named = False
    if not sound or len(address) > _MOST_ADDRESS or not address.isascii() or " " in address:
        raise InputError(
            f"{shown_address(address)}: is not the address of a time-stamp authority; it begins "
            "with http:// or https:// and has a host"
        )
    if named:
        raise InputError(
            f"{shown_address(address)}: the address of the time-stamp authority holds a name or "
            "password, which would not be sent; use an authority that needs none, or a relay that "
            "adds them"
        )


def shown_address(address: str) -> str:
    """Return an address for messages: without name, password and query, which may be secret."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if ":" in host:
            host = f"[{host}]"
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "the address given"
    if not parts.scheme or not host:
        return "the address given"
    return shown(f"{parts.scheme}://{host}{port}{parts.path}")[:200]


def problem_of(address: str) -> str | None:
    """Ask an authority for a time-stamp, and return what is wrong with its answer; None if nothing.

    Opens a network connection, and returns after ten seconds at the latest. Redirects are not
    followed: the address that was given is asked, and no other.
    """
    found: list[str | None] = []
    # A time limit of sockets is one for each piece, and a server may send bytes one by one.
    asking = threading.Thread(target=lambda: found.append(_asked(address)), daemon=True)
    asking.start()
    asking.join(_SECONDS)
    return found[0] if found else _silent()


def _asked(address: str) -> str | None:
    """Ask, and return what is wrong, if something is."""
    import urllib.error  # for those who never ask
    import urllib.request
    from http.client import HTTPException

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object, **__: object) -> None:
            """Return nothing: the answer then counts as an error with its status."""

    nonce = secrets.token_bytes(8)
    nonce = bytes([nonce[0] & 0x7F | 0x40]) + nonce[1:]  # positive, and as short as DER wants it
    request, headers = _query(nonce), {"Content-Type": "application/timestamp-query"}
    opener = urllib.request.build_opener(NoRedirect)
    try:
        ask = urllib.request.Request(address, request, headers)  # noqa: S310 - http(s), checked
        with opener.open(ask, timeout=_SECONDS) as answer:
            return _wrong(answer.read(_MOST_ANSWER + 1), nonce)
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered with HTTP status {error.code}"
    except urllib.error.URLError as error:
        silent = isinstance(error.reason, TimeoutError)
        return _silent() if silent else f"it cannot be reached ({_cause(error.reason)})"
    except TimeoutError:
        return _silent()
    except (OSError, HTTPException) as error:
        return f"the connection failed ({_cause(error)})"


def _silent() -> str:
    # The limit of the socket and that of the thread run out together: either may be seen first.
    return f"it did not answer in {_SECONDS:g} seconds"


def _cause(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(" ".join(str(error).split()))[:100] or type(error).__name__


def _query(nonce: bytes) -> bytes:
    """Return a TimeStampReq (RFC 3161, 2.4.1) about nothing, with certificates asked for."""
    imprint = _der(0x30, _SHA256 + _der(0x04, hashlib.sha256(nonce).digest()))
    return _der(0x30, b"\2\1\1" + imprint + _der(0x02, nonce) + b"\1\1\xff")


def _wrong(answer: bytes, nonce: bytes) -> str | None:
    """Return what is wrong with a TimeStampResp (RFC 3161, 2.4.2), as far as that is looked at."""
    if len(answer) > _MOST_ANSWER:
        return "its answer is too large to be a time-stamp"
    try:
        response = _content(answer, 0x30)
        status = _content(response, 0x30)
        number = int.from_bytes(_content(status, 0x02), "big")
    except ValueError:
        return "its answer is not a time-stamp (RFC 3161); is this the address of an authority?"
    if number not in _GRANTED:
        known = _STATUS[number] if number < len(_STATUS) else f"status {number}"
        words = _words(status)
        return f"it refused: {known}" + (f", {words!r}" if words else "")
    if _der(0x02, nonce) not in answer:
        return "its time-stamp answers another request (wrong nonce)"
    if _der(0x04, hashlib.sha256(nonce).digest()) not in answer:
        return "its time-stamp is about something else"
    return None


def _words(status: bytes) -> str:
    """Return the first text in a PKIStatusInfo, if there is one."""
    try:
        number = _content(status, 0x02)
        texts = _content(status[2 + len(number) :], 0x30)
        return shown(_content(texts, 0x0C).decode("utf-8", "replace"))[:100]
    except ValueError:
        return ""


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    return bytes([tag, length] if length < 0x80 else [tag, 0x81, length]) + content


def _content(data: bytes, tag: int) -> bytes:
    """Return the content of the DER value that data begins with.

    Raises
    ------
    ValueError
        If it is not of that tag, or longer than the data.
    """
    if len(data) < 2 or data[0] != tag:
        raise ValueError("another value")
    length, start = data[1], 2
    if length >= 0x80:
        start += length & 0x7F
        if not 3 <= start <= 6 or start > len(data):
            raise ValueError("no length")
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("cut off")
    return data[start : start + length]
