"""Marking a sound file, in blocks: an hour of it needs no more memory than a minute.

::

    decode ──> mark ──> resample ──> encode ──> tags, label ──> sign ──> decode, listen ──> rename
       └─ listen   └─ listen            (each arrow on the right is a temporary file)

It is listened to three times: to the input, because a second mark is worth a note; to what was
marked, because content that cannot hold a mark is refused whatever the format; and to the finished
file. Each listener is let go as soon as it has heard enough.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from waarmerk.errors import CannotMarkError, InputError, OutputError
from waarmerk.marking.formats import shown
from waarmerk.marking.job import beside_the_new_one, earlier_mark
from waarmerk.marking.label.of_job import add_label, label_content, labels_read_back
from waarmerk.marking.place import publish, workshop
from waarmerk.marking.report import FileFacts, ManifestLayer, MarkReport, WatermarkLayer
from waarmerk.marking.sidecar import refuse_in_the_way, sidecar_for
from waarmerk.marking.sound import open_sound
from waarmerk.marking.sound_encode import FINER, Plan, open_writer, plan
from waarmerk.marking.sound_pipe import Comparison, Ear, Output
from waarmerk.marking.sound_tags import (
    XMP_THINGS,
    SoundTags,
    read_tags,
    wave_chunks,
    write_tags,
)
from waarmerk.marking.source import open_source, unchanged_since

if TYPE_CHECKING:
    from waarmerk.marking.formats import Format
    from waarmerk.marking.job import Job, Listen, WatermarkSeen
    from waarmerk.marking.manifest import Parent
    from waarmerk.marking.place import Workshop
    from waarmerk.marking.sound_decoders import Block
    from waarmerk.marking.sound_pipe import Comparison, Ear, Output

__all__ = ["mark_sound_file"]

_WITH_XMP = ("WAV", "MP3", "M4A")

EARLIER_SECONDS = 600
"""How much of the input is listened to for an earlier mark, which is worth no more than a note."""


def mark_sound_file(job: Job, actual: Format, listen: Listen) -> MarkReport:
    """Write a marked copy of a sound; see :func:`waarmerk.marking.file.mark_file`."""
    from waarmerk.marking.audio.scheme import SCHEME
    from waarmerk.marking.manifest import Parent

    beside = sidecar_for(job.final)
    keeps_sidecar = job.signer is not None and not job.format.embeds
    if not job.format.embeds:
        refuse_in_the_way(beside, overwrite=job.overwrite)
    with workshop(job.final) as shop, ExitStack() as stack:
        original = stack.enter_context(open_source(job.source))
        before = os.fstat(original.fileno())
        work = _Work(job, actual, shop, read_tags(job.source, actual), listen)
        laid = _encoded(work)
        given = job.manifest_beside(original, actual.media_type)
        notes = [*beside_the_new_one(laid.earlier), *laid.notes]
        path, has_label = _labelled(work, laid.path, notes)
        store = None
        if job.signer is None:
            notes += job.dropped_manifest(original, actual.media_type, sidecar=given)
        else:
            parent = Parent(original, actual.media_type, job.source.name, given)
            path, store = _signed(work, path, parent, SCHEME.name)
        with path.open("rb") as file:
            log10_p, frames = _check_watermark(work, laid, path)
            manifest = ManifestLayer(omitted=job.no_manifest)
            if store is not None:
                sidecar = store if keeps_sidecar else None
                manifest = job.check_manifest(file, SCHEME.name, sidecar=sidecar)
            labels = labels_read_back(job, file) if has_label else ()
            output = FileFacts.of_file(job.target.name, file, job.format.media_type)
        facts_in = FileFacts.of_file(job.source.name, original, actual.media_type)
        unchanged_since(before, job.source, str(job.source))
        files = [(path, job.final)]
        if keeps_sidecar and store is not None:
            name = beside.name.replace(job.final.name, job.target.name, 1)
            extra = FileFacts.of(name, store, "application/c2pa")
            manifest = ManifestLayer(signer=manifest.signer, sidecar=extra)
            temporary = shop.new()
            temporary.write_bytes(store)
            files.insert(0, (temporary, beside))
        stale = beside if job.overwrite and not keeps_sidecar else None
        publish(shop, files, overwrite=job.overwrite, stale=stale)
    notes += _length_note(laid, frames)
    how = laid.how
    return MarkReport(
        input=facts_in,
        output=output,
        watermark=WatermarkLayer(
            SCHEME.name, job.key.key_id, job.mark_id, None, log10_p, snr=laid.snr
        ),
        manifest=manifest,
        labels=labels,
        notes=tuple(notes),
        duration=frames / how.sample_rate,
        sample_rate=how.sample_rate,
        channels=how.channels,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What all steps need."""

    job: Job
    actual: Format
    shop: Workshop
    tags: SoundTags
    listen: Listen


@dataclass(slots=True)
class _Laid:
    """A marked and encoded file, not signed yet.

    `heard` says whether the id can be read from the marked samples (True), only that there is a
    mark (False: a few seconds of sound prove no more), or neither (None).
    """

    path: Path
    how: Plan
    strength: float
    snr: float
    frames: int
    rate: int
    earlier: str | None
    heard: bool | None
    notes: list[str] = field(default_factory=list)


def _encoded(work: _Work) -> _Laid:
    """Mark and encode, as coarsely as keeps the mark, or as asked."""
    job = work.job
    strength: float | None = None
    for finer in range(FINER):
        laid = _strong_enough(work) if strength is None else _lay(work, finer, strength)
        strength = laid.strength
        last = laid.how.lossless or job.quality is not None or finer == FINER - 1
        if last or _heard(work, laid, laid.path)[0] is not None:
            break
        laid.path.unlink()
    if not laid.heard:
        laid.notes.append(
            "the mark can be found, but not its id: the sound is too short, or marked already"
        )
    if job.format is not work.actual:
        only = work.tags.only_here
        laid.notes += [f"not kept in {job.format.name}: {thing}" for thing in only]
    return laid


def _strong_enough(work: _Work) -> _Laid:
    """Mark and encode with the least strength at which the id is read, or at least the mark found.

    Raises
    ------
    CannotMarkError
        If there is none.
    """
    from waarmerk.marking.audio.embed import STRENGTHS

    found: float | None = None
    for strength in STRENGTHS:
        laid = _lay(work, 0, strength)
        if laid.heard:
            return laid
        if laid.heard is not None and found is None:
            found = strength
        laid.path.unlink()
    if found is not None:
        return _lay(work, 0, found)
    before = f"; it {laid.earlier}" if laid.earlier else ""
    raise CannotMarkError(
        f"{shown(str(work.job.source))}: the sound cannot carry a mark: what was written could "
        "not be found again, as happens where it is short, nearly all silence, or a plain "
        f"tone{before}"
    )


def _lay(work: _Work, finer: int, strength: float) -> _Laid:
    """Mark the source and encode it once."""
    from waarmerk.marking.audio import AudioMarker
    from waarmerk.marking.audio.embed import SHORTEST

    job, tags, listen = work.job, work.tags, work.listen
    name = str(job.source)
    path = work.shop.new()
    with open_sound(job.source, work.actual, name) as reader:
        facts = reader.facts
        if reader.damage == "is cut off":
            raise InputError(f"{shown(name)}: is cut off")
        how = plan(facts, job.format, str(job.target), quality=job.quality, finer=finer)
        head, rest = wave_chunks(tags, same=job.format is work.actual)
        marker = AudioMarker(
            facts.sample_rate, facts.channels, job.key, job.mark_id, strength=strength
        )
        earlier = Ear(listen(facts.sample_rate, facts.channels))
        marked = Ear(listen(facts.sample_rate, facts.channels))
        compared = Comparison(how, facts)
        out = Output(open_writer(path, how, head=head, rest=rest), how, facts)
        try:
            for block in reader.blocks():
                if reader.frames <= EARLIER_SECONDS * facts.sample_rate:
                    earlier.feed(block)
                compared.expect(block)
                _pass_on(marker.process(block), compared, marked, out)
            _pass_on(marker.finish(), compared, marked, out)
            if reader.damage is not None:
                raise InputError(f"{shown(name)}: {reader.damage}")
            if reader.frames < SHORTEST * facts.sample_rate:
                seconds = reader.frames / facts.sample_rate
                raise CannotMarkError(
                    f"{shown(name)}: lasts {seconds:.2f} s; the mark needs {SHORTEST:.0f} s"
                )
            if not compared.sounds:
                raise CannotMarkError(f"{shown(name)}: is silent, and silence holds no mark")
            out.close()
        except BaseException:
            out.abandon()
            raise
    return _Laid(
        path=write_tags(path, work.shop.new(), job.format, tags),
        how=how,
        strength=strength,
        snr=compared.snr,
        frames=reader.frames,
        rate=facts.sample_rate,
        earlier=earlier_mark(earlier.finish()),
        heard=_as_laid(marked.finish(), job),
        notes=list(how.notes),
    )


def _pass_on(block: Block, compared: Comparison, marked: Ear, out: Output) -> None:
    if len(block):
        block = compared.settle(block)
        marked.feed(block)
        out.write(block)


def _labelled(work: _Work, path: Path, notes: list[str]) -> tuple[Path, bool]:
    """Give a file its label; return the one that has it, and whether it could be given.

    Where the format changes, the XMP of the input comes along with it.
    """
    job = work.job
    content = label_content(job)
    if content is None:
        return path, False
    if job.format is not work.actual and job.format.name in _WITH_XMP:
        content = replace(content, carried=work.tags.xmp)
    made = work.shop.new()
    with path.open("rb") as file, made.open("x+b") as out:
        done = add_label(job, file, out, content, notes)
    (path if done else made).unlink()
    if done and content.carried:
        lost = {f"not kept in {job.format.name}: {thing}" for thing in XMP_THINGS}
        notes[:] = [note for note in notes if note not in lost]
    return (made if done else path), done


def _signed(work: _Work, path: Path, parent: Parent, scheme: str) -> tuple[Path, bytes]:
    """Sign a file; return the signed one and the manifest store."""
    job = work.job
    assert job.signer is not None  # noqa: S101 - for the type checker
    signed = work.shop.new()
    with path.open("rb") as file, signed.open("x+b") as out:
        store = job.sign(file, out, job.signer, scheme=scheme, parent=parent)
    path.unlink()
    return signed, store


def _as_laid(seen: WatermarkSeen, job: Job) -> bool | None:
    """Return whether the id is read (True), only that there is a mark (False), or neither (None).

    Another id than the one that was laid is that of an earlier mark, and none of ours.
    """
    if not seen.found or seen.mark_id not in (None, job.mark_id):
        return None
    return seen.mark_id is not None


def _heard(work: _Work, laid: _Laid, path: Path) -> tuple[float | None, int]:
    """Return with which log p the mark is read from a finished file, and the length of that.

    What was read from the marked samples must also be read from the file: not only that there is a
    mark, if it was the id.
    """
    job, listen = work.job, work.listen
    with open_sound(path, job.format, str(job.target)) as reader:
        ear = Ear(listen(reader.facts.sample_rate, reader.facts.channels))
        for block in reader.blocks(as_decoded=True):
            ear.feed(block)
        if reader.damage is not None:
            raise OutputError(f"{job.shown}: the file just written {reader.damage}")
    seen = ear.finish()
    heard = _as_laid(seen, job)
    enough = heard is not None and (heard or not laid.heard)
    return (seen.log10_p if enough else None), reader.frames


def _check_watermark(work: _Work, laid: _Laid, path: Path) -> tuple[float, int]:
    job = work.job
    log10_p, frames = _heard(work, laid, path)
    if log10_p is None:
        raise CannotMarkError(
            f"{job.shown}: the mark cannot be read back from the encoded file, so nothing was "
            "written; ask for a higher quality, or write .flac"
        )
    return log10_p, frames


def _length_note(laid: _Laid, frames: int) -> list[str]:
    wanted = laid.frames * laid.how.sample_rate / laid.rate
    off = frames - wanted
    if abs(off) < 1.0:
        return []
    return [f"decodes to {off:+.0f} samples ({off / laid.how.sample_rate * 1000:+.1f} ms)"]
