"""The commands ``waarmerk trust ...``: lists of those who vouch for the signers of manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import FAILED, complain, in_words, print_json, print_line, say, shown
from waarmerk.errors import WaarmerkError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from waarmerk.detection.manifest.trust import TrustList

__all__ = ["trust"]

_KINDS = {"manifest": "signers of manifests", "tsa": "time-stamps"}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.pass_context
def trust(context: click.Context) -> None:
    """Show and change whom this machine trusts to sign manifests.

    A manifest whose signer is on a list, or was certified by somebody on it, reads as trusted; any
    other sound one as signed by somebody unknown. No list is built in, and none is downloaded. The
    C2PA publishes two, one for signers and one for time-stamps:
    https://github.com/c2pa-org/conformance-public, in trust-list.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())
        context.exit(FAILED)


@trust.command("list")
@click.option("--certificates", is_flag=True, help="Show each certificate, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each list.")
def list_command(*, certificates: bool, as_json: bool) -> int:
    """Show the lists that `waarmerk detect` asks.

    Exit status: 0, or 2 if one cannot be read.
    """
    from waarmerk.detection.manifest.trust import load_list, stored_names, trust_folder

    status, names = 0, stored_names()
    if not names and not as_json:
        print_line(f"No lists in {shown(trust_folder())}; add one with `waarmerk trust add FILE`.")
    for name in names:
        try:
            found = load_list(name)
        except WaarmerkError as error:
            complain(in_words(error))
            status = FAILED
            continue
        if as_json:
            print_json(_as_dict(found))
        else:
            print_line("\n".join(_lines(found, every=certificates)))
    return status


@trust.command("add")
@click.argument("file", metavar="FILE")
@click.option("--name", metavar="NAME", help="What to call the list; else what the file is called.")
@click.option("--tsa", is_flag=True, help="It is for time-stamps, not for signers of manifests.")
@click.option("--force", is_flag=True, help="Replace a list of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(*, file: str, name: str | None, tsa: bool, force: bool, as_json: bool) -> int:
    """Add the certificates in FILE: PEM, or a C2PA trust list in JSON (ETSI TS 119 602).

    The certificate of an authority vouches for everybody whom it certified, that of a signer for
    this signer alone. Everything in FILE is checked before anything is stored.
    """
    from waarmerk.detection.manifest.trust import add_list

    kind: Any = "tsa" if tsa else "manifest"
    found = add_list(file, name=name, kind=kind, overwrite=force)
    if as_json:
        print_json(_as_dict(found))
    else:
        print_line("\n".join(["Added:", *_lines(found, every=False)]))
    return 0


@trust.command("remove")
@click.argument("name", metavar="NAME")
def remove(name: str) -> int:
    """Remove the list NAME, so that it vouches for nobody any more."""
    from waarmerk.detection.manifest.trust import remove_list

    remove_list(name)
    print_line(f"Removed {shown(name)}.")
    return 0


def _lines(found: TrustList, *, every: bool) -> list[str]:
    certificates = _certificates(found)
    expired = sum(_expired(certificate) for certificate, _ in certificates)
    count = len(certificates)
    about = f"{count} certificate{'' if count == 1 else 's'}"
    if expired:
        about += f", {expired} of them expired"
    out = [f"{shown(found.name)}: for {_KINDS[found.kind]}, {about}"]
    holders = sorted({_holder(certificate) for certificate, _ in certificates})
    out.append(f"  holders   {'; '.join(holders[:8])}{' ...' if len(holders) > 8 else ''}")
    ends = sorted({_day(certificate.not_valid_after_utc) for certificate, _ in certificates})
    out.append(f"  valid     until {ends[0]}{f' to {ends[-1]}' if len(ends) > 1 else ''}")
    if found.issued is not None:
        due = found.next_update
        late = " (overdue: get the new list)" if due is not None and due < _now_text() else ""
        until = "" if due is None else f", its successor is due {due[:10]}{late}"
        out.append(f"  issued    {found.issued[:10]}{until}")
    if found.source is not None and found.added is not None:
        out.append(f"  from      {shown(found.source)}, added {found.added[:10]}")
    if found.left_out:
        out.append(f"  left out  {found.left_out} that are not in force or vouch for nobody")
    if every:
        for certificate, authority in certificates:
            state = "expired" if _expired(certificate) else "until"
            role = "" if authority else ", this signer alone"
            day = _day(certificate.not_valid_after_utc)
            out.append(f"  - {_subject(certificate)}, {state} {day}{role}")
    return out


def _as_dict(found: TrustList) -> dict[str, Any]:
    from cryptography.hazmat.primitives import hashes

    return {
        "name": found.name,
        "kind": found.kind,
        "source": found.source,
        "added": found.added,
        "issued": found.issued,
        "next_update": found.next_update,
        "certificates": [
            {
                "subject": _subject(certificate),
                "holder": _holder(certificate),
                "authority": authority,
                "not_before": certificate.not_valid_before_utc.isoformat(),
                "not_after": certificate.not_valid_after_utc.isoformat(),
                "expired": _expired(certificate),
                "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
            }
            for certificate, authority in _certificates(found)
        ],
    }


def _certificates(found: TrustList) -> list[tuple[x509.Certificate, bool]]:
    """Return the certificates of a list, and whether each is that of an authority."""
    from cryptography import x509

    pairs = [*((der, True) for der in found.authorities), *((der, False) for der in found.signers)]
    return [(x509.load_der_x509_certificate(der), authority) for der, authority in pairs]


def _subject(certificate: x509.Certificate) -> str:
    return shown(certificate.subject.rfc4514_string() or "(no name)")


def _holder(certificate: x509.Certificate) -> str:
    """Return the organization that has a certificate, or the name on it."""
    from cryptography.x509.oid import NameOID

    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in certificate.subject.get_attributes_for_oid(oid):
            return shown(str(attribute.value))
    return _subject(certificate)


def _expired(certificate: x509.Certificate) -> bool:
    from datetime import UTC, datetime

    return certificate.not_valid_after_utc < datetime.now(UTC)


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _now_text() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
