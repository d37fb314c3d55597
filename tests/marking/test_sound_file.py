"""Marking sound files: both layers or an error, and on an error nothing."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import rendered_sound
from tests.rendered_sound import RATE, melody
from waarmerk import MarkId, MarkingKey, detect_file, mark_file
from waarmerk.errors import (
    CannotMarkError,
    InputError,
    OutputError,
    SigningError,
)
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.signer import Signer
from waarmerk.marking.sound_tags import Cover, SoundTags, read_tags
from waarmerk.marking.source import identify

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
ID = MarkId.from_hex("0123456789abcdef")
CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
WRITTEN = [name for name, f in SOUNDS.items() if f.not_written is None]
EXTENSION = {name: f.extensions[0] for name, f in SOUNDS.items()}
TAGS = SoundTags(
    (("TITLE", "Tïtel"), ("AIGC", "1")), (Cover(b"\x89PNG\r\n\x1a\n123", "image/png"),)
)


@pytest.fixture(scope="module")
def voice(tmp_path_factory) -> Path:
    return rendered_sound.file(
        tmp_path_factory.mktemp("voice") / "voice.wav", "WAV", melody(8.0), tags=TAGS
    )


def detected(path: Path, key: MarkingKey = KEY):
    return detect_file(path, key, (CHAIN.root,))


def only(folder: Path, *names: str) -> bool:
    return sorted(p.name for p in folder.iterdir()) == sorted(names)


# Both layers


@pytest.mark.parametrize("name", WRITTEN)
def test_both_layers_are_written_in_every_format(voice, tmp_path, name):
    target = tmp_path / f"marked{EXTENSION[name]}"
    report = mark_file(voice, target, KEY, signer=SIGNER, mark_id=ID)
    seen = detected(target)
    watermark, manifest = seen.findings[:2]
    assert watermark.mark_id == report.watermark.mark_id == ID
    assert manifest.status == "trusted"
    assert ("waarmerk.audio.1", ID.hex) in manifest.soft_bindings
    assert seen.verdict == "generated"
    beside = [] if SOUNDS[name].embeds else [target.name + ".c2pa"]
    assert only(tmp_path, target.name, *beside)
    assert manifest.sidecar == (beside[0] if beside else None)
    assert identify(target) is SOUNDS[name]
    tags = read_tags(target, SOUNDS[name])
    assert dict(tags.texts).items() >= {"TITLE": "Tïtel", "AIGC": "1"}.items()
    assert len(tags.covers) == 1


@pytest.mark.parametrize("name", SOUNDS)
def test_a_marked_file_can_be_marked_again_and_keeps_its_history(voice, tmp_path, name):
    first = tmp_path / f"1{EXTENSION[name]}"
    if name == "AAC":
        rendered_sound.file(first, name, melody(8.0))
    else:
        mark_file(voice, first, MarkingKey.generate(), signer=SIGNER)
    second = tmp_path / f"2{EXTENSION[name] if name != 'AAC' else '.m4a'}"
    report = mark_file(first, second, KEY, signer=SIGNER)
    seen = detected(second)
    assert seen.watermarks[0].mark_id == report.watermark.mark_id
    manifest = seen.manifests[0]
    assert manifest.status == "trusted"
    assert manifest.digital_source_type.endswith("trainedAlgorithmicMedia")
    assert any(code.endswith("@ingredient") for code in manifest.codes) == (name != "AAC")
    assert second.stat().st_size < 2 * first.stat().st_size + 20_000


def test_the_report_says_what_was_done(voice, tmp_path):
    target = tmp_path / "marked.opus"
    report = mark_file(voice, target, KEY, signer=SIGNER, mark_id=ID)
    said = json.loads(json.dumps(report.as_dict()))
    assert said["schema"] == "waarmerk.mark/1"
    assert said["input"]["media_type"] == "audio/wav"
    assert said["output"]["size"] == target.stat().st_size
    watermark, manifest, label = said["layers"]
    assert label["standard"] == "iptc.digitalsourcetype"
    assert label["status"] == "written"
    assert watermark["mark_id"] == ID.hex
    assert 15 < watermark["snr"] < 40
    assert "psnr" not in watermark
    assert watermark["log10_p"] < -9
    assert manifest["sidecar"]["name"] == "marked.opus.c2pa"
    assert manifest["sidecar"]["size"] == (tmp_path / "marked.opus.c2pa").stat().st_size
    assert (report.sample_rate, report.channels) == (RATE, 1)
    assert report.duration == pytest.approx(8.0)
    lines = report.lines()
    assert lines[0].startswith("Wrote marked.opus: 8.0 s, 16000 Hz mono, ")
    assert "dB SNR; read back" in lines[2]
    assert "in marked.opus.c2pa, to be kept beside it" in lines[4]


def test_the_very_samples_are_read_back_and_nothing_clips(tmp_path):
    loud = melody(6.0) * np.float32(1.0 / np.abs(melody(6.0)).max())
    for sample, subtype in (("int16", "PCM_16"), ("int24", "PCM_24"), ("float32", "FLOAT")):
        source, target = tmp_path / f"{sample}.wav", tmp_path / f"{sample}.out.wav"
        soundfile.write(source, loud, RATE, subtype=subtype)
        mark_file(source, target, KEY, signer=SIGNER)
        info = soundfile.info(target)
        assert (info.subtype, info.frames, info.samplerate) == (subtype, len(loud), RATE)
        before = soundfile.read(source, dtype="float64")[0]
        after = soundfile.read(target, dtype="float64")[0]
        assert np.abs(before).max() > 0.99
        full = 1.0 - 2.0**-15 if sample == "int16" else 1.0 - 2.0**-23
        assert (np.abs(after) >= full).sum() <= (np.abs(before) >= full).sum()
        assert 15 < 10 * np.log10(np.sum(before**2) / np.sum((after - before) ** 2)) < 40


def test_several_channels_carry_the_mark(tmp_path):
    source = rendered_sound.file(tmp_path / "in.flac", "FLAC", melody(6.0, RATE, 4))
    mark_file(source, tmp_path / "out.flac", KEY, signer=SIGNER)
    assert detected(tmp_path / "out.flac").verdict == "generated"
    assert soundfile.info(tmp_path / "out.flac").channels == 4


def test_what_is_resampled_is_told(tmp_path):
    source = rendered_sound.file(tmp_path / "in.flac", "FLAC", melody(6.0, 44_100), 44_100)
    report = mark_file(source, tmp_path / "out.opus", KEY, signer=SIGNER)
    assert report.sample_rate == 48_000
    assert report.duration == pytest.approx(6.0, abs=1e-4)
    assert any("resampled from 44100 to 48000 Hz" in note for note in report.notes)


def test_altered_content_says_so_in_both_layers(voice, tmp_path):
    mark_file(voice, tmp_path / "m.mp3", KEY, signer=SIGNER, kind="altered")
    seen = detected(tmp_path / "m.mp3")
    assert seen.verdict == "altered"
    assert seen.watermarks[0].kind == "altered"


def test_a_watermark_alone_needs_a_reason(voice, tmp_path):
    with pytest.raises(SigningError, match="no signer"):
        mark_file(voice, tmp_path / "m.ogg", KEY)
    report = mark_file(voice, tmp_path / "m.ogg", KEY, no_manifest="signed downstream")
    assert report.manifest.omitted == "signed downstream"
    assert only(tmp_path, "m.ogg")
    again = mark_file(
        tmp_path / "m.ogg", tmp_path / "n.ogg", MarkingKey.generate(), no_manifest="test"
    )
    assert not any("manifest of the input" in note for note in again.notes)


def test_the_loss_of_a_manifest_is_told(voice, tmp_path):
    for extension in (".mp3", ".ogg"):
        first, second = tmp_path / f"1{extension}", tmp_path / f"2{extension}"
        mark_file(voice, first, KEY, signer=SIGNER)
        report = mark_file(first, second, MarkingKey.generate(), no_manifest="test")
        assert any("manifest of the input" in note for note in report.notes)


def test_an_earlier_mark_of_the_same_key_is_told(voice, tmp_path):
    first, second = tmp_path / "1.flac", tmp_path / "2.flac"
    mark_file(voice, first, KEY, signer=SIGNER, mark_id=ID)
    try:
        told = " ".join(mark_file(first, second, KEY, signer=SIGNER).notes)
    except CannotMarkError as error:  # the earlier one is what is read back
        told = str(error)
    assert f"already the mark id {ID.hex}" in told


# What cannot be marked


@pytest.mark.parametrize(
    ("samples", "cause"),
    [
        (np.zeros((4 * RATE, 1), np.float32), "is silent"),
        (melody(0.4), r"lasts 0\.40 s"),
        (np.eye(4 * RATE, 1, -9000, dtype=np.float32), "cannot carry a mark"),
    ],
)
def test_a_sound_that_cannot_hold_a_mark_is_refused(samples, cause, tmp_path):
    source = rendered_sound.file(tmp_path / "in.wav", "WAV", samples)
    with pytest.raises(CannotMarkError, match=rf"in\.wav: .*{cause}") as caught:
        mark_file(source, tmp_path / "out.wav", KEY, signer=SIGNER)
    assert "\n" not in str(caught.value)
    assert only(tmp_path, "in.wav")


@pytest.mark.parametrize("name", [n for n in SOUNDS if n not in ("AAC", "M4A")])
def test_a_cut_off_file_is_refused_and_nothing_is_written(name, tmp_path):
    source = rendered_sound.file(tmp_path / f"in{EXTENSION[name]}", name, melody(6.0))
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * 0.8)])
    with pytest.raises(InputError, match=f"in{EXTENSION[name]}: is (cut off|damaged)"):
        mark_file(source, tmp_path / "out.wav", KEY, signer=SIGNER)
    assert only(tmp_path, source.name)


@pytest.mark.parametrize(
    ("name", "data", "error", "cause"),
    [
        ("zero.wav", b"", InputError, "is empty"),
        ("head.wav", b"RIFF\x24\0\0\0WAVE", InputError, "cannot be decoded|holds no sound"),
        ("text.mp3", b"this is no sound" * 50, InputError, "named .mp3 but .* unknown"),
        ("page.mp3", b"<html></html>", InputError, "its content is HTML"),
        ("list.mp3", b"#EXTM3U\nhttp://example.org/a.mp3", InputError, "content is PLAYLIST"),
        ("a.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(80), InputError, "decoded as M4A"),
        ("a.mkv", b"\x1aE\xdf\xa3" + bytes(100), CannotMarkError, "no_watermark"),
    ],
)
def test_bad_inputs_are_refused_in_one_line(name, data, error, cause, tmp_path):
    source = tmp_path / name
    source.write_bytes(data)
    with pytest.raises(error, match=cause) as caught:
        mark_file(source, tmp_path / "out.wav", KEY, signer=SIGNER)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert only(tmp_path, name)


def test_pictures_and_sounds_do_not_mix(voice, tmp_path):
    with pytest.raises(OutputError, match="the input is a sound"):
        mark_file(voice, tmp_path / "out.png", KEY, signer=SIGNER)
    assert only(tmp_path)


def test_a_quality_that_destroys_the_mark_is_refused_or_kept(voice, tmp_path):
    # The lowest is 8 kbit/s; whatever comes of it, it is not both written and without a mark.
    written = True
    try:
        mark_file(voice, tmp_path / "out.mp3", KEY, signer=SIGNER, quality=1)
    except CannotMarkError:
        written = False
    assert only(tmp_path, *(["out.mp3"] if written else []))
    assert not written or detected(tmp_path / "out.mp3").watermarks[0].found


# Nothing half-written


@pytest.mark.parametrize("extension", [".wav", ".opus"])
@pytest.mark.parametrize(
    ("step", "overwrite"), [("fsync", False), ("fsync", True), ("link", False), ("replace", True)]
)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(  # noqa: PLR0917
    voice, tmp_path, monkeypatch, extension, step, overwrite, error
):
    target = tmp_path / f"out{extension}"
    beside = tmp_path / f"out{extension}.c2pa"
    old = {target.name: b"old"} | ({beside.name: b"older"} if extension == ".opus" else {})
    if overwrite:
        for name, data in old.items():
            (tmp_path / name).write_bytes(data)

    calls = []
    real = getattr(os, step)

    def fail(*arguments: object, **options: object) -> None:
        calls.append(arguments)
        if len(calls) == (2 if extension == ".opus" and step != "fsync" else 1):
            raise error
        real(*arguments, **options)

    monkeypatch.setattr(os, step, fail)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    if step == "link" and isinstance(error, OSError):
        mark_file(voice, target, KEY, signer=SIGNER)  # without hard links, a rename will do
        assert target.exists()
        return
    with pytest.raises(expected):
        mark_file(voice, target, KEY, signer=SIGNER, overwrite=overwrite)
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == (old if overwrite else {})


def test_an_interruption_while_marking_leaves_nothing(voice, tmp_path, monkeypatch):
    from waarmerk.marking.audio import AudioMarker

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(AudioMarker, "finish", interrupt)
    for extension in EXTENSION.values():
        if extension != ".aac":
            with pytest.raises(KeyboardInterrupt):
                mark_file(voice, tmp_path / f"out{extension}", KEY, signer=SIGNER)
    assert only(tmp_path)


def test_a_failing_signer_leaves_nothing(voice, tmp_path):
    def sign(_: bytes) -> bytes:
        raise RuntimeError("the security module is asleep")

    broken = Signer.from_callback(sign, CHAIN.chain)
    for extension in (".flac", ".ogg"):
        with pytest.raises(SigningError, match="asleep"):
            mark_file(voice, tmp_path / f"out{extension}", KEY, signer=broken)
    assert only(tmp_path)


def test_an_existing_output_is_replaced_only_when_asked(voice, tmp_path):
    target, beside = tmp_path / "out.ogg", tmp_path / "out.ogg.c2pa"
    beside.write_bytes(b"about something else")
    with pytest.raises(OutputError, match=r"out\.ogg\.c2pa: exists already"):
        mark_file(voice, target, KEY, signer=SIGNER)
    assert only(tmp_path, "out.ogg.c2pa")
    mark_file(voice, target, KEY, signer=SIGNER, overwrite=True)
    assert detected(target).manifests[0].status == "trusted"
    mark_file(voice, target, KEY, no_manifest="test", overwrite=True)
    assert only(tmp_path, "out.ogg")  # or the old manifest would be taken for a broken one


def test_a_file_may_replace_itself_when_asked(voice, tmp_path):
    path = tmp_path / "voice.wav"
    shutil.copy(voice, path)
    with pytest.raises(OutputError, match="is the input itself"):
        mark_file(path, path, KEY, signer=SIGNER)
    mark_file(path, path, KEY, signer=SIGNER, overwrite=True)
    assert detected(path).verdict == "generated"
    assert only(tmp_path, "voice.wav")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_read_only_folder_is_told(voice, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            mark_file(voice, tmp_path / "out.flac", KEY, signer=SIGNER)
    finally:
        tmp_path.chmod(0o700)
