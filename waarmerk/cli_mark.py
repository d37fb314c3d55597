"""The command ``waarmerk mark``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from waarmerk.console import complain, print_json, print_line

if TYPE_CHECKING:
    from waarmerk.marking.disclosure import Disclosure
    from waarmerk.marking.signer import Signer

__all__ = ["mark"]


@click.command()
@click.argument("source", metavar="INPUT")
@click.option(
    "-o", "--output", metavar="OUTPUT", required=True, help="Its extension decides the format."
)
@click.option("--key", "keyfile", metavar="KEYFILE",
              help="The secret key, from `waarmerk keygen`.")  # fmt: skip
@click.option("--mark-id", metavar="HEX16", help="What the mark says; a new random id if left out.")
@click.option("--altered", is_flag=True, help="Real content that AI changed; not wholly generated.")
@click.option("--profile", metavar="TOML",
              help="What the manifest says of the AI system, in a file.")  # fmt: skip
@click.option("--system", metavar="NAME", help="The AI system that made it, for the manifest.")
@click.option("--system-version", metavar="VERSION", help="Its version.")
@click.option("--provider", metavar="NAME", help="Who provides that system, for the manifest.")
@click.option("--model", metavar="NAME", help="The model in that system, for the manifest.")
@click.option("--part", "parts", metavar="FILE", multiple=True,
              help="What was put in, for the manifest. Repeatable.")  # fmt: skip
@click.option("--sign-cert", metavar="PEM",
              help="Certificate chain that signs the manifest, leaf first.")  # fmt: skip
@click.option("--sign-key", metavar="PEM", help="Its private key.")
@click.option("--timestamp", metavar="URL",
              help="Ask this RFC 3161 authority for a time-stamp: opens a connection.")  # fmt: skip
@click.option("--keep-manifest", metavar="FOLDER",
              help="Keep the manifest here, too, for copies that lose it.")  # fmt: skip
@click.option("--no-manifest", metavar="REASON",
              help="Write the watermark alone; the reason goes into the report.")  # fmt: skip
@click.option("--no-watermark", metavar="REASON",
              help="Write the manifest alone, into a copy of any file.")  # fmt: skip
@click.option("--quality", type=click.IntRange(1, 100),
              help="Of a lossy format; as good as the input if left out.")  # fmt: skip
@click.option("--label/--no-label", default=None,
              help="An unsigned IPTC label, too. By default where it is not seen.")  # fmt: skip
@click.option("--aigc", metavar="CODE",
              help="Also the AIGC label of GB 45438, with this producer code.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def mark(
    *,
    source: str,
    output: str,
    keyfile: str | None,
    mark_id: str | None,
    altered: bool,
    profile: str | None,
    system: str | None,
    system_version: str | None,
    provider: str | None,
    model: str | None,
    sign_cert: str | None,
    sign_key: str | None,
    timestamp: str | None,
    no_manifest: str | None,
    no_watermark: str | None,
    parts: tuple[str, ...],
    keep_manifest: str | None,
    quality: int | None,
    label: bool | None,
    aigc: str | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write a marked copy of a file.

    A picture or a sound gets a watermark and a signed manifest. It is read back before it gets its
    name; what cannot hold a mark is refused. A text that is already written, a PDF and a page get
    the manifest alone, and any other file, too, if a reason is given with --no-watermark. Where
    a format has no place for a manifest, it goes into a file beside the output.

    The manifest is signed with --sign-cert and --sign-key, or else with the certificate that lies
    beside the key (key.cert.pem and key.sign.pem for key.json).
    """
    from waarmerk.files import mark_file
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.label import AigcLabel
    from waarmerk.marking.payload import MarkId

    disclosure = _disclosure(
        profile,
        system=system,
        version=system_version,
        provider=provider,
        model_name=model,
        timestamp=timestamp,
    )
    if no_manifest is not None and not (disclosure is None or disclosure.is_empty):
        raise click.UsageError(
            "what is told of the system is written into the manifest, and --no-manifest leaves it "
            "out"
        )
    number = None if mark_id is None else MarkId.from_hex(mark_id)
    key = None if keyfile is None else MarkingKey.load(keyfile)
    signer = _signer(keyfile, sign_cert, sign_key, no_manifest)
    report = mark_file(
        source,
        output,
        key,
        signer=signer,
        no_manifest=no_manifest,
        no_watermark=no_watermark,
        mark_id=number,
        kind="altered" if altered else None,
        quality=quality,
        overwrite=overwrite,
        disclosure=disclosure,
        parts=parts,
        keep_manifest=keep_manifest,
        label=label,
        aigc=None if aigc is None else AigcLabel(aigc),
    )
    for note in () if signer is None else signer.certificate.notes:
        complain(note)
    if signer is not None and sign_cert is None and keyfile is not None and signer.is_test:
        from waarmerk.marking.certificate import certificate_files

        chain = certificate_files(keyfile).chain
        complain(f"signed with the test certificate {chain}, which proves nothing to others")
    if as_json:
        print_json(report.as_dict())
    else:
        print_line("\n".join(report.lines()))
    return 0


def _disclosure(profile: str | None, **told: str | None) -> Disclosure | None:
    """Return what is told of the system: the profile, and the options before it."""
    from dataclasses import replace

    from waarmerk.marking.disclosure import Disclosure

    given: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    if profile is None:
        return Disclosure(**given) if given else None
    return replace(Disclosure.from_toml(profile), **given)


def _signer(
    keyfile: str | None, sign_cert: str | None, sign_key: str | None, no_manifest: str | None
) -> Signer | None:
    """Find who signs: the certificate given, else the one beside the key, else nobody."""
    if (sign_cert is None) != (sign_key is None):
        raise click.UsageError("--sign-cert and --sign-key go together")
    if no_manifest is not None:
        if not no_manifest.strip():
            raise click.UsageError("--no-manifest needs a reason, which goes into the report")
        if sign_cert is not None:
            raise click.UsageError("--no-manifest and --sign-cert contradict each other")
        return None
    from waarmerk.marking.certificate import certificate_files
    from waarmerk.marking.signer import Signer

    if sign_cert is not None and sign_key is not None:
        return Signer.from_files(sign_cert, sign_key)
    beside = None if keyfile is None else certificate_files(keyfile)
    if beside is None or not (beside.chain.exists() or beside.key.exists()):
        raise click.ClickException(
            "no certificate to sign the manifest with: give --sign-cert and --sign-key, make a "
            "test certificate with `waarmerk keygen --dev-cert`, or accept a watermark alone with "
            "--no-manifest REASON"
        )
    return Signer.from_files(beside.chain, beside.key)
