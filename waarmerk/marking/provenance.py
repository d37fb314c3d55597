"""What a manifest can say about AI, in the words of C2PA 2.4: shared by its writer and its reader.

A manifest store as the C2PA library gives it is a mapping from labels to manifests, one of them
active. Each manifest lists actions; an opened asset is the *parent*, with a manifest of its own::

    active    c2pa.opened ──parent──> older    c2pa.created   trainedAlgorithmicMedia
              c2pa.watermarked.bound           c2pa.edited    (humanEdits)

Everything read here may come from a hostile file: any value can have any type, and parents can
run in circles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from waarmerk.marking.payload import Kind

__all__ = [
    "ALTERED",
    "GENERATED",
    "GENERATIVE",
    "Anchors",
    "assertions",
    "asset_unreadable",
    "is_remote",
    "mappings",
    "offline_settings",
    "short_term",
    "signer_name",
    "source_kind",
    "source_type",
]

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_C2PA = "http://c2pa.org/digitalsourcetype/"
GENERATED = _IPTC + "trainedAlgorithmicMedia"
ALTERED = _IPTC + "compositeWithTrainedAlgorithmicMedia"
EMPTY = _C2PA + "empty"

# The four that the C2PA asset rubrics 1.0 count as generative AI ($genai_dst_types).
_KINDS: dict[str, Kind] = {
    "trainedAlgorithmicMedia": "generated",
    "trainedAlgorithmicData": "generated",
    "compositeWithTrainedAlgorithmicMedia": "altered",
    "compositeSynthetic": "altered",
}

GENERATIVE = frozenset(
    (_C2PA if term == "trainedAlgorithmicData" else _IPTC) + term for term in _KINDS
)
"""Those four, as they are written."""

# Extended key usages that a signer, a time-stamp or an OCSP response may have. Without this list
# the library (since c2pa-rs 0.91) calls a certificate for C2PA claim signing invalid.
_USAGES = (
    "1.3.6.1.4.1.62558.2.1",  # C2PA claim signing
    "1.3.6.1.5.5.7.3.4",  # emailProtection
    "1.3.6.1.5.5.7.3.36",  # documentSigning, RFC 9336
    "1.3.6.1.4.1.311.76.59.1.9",  # Microsoft's own for C2PA, in the list of c2pa-rs
    "1.3.6.1.5.5.7.3.8",  # timeStamping
    "1.3.6.1.5.5.7.3.9",  # OCSPSigning
)

_MOST_PARENTS = 100
_MOST_CHANGES = 1000

# What may be wrong with a parent without making its own statement false: nobody vouches for it.
_ONLY_UNKNOWN = frozenset({"signingCredential.untrusted"})


class Anchors(NamedTuple):
    """Certificates that vouch for others, as the C2PA library takes them.

    Parameters
    ----------
    uri
        What the library calls them where it says who vouched.
    kind
        Whom they vouch for: signers of manifests, or of time-stamps.
    authorities
        PEM. They vouch for whom they certified, directly or not.
    signers
        PEM. These are the signers themselves, whoever certified them.
    """

    uri: str
    kind: Literal["manifest", "tsa"]
    authorities: str
    signers: str = ""


def offline_settings(anchors: str | Sequence[Anchors] = "") -> dict[str, Any]:
    """Return settings for the C2PA library with which it never opens a network connection.

    Parameters
    ----------
    anchors
        Who may vouch; as PEM alone, authorities for manifests. The library (0.91) does not keep
        the kinds apart: an anchor for time-stamps vouches for signers of manifests as well. Who
        sets one has to look at what vouched.
    """
    if isinstance(anchors, str):
        anchors = [Anchors("urn:waarmerk:given-anchors", "manifest", anchors)] if anchors else []
    trust: dict[str, Any] = {"trust_config": "\n".join(_USAGES) + "\n"}
    if anchors:
        trust["anchors"] = [
            {
                "trust_kind": given.kind,
                "trust_uri": given.uri,
                "trust_anchors": given.authorities,
            }
            | ({"allowed_list": given.signers} if given.signers else {})
            for given in anchors
        ]
    return {
        "version": 1,
        "trust": trust,
        "verify": {
            "verify_after_reading": True,  # otherwise every state is Invalid
            "verify_after_sign": True,
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
        },
        "core": {
            "allowed_network_hosts": [],
            "allow_redirects": False,
            # Identities name documents on the web; not looking at them is the way not to fetch.
            "decode_identity_assertions": False,
            "backing_store_memory_threshold_in_mb": 64,
        },
        "builder": {"thumbnail": {"enabled": False}},
    }


def is_remote(message: str) -> bool:
    """Return whether the library failed because the manifest is stored elsewhere, on the web."""
    return message.startswith("Remote")


def asset_unreadable(message: str) -> bool:
    """Return whether the library failed on the file itself, before it saw any manifest."""
    return message.startswith(("Io:", "NotSupported:", "Other: asset could not be parsed"))


def source_kind(source_type: str | None) -> Kind | None:
    """Return what a digital source type says about AI; None if nothing.

    Examples
    --------
    >>> source_kind("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
    'generated'
    >>> source_kind("compositeSynthetic"), source_kind("https://example.com/compositeSynthetic")
    ('altered', None)
    """
    return None if source_type is None else _KINDS.get(short_term(source_type.strip()))


def short_term(value: str) -> str:
    """Return a digital source type without the address of its vocabulary; all else as it is.

    Examples
    --------
    >>> short_term("http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits")
    'humanEdits'
    """
    for scheme in (_IPTC, "https" + _IPTC[4:], _C2PA, "https" + _C2PA[4:]):
        if value.startswith(scheme):
            return value[len(scheme) :]
    return value


def source_type(
    store: Mapping[str, Any],
    label: object = None,
    known: dict[str, str | None] | None = None,
) -> str | None:
    """Return the digital source type of the asset that a manifest store belongs to.

    That is what the active manifest states; if it states nothing about the origin because the
    asset was opened and then changed without AI, what the parent's manifest states, and so on. A
    parent that was found broken, when it was opened or now, states nothing.

    Parameters
    ----------
    store
        Parsed JSON of the C2PA library's `Reader`.
    label
        Of the manifest to begin with: the active one if not given.
    known
        What was found out about other manifests of this store; what is found now is put there.
    """
    known = {} if known is None else known
    manifests = store.get("manifests")
    label = store.get("active_manifest") if label is None else label
    seen: list[str] = []
    stated: str | None = None
    while isinstance(manifests, Mapping) and isinstance(label, str) and len(seen) < _MOST_PARENTS:
        if label in known:
            stated = known[label]
            break
        seen.append(label)
        known[label] = None  # of a circle nothing is known
        manifest = manifests.get(label)
        if not isinstance(manifest, Mapping):
            break
        stated = _stated(manifest)
        if stated is not None:
            break
        label = _intact_parent(label, manifest, store)
    known.update(dict.fromkeys(seen, stated))
    return stated


def signer_name(common_name: str | None, organization: str | None) -> str | None:
    """Return how a certificate calls its holder: `Common Name (Organization)`, or what there is."""
    if not common_name or not organization or common_name == organization:
        return common_name or organization or None
    return f"{common_name} ({organization})"


def assertions(manifest: Mapping[str, Any], label: str) -> Iterator[Mapping[str, Any]]:
    """Yield the contents of the assertions with a label, whatever version or instance they are."""
    for assertion in mappings(manifest.get("assertions")):
        name, data = assertion.get("label"), assertion.get("data")
        if isinstance(name, str) and isinstance(data, Mapping):
            base = name.partition("__")[0]
            if base == label or base.startswith(label + ".v"):
                yield data


def mappings(values: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in what should be a list of them."""
    if isinstance(values, list):
        for value in values:
            if isinstance(value, Mapping):
                yield value


def _stated(manifest: Mapping[str, Any]) -> str | None:
    """Return what one manifest itself says about where its asset comes from."""
    actions = [
        (action, term)
        for data in assertions(manifest, "c2pa.actions")
        for action, term in _action_types(data)
    ]
    origin = next((term for action, term in actions if action == "c2pa.created"), None)
    if source_kind(origin) is not None:
        return origin
    ai = [term for _, term in actions if source_kind(term) is not None]
    if not ai:
        return origin
    altered = next((term for term in ai if source_kind(term) == "altered"), None)
    if altered is not None:
        return altered
    # Something generated was put into something that was not: the whole is a composite.
    return ai[0] if origin in (None, EMPTY) else ALTERED


def _action_types(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (action, digital source type) for every action that has one, templates applied."""
    templates = {
        template.get("action"): template.get("digitalSourceType")
        for template in mappings(data.get("templates"))
        if isinstance(template.get("action"), str)
    }
    for action in mappings(data.get("actions")):
        name = action.get("action")
        if isinstance(name, str):
            term = action.get("digitalSourceType", templates.get(name, templates.get("*")))
            if isinstance(term, str):
                yield name, term


def _intact_parent(label: str, manifest: Mapping[str, Any], store: Mapping[str, Any]) -> str | None:
    """Return the label of the parent's manifest unless something is known to be wrong with it."""
    for ingredient in mappings(manifest.get("ingredients")):
        if ingredient.get("relationship") != "parentOf":
            continue
        problems = [*_codes(ingredient.get("validation_status")), *_failures(ingredient)]
        results = store.get("validation_results")
        deltas = results.get("ingredientDeltas") if isinstance(results, Mapping) else None
        if isinstance(deltas, list) and len(deltas) > _MOST_CHANGES:
            return None
        for delta in mappings(deltas):
            uri = delta.get("ingredientAssertionURI")
            if isinstance(uri, str) and label in uri:
                changes = delta.get("validationDeltas")
                if isinstance(changes, Mapping):
                    problems += _codes(changes.get("failure"))
        parent = ingredient.get("active_manifest")
        if isinstance(parent, str) and _ONLY_UNKNOWN.issuperset(problems):
            return parent
        return None
    return None


def _failures(ingredient: Mapping[str, Any]) -> list[str]:
    results = ingredient.get("validation_results")
    active = results.get("activeManifest") if isinstance(results, Mapping) else None
    return _codes(active.get("failure")) if isinstance(active, Mapping) else []


def _codes(statuses: object) -> list[str]:
    return [str(status.get("code")) for status in mappings(statuses)]
