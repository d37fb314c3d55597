"""What marking pictures, sounds and texts shares: the request, signing, the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from waarmerk.errors import CannotMarkError, InputError, KeyFileError, SigningError
from waarmerk.marking.formats import shown
from waarmerk.marking.report import ManifestLayer

if TYPE_CHECKING:
    from waarmerk.marking.disclosure import Disclosure
    from waarmerk.marking.formats import Format
    from waarmerk.marking.kept import KeptManifest
    from waarmerk.marking.key import MarkingKey
    from waarmerk.marking.label import AigcLabel
    from waarmerk.marking.manifest import Ingredient, Parent
    from waarmerk.marking.payload import Kind, MarkId
    from waarmerk.marking.picture import Pixels
    from waarmerk.marking.signer import Signer
    from waarmerk.marking.sound_decoders import Block

__all__ = [
    "Job",
    "LabelSeen",
    "Listen",
    "Listener",
    "ReadLabels",
    "ReadManifest",
    "SelfCheck",
    "earlier_mark",
]


class WatermarkSeen(Protocol):
    """What marking needs to know of a watermark finding."""

    @property
    def found(self) -> bool: ...
    @property
    def mark_id(self) -> MarkId | None: ...
    @property
    def log10_p(self) -> float | None: ...


class ManifestSeen(Protocol):
    """What marking needs to know of a manifest finding."""

    @property
    def status(self) -> str: ...
    @property
    def intact(self) -> bool: ...
    @property
    def signer(self) -> str | None: ...
    @property
    def soft_bindings(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def reason(self) -> str | None: ...


class Listener(Protocol):
    """Looks for a watermark in a sound that comes in blocks."""

    def feed(self, block: Block) -> WatermarkSeen | None:
        """Take a block; return a finding as soon as the evidence suffices."""

    def finish(self) -> WatermarkSeen:
        """Return the finding over everything."""


class ReadManifest(Protocol):
    """Reads the manifest of a file of a media type, or one that lies beside it."""

    def __call__(
        self,
        source: bytes | BinaryIO,
        media_type: str,
        /,
        *,
        sidecar: bytes | None = None,
    ) -> ManifestSeen:
        """Return the finding; `sidecar` is a manifest store from beside the file."""


class LabelSeen(Protocol):
    """What marking needs to know of a label finding."""

    @property
    def status(self) -> str:
        """`found`, `unreadable` and so on."""

    @property
    def standard(self) -> str | None:
        """Which label it is."""

    @property
    def value(self) -> str | None:
        """What it reads."""

    @property
    def kind(self) -> Kind | None:
        """What it says about AI."""


ReadLabels = Callable[[bytes | BinaryIO, str], Iterable[LabelSeen]]
"""Reads the unsigned labels of a file of a media type."""

SelfCheck = Callable[["Pixels"], WatermarkSeen]
"""Looks for the watermark that was just laid; detection, handed in so as not to be imported."""

Listen = Callable[[int, int], Listener]
"""The same for sounds: begins to listen at a sample rate to so many channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request to mark a file that is in order as far as that shows without reading it.

    Parameters
    ----------
    source, target
        As the caller named them.
    final
        The path to write to, links followed.
    format
        The format to write.
    given_key, mark_id
        The watermark; without one the key can be None, and the id only says the kind.
    signer, no_manifest
        Who signs the manifest, or the reason why nobody does.
    quality, overwrite
        As in :func:`waarmerk.marking.file.mark_file`.
    read_manifest
        With which the finished file is checked.
    label
        Whether the file gets an unsigned label; None leaves it to its format.
    no_watermark
        Why the content gets no watermark; None if it gets one.
    aigc
        What an AIGC label says, if one is asked for.
    disclosure
        What else the manifest says of the system.
    read_labels
        With which the labels of the finished file are checked.
    kept
        Where the manifest is kept besides.
    parts
        Files that were put into the content, for the manifest to name.
    """

    source: Path
    target: Path
    final: Path
    format: Format
    given_key: MarkingKey | None
    mark_id: MarkId
    signer: Signer | None
    no_manifest: str | None
    quality: int | None
    overwrite: bool
    read_manifest: ReadManifest
    label: bool | None = None
    no_watermark: str | None = None
    aigc: AigcLabel | None = None
    disclosure: Disclosure | None = None
    read_labels: ReadLabels | None = None
    kept: KeptManifest | None = None
    parts: tuple[Path, ...] = ()

    @property
    def key(self) -> MarkingKey:
        """The key of the watermark."""
        if self.given_key is None:
            raise CannotMarkError(
                f"{shown(str(self.source))}: a watermark needs a key; give one, or accept a "
                "manifest alone with a reason (no_watermark, --no-watermark REASON)"
            )
        return self.given_key

    @property
    def shown(self) -> str:
        """The output's name for messages."""
        return shown(str(self.target))

    def sign(
        self,
        source: BinaryIO,
        destination: BinaryIO,
        signer: Signer,
        *,
        scheme: str | None,
        parent: Parent,
    ) -> bytes:
        """Write a signed copy, which names the watermark of a scheme; return the manifest store."""
        from waarmerk.marking.manifest import ManifestContent, sign_stream

        content = ManifestContent(title=self.target.name, kind=self.mark_id.kind)
        with ExitStack() as stack:
            store = sign_stream(
                source,
                destination,
                self.format.media_type,
                signer,
                content,
                soft_binding=None if scheme is None else (scheme, self.mark_id.hex),
                key_id=None if scheme is None else self.key.key_id,
                disclosure=self.disclosure,
                parent=parent,
                ingredients=[_ingredient(path, stack) for path in self.parts],
                embed=self.format.embeds,
            )
        if self.kept is not None:
            self.kept.store = store
        return store

    def check_manifest(
        self, encoded: bytes | BinaryIO, scheme: str | None, *, sidecar: bytes | None = None
    ) -> ManifestLayer:
        """Read the manifest that was just signed back from the very bytes.

        Without a scheme there is no watermark that it has to name.

        Raises
        ------
        SigningError
            If it is not intact, or does not name the watermark.
        """
        seen = self.read_manifest(encoded, self.format.media_type, sidecar=sidecar)
        bound = scheme is None or (scheme, self.mark_id.hex) in seen.soft_bindings
        if not seen.intact or not bound:
            cause = seen.reason or f"status {seen.status}"
            raise SigningError(
                f"{self.shown}: the manifest just signed does not check out ({cause}), "
                "so nothing was written"
            )
        if self.kept is not None:
            self.kept.write(self.mark_id, overwrite=self.overwrite)
        return ManifestLayer(signer=seen.signer)

    def manifest_beside(self, original: BinaryIO, media_type: str) -> bytes | None:
        """Return the manifest that lies beside the input, if one does that is about it."""
        from waarmerk.marking.sidecar import sidecar_for, sidecars_of

        for path, store in sidecars_of(self.source):
            surely = path == sidecar_for(self.source)
            if surely or self.read_manifest(original, media_type, sidecar=store).intact:
                return store
        return None

    def dropped_manifest(
        self, source: bytes | BinaryIO, media_type: str, *, sidecar: bytes | None = None
    ) -> tuple[str, ...]:
        """Say that the manifest of the input gets lost, if there is one."""
        status = self.read_manifest(source, media_type).status
        if status in ("absent", "not_checked") and sidecar is not None:
            status = self.read_manifest(source, media_type, sidecar=sidecar).status
        if status in ("absent", "not_checked"):
            return ()
        return ("the manifest of the input is not carried along, because none was signed",)


def _ingredient(path: Path, stack: ExitStack) -> Ingredient:
    """Return a file that was put into the content, open as long as the stack is.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    from waarmerk.marking.manifest import Ingredient
    from waarmerk.marking.sidecar import sidecar_for, sidecars_of
    from waarmerk.marking.source import identify, limit_of, open_source

    actual = identify(path)
    file = stack.enter_context(open_source(path, limit_of(actual)))
    surely = [store for beside, store in sidecars_of(path) if beside == sidecar_for(path)]
    return Ingredient(file, actual.media_type, path.name, surely[0] if surely else None)


def check_request(
    signer: Signer | None,
    no_manifest: str | None,
    no_watermark: str | None,
    quality: int | None,
) -> None:
    """Refuse a request that contradicts itself or leaves a layer out without a reason."""
    if no_watermark is not None and not no_watermark.strip():
        raise CannotMarkError("the reason for no watermark is empty; say why there is none")
    if no_watermark is not None and no_manifest is not None:
        raise SigningError(
            "no watermark and no manifest either: then there is nothing to write; leave out one of "
            "the two reasons (no_watermark, no_manifest)"
        )
    if no_watermark is not None and quality is not None:
        raise InputError("without a watermark the content is copied as it is; leave out quality")
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"quality is a number from 1 to 100, not {quality}")
    if signer is not None and no_manifest is not None:
        raise SigningError("a signer and a reason for no manifest contradict each other")
    if signer is None and (no_manifest is None or not no_manifest.strip()):
        raise SigningError(
            "no signer for the manifest: give a certificate and its key, or accept a watermark "
            "alone with a reason (no_manifest)"
        )


def earlier_mark(seen: WatermarkSeen) -> str | None:
    """Say that the input carries a mark of the same key, if so; a second one is legitimate."""
    if not seen.found:
        return None
    which = "a mark" if seen.mark_id is None else f"the mark id {seen.mark_id.hex}"
    return f"carries already {which} of this key"


def beside_the_new_one(earlier: str | None) -> tuple[str, ...]:
    """Return the note on an earlier mark."""
    return (f"{earlier}; it will be hard to read besides the new one",) if earlier else ()


def settled_mark_id(mark_id: MarkId | None, kind: Kind | None) -> MarkId:
    """Return the id to mark with: the one given, if it is of the kind asked for, or a new one."""
    from waarmerk.marking.payload import MarkId

    if mark_id is None:
        return MarkId.random(kind or "generated")
    if kind is not None and mark_id.kind != kind:
        raise InputError(
            f"mark id {mark_id.hex} says {mark_id.kind} (its first digit), not {kind}; "
            "give another id, or none"
        )
    return mark_id


def require_in_use(key: MarkingKey) -> None:
    """Raise unless the key may still make new marks."""
    from datetime import UTC, datetime

    if key.retired is not None and datetime.fromisoformat(key.retired) <= datetime.now(UTC):
        raise KeyFileError(
            f"key {key.key_id} was retired on {key.retired[:10]}: it finds old marks and makes no "
            "new ones; use another key"
        )
