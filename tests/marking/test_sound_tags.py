"""Tags and covers, within a format and between formats; and writing sounds as they were."""

import struct

import av
import numpy as np
import pytest
import soundfile

from tests import rendered_sound
from tests.rendered_sound import RATE, melody, sixteen
from waarmerk.errors import OutputError, UnsupportedInputError
from waarmerk.marking import id3, vorbis, wave
from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.sound import open_sound
from waarmerk.marking.sound_decoders import SoundFacts
from waarmerk.marking.sound_encode import FINER, open_writer, plan
from waarmerk.marking.sound_tags import Cover, SoundTags, read_tags, wave_chunks, write_tags
from waarmerk.marking.source import identify

WRITTEN = [name for name, f in SOUNDS.items() if f.not_written is None]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 600  # longer than a page of an Ogg
TEXTS = (
    ("TITLE", "Tïtel"),
    ("ARTIST", "An Artist"),
    ("ALBUM", "Album"),
    ("DATE", "2026"),
    ("GENRE", "Spoken word"),
    ("TRACKNUMBER", "3/12"),
    ("COMMENT", "a = b; ünïcode"),
    ("AIGC", '{"Label":"1"}'),
)
TAGS = SoundTags(TEXTS, (Cover(PNG, "image/png"),))


def extension(name):
    return SOUNDS[name].extensions[0]


def made(folder, name, tags=TAGS, **options):
    return rendered_sound.file(folder / f"in{extension(name)}", name, tags=tags, **options)


def rewritten(folder, path, target):
    """Give the samples of a file to a new one of another format, tags and all."""
    actual = identify(path)
    tags = read_tags(path, actual)
    out = folder / f"out{extension(target)}"
    with open_sound(path, actual, str(path)) as reader:
        how = plan(reader.facts, SOUNDS[target], str(out))
        head, rest = wave_chunks(tags, same=actual is SOUNDS[target])
        writer = open_writer(out, how, head=head, rest=rest)
        for block in reader.blocks():
            writer.write(converted(block, how.sample))
        writer.close()
    return write_tags(out, folder / "scratch", SOUNDS[target], tags)


def converted(block, sample):
    if sample == "int16" and block.dtype == np.float32:
        return sixteen(np.clip(block, -1, 1))
    if sample == "float32" and block.dtype == np.int16:
        return block.astype(np.float32) / np.float32(32768)
    return block


@pytest.mark.parametrize("target", WRITTEN)
@pytest.mark.parametrize("source", WRITTEN)
def test_texts_and_cover_survive_between_all_formats(source, target, tmp_path):
    path = rewritten(tmp_path, made(tmp_path, source), target)
    tags = read_tags(path, identify(path))
    assert dict(TEXTS).items() <= dict(tags.texts).items()
    assert [(cover.data, cover.media_type) for cover in tags.covers] == [(PNG, "image/png")]
    with open_sound(path, identify(path), "x") as reader:
        assert sum(len(block) for block in reader.blocks()) == len(melody(1.5))
        assert reader.damage is None


@pytest.mark.parametrize("name", WRITTEN)
def test_other_programs_read_the_tags(name, tmp_path):
    with av.open(str(made(tmp_path, name))) as container:
        metadata = dict(container.metadata)
        for stream in container.streams.audio:
            metadata |= stream.metadata
        pictures = [bytes(p) for p in container.demux(container.streams.video) if p.size]
    lower = {key.lower(): value for key, value in metadata.items()}
    assert (lower["title"], lower["artist"], lower["album"]) == ("Tïtel", "An Artist", "Album")
    assert pictures == [PNG]


@pytest.mark.parametrize("name", WRITTEN)
def test_without_tags_there_are_none(name, tmp_path):
    path = made(tmp_path, name, SoundTags())
    tags = read_tags(path, identify(path))
    assert not tags.texts
    assert not tags.covers


def test_an_id3_tag_is_copied_byte_for_byte(tmp_path):
    private = b"PRIV" + id3._seven_bits(12) + b"\0\0" + b"example\0\1\2\3\4"
    tag = id3._tag(private + id3._frame(b"TIT2", b"\3x"), 4)
    path = made(tmp_path, "MP3", SoundTags())
    tail = b"TAG" + b"old title".ljust(125, b"\0")
    path.write_bytes(tag + path.read_bytes() + tail)
    data = rewritten(tmp_path, path, "MP3").read_bytes()
    assert data.startswith(tag)
    assert data.endswith(tail)
    (tmp_path / "out.wav").unlink(missing_ok=True)
    assert tag in rewritten(tmp_path, path, "WAV").read_bytes()
    assert read_tags(path, SOUNDS["MP3"]).only_here == ("the ID3 frame PRIV example",)


def test_an_ape_tag_is_copied(tmp_path):
    body = b"\3\0\0\0\0\0\0\0Mood\0sad"
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, 1, 0) + bytes(8)
    path = made(tmp_path, "MP3", SoundTags())
    path.write_bytes(path.read_bytes() + body + footer)
    assert rewritten(tmp_path, path, "MP3").read_bytes().endswith(body + footer)


def test_every_chunk_of_a_wav_is_copied_but_those_about_the_old_samples(tmp_path):
    path = made(tmp_path, "WAV", SoundTags())
    data = path.read_bytes()
    bext = wave.chunk(b"bext", b"broadcast" * 11)  # of an odd length
    cue, odd = wave.chunk(b"cue ", bytes(28)), wave.chunk(b"odd ", b"x")
    old = wave.chunk(b"C2PA", bytes(50)) + wave.chunk(b"PEAK", bytes(16))
    new = data[:36] + bext + data[36:] + cue + old + odd
    path.write_bytes(new[:4] + struct.pack("<I", len(new) - 8) + new[8:])
    out = rewritten(tmp_path, path, "WAV").read_bytes()
    expected = data[:36] + bext + data[36:] + cue + odd
    assert out == expected[:4] + struct.pack("<I", len(expected) - 8) + expected[8:]
    assert read_tags(path, SOUNDS["WAV"]).only_here[:1] == ("the WAV chunk bext",)


def test_the_blocks_of_a_flac_are_copied(tmp_path):
    path = made(tmp_path, "FLAC", SoundTags())
    application = bytes([vorbis.APPLICATION]) + (8).to_bytes(3, "big") + b"test1234"
    comment = vorbis.flac_blocks([("TITLE", "one"), ("TITLE", "two")], [])
    vorbis.splice_flac(path, tmp_path / "b.flac", [application, *comment])
    out = rewritten(tmp_path, tmp_path / "b.flac", "FLAC")
    tags = read_tags(out, SOUNDS["FLAC"])
    assert tags.texts == (("TITLE", "one"), ("TITLE", "two"))
    assert application in out.read_bytes()
    assert tags.only_here == ("the FLAC block APPLICATION",)


def test_what_a_manifest_left_in_a_tag_is_taken_out():
    manifest = id3._frame(b"GEOB", b"\3application/c2pa\0c2pa\0c2pa manifest store\0" + bytes(300))
    title = id3._frame(b"TIT2", b"\3title")
    assert id3.without_manifest(id3._tag(title + manifest, 4)) == id3._tag(title, 4)
    assert id3.without_manifest(id3._tag(manifest, 4)) == b""
    other = id3._tag(id3._frame(b"GEOB", b"\3text/plain\0a\0b\0c"), 4)
    assert id3.without_manifest(other) == other
    for end in range(len(manifest)):
        id3.without_manifest(id3._tag(title + manifest, 4)[:end])  # whatever is cut off


def test_damaged_comments_are_read_as_far_as_they_go():
    whole = vorbis._built(b"vendor", [("A", "1"), ("B", "2")])
    for end in range(len(whole)):
        vendor, comments = vorbis._parsed(whole[:end])
        assert comments in ((), (("A", "1"),))
        assert vendor in (b"", b"vendor")
    assert vorbis._parsed(whole) == (b"vendor", (("A", "1"), ("B", "2")))


def test_the_checksum_of_a_page_is_that_of_the_encoder(tmp_path):
    data = made(tmp_path, "OGG", SoundTags()).read_bytes()
    size = 27 + data[26] + sum(data[27 : 27 + data[26]])
    page = data[:22] + bytes(4) + data[26:size]
    assert vorbis._checksum(page) == int.from_bytes(data[22:26], "little")


# How it is written


def facts(name="WAV", rate=44_100, channels=2, *, sample="int16", bits=None, codec=""):
    lossless = bits is None
    return SoundFacts(SOUNDS[name], rate, channels, None, sample, lossless, bits, codec)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize(
    ("rate", "channels"), [(8000, 1), (11_025, 1), (44_100, 2), (96_000, 2), (192_000, 1)]
)
def test_every_rate_can_be_written_and_keeps_its_length(name, rate, channels, tmp_path):
    how = plan(facts(rate=rate, channels=channels), SOUNDS[name], "x")
    assert (how.sample_rate != rate) == any("resampled" in note for note in how.notes)
    samples = melody(0.7, how.sample_rate, channels)
    writer = open_writer(tmp_path / "a", how)
    values = sixteen(samples) if how.sample == "int16" else samples
    for start in range(0, len(values), 7001):
        writer.write(values[start : start + 7001])
    writer.close()
    with open_sound(tmp_path / "a", SOUNDS[name], "x") as reader:
        got = np.concatenate(list(reader.blocks()))
    assert got.shape == samples.shape
    if how.lossless:
        assert np.array_equal(got, values)


@pytest.mark.parametrize("name", ["WAV", "FLAC"])
def test_24_bits_stay_the_same(name, tmp_path):
    samples = melody(0.5)
    path = rendered_sound.file(tmp_path / f"a{extension(name)}", name, samples, sample="int24")
    info = soundfile.info(path)
    assert info.subtype == "PCM_24"
    got, _ = soundfile.read(path, dtype="int32", always_2d=True)
    assert np.array_equal(got >> 8, np.rint(samples.astype(np.float64) * (2**23 - 1)))


@pytest.mark.parametrize(
    ("sample", "target", "expected", "noted"),
    [
        ("int24", "WAV", "int24", False),
        ("float32", "WAV", "float32", False),
        ("float64", "WAV", "float64", False),
        ("int24", "FLAC", "int24", False),
        ("float32", "FLAC", "int24", True),
        ("int32", "FLAC", "int24", True),
    ],
)
def test_the_kind_of_samples_is_kept_as_far_as_the_format_can(sample, target, expected, noted):
    how = plan(facts(sample=sample), SOUNDS[target], "x")
    assert how.sample == expected
    assert bool(how.notes) == noted


@pytest.mark.parametrize("name", ["MP3", "M4A", "OPUS"])
def test_bits_are_no_fewer_than_those_of_the_source_and_grow(name):
    for source in (64_000, 150_000):
        bits = [plan(facts(name, 48_000, bits=source), SOUNDS[name], "x", finer=f).bits or 0
                for f in range(FINER)]  # fmt: skip
        assert source <= bits[0] <= bits[1] <= bits[2]
    by_quality = [
        plan(facts(rate=48_000), SOUNDS[name], "x", quality=q).bits or 0 for q in (1, 50, 100)
    ]
    assert by_quality == sorted(set(by_quality))


def test_vorbis_has_its_own_scale():
    levels = [plan(facts("OGG", bits=b), SOUNDS["OGG"], "x").quality for b in (50_000, 180_000)]
    assert levels == [0.3, 0.6]
    assert plan(facts(), SOUNDS["OGG"], "x", quality=100).quality == 1.0


def test_quality_means_nothing_to_a_lossless_format():
    how = plan(facts(), SOUNDS["FLAC"], "x", quality=50)
    assert how.notes == ("FLAC is lossless: quality 50 has no meaning",)


@pytest.mark.parametrize(
    ("source", "channels", "target"),
    [("WAV", 3, "MP3"), ("WAV", 6, "OGG"), ("OGG", 6, "FLAC"), ("WAV", 9, "FLAC"),
     ("WAV", 5, "M4A")],
)  # fmt: skip
def test_too_many_channels_are_refused(source, channels, target):
    bits = None if SOUNDS[source].lossless else 100_000
    with pytest.raises(UnsupportedInputError, match=f"{channels} channels.*use"):
        plan(facts(source, channels=channels, bits=bits), SOUNDS[target], "x")


def test_six_channels_go_where_they_belong(tmp_path):
    samples = np.concatenate([melody(1.0, 48_000, 1, seed) for seed in range(6)], axis=1)
    for name in ("WAV", "FLAC", "M4A"):
        path = rendered_sound.file(tmp_path / f"a{extension(name)}", name, samples, 48_000)
        with open_sound(path, SOUNDS[name], "x") as reader:
            got = np.concatenate(list(reader.blocks())).astype(np.float64)
        for channel in (0, 1, 2, 4, 5):  # the fourth has low frequencies only
            likeness = [abs(np.corrcoef(got[:, channel], samples[:, c])[0, 1]) for c in range(6)]
            assert np.argmax(likeness) == channel


def test_apple_lossless_stays_lossless(tmp_path):
    source = facts("M4A", 44_100, 1, codec="alac")
    how = plan(source, SOUNDS["M4A"], "x", quality=10)
    writer = open_writer(tmp_path / "a", how)
    values = sixteen(melody(1.0, 44_100))
    writer.write(values)
    writer.close()
    with open_sound(tmp_path / "a", SOUNDS["M4A"], "x") as reader:
        assert reader.facts.codec == "alac"
        assert np.array_equal(np.concatenate(list(reader.blocks())), values)


def test_a_wav_beyond_4_gb_is_refused(tmp_path):
    writer = wave.WaveWriter(tmp_path / "a.wav", RATE, 1, "int16")
    writer._frames = (1 << 31) - 1000
    with pytest.raises(OutputError, match="no more than 4 GB"):
        writer.write(np.zeros((2000, 1), np.int16))
    writer.abandon()
