"""Sound files in: what is decoded, and what is refused before or while it is."""

import struct

import numpy as np
import pytest
import soundfile

from tests import rendered_sound
from tests.rendered_sound import RATE, melody, sixteen
from waarmerk.errors import InputError, UnsupportedInputError
from waarmerk.marking import sound
from waarmerk.marking.formats import FORMATS, SOUNDS
from waarmerk.marking.sound import open_sound
from waarmerk.marking.source import identify

EXTENSION = {name: f.extensions[0] for name, f in SOUNDS.items()}


def decoded(path):
    with open_sound(path, identify(path), str(path)) as reader:
        blocks = list(reader.blocks())
        return np.concatenate(blocks), reader.facts, reader.damage


def opened(path):
    with open_sound(path, identify(path), str(path)) as reader:
        for _ in reader.blocks():
            pass


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", SOUNDS)
def test_every_format_is_decoded(name, channels, tmp_path):
    samples = melody(1.5, RATE, channels)
    path = rendered_sound.file(tmp_path / f"a{EXTENSION[name]}", name, samples)
    got, facts, damage = decoded(path)
    assert damage is None
    assert (facts.sample_rate, facts.channels) == (RATE, channels)
    assert facts.lossless == SOUNDS[name].lossless
    assert got.dtype == facts.dtype
    if name == "AAC":  # which does not know its length, nor where the encoder's delay ends
        assert 0 <= len(got) - len(samples) <= 4096
        return
    assert got.shape == samples.shape
    if facts.lossless:
        assert np.array_equal(got, sixteen(samples))
    else:
        error = got - samples
        assert np.mean(samples**2) > 10 * np.mean(error**2)  # and so nothing is shifted


@pytest.mark.parametrize(
    ("subtype", "sample", "dtype"),
    [
        ("PCM_U8", "int16", "int16"),
        ("ULAW", "int16", "int16"),
        ("PCM_16", "int16", "int16"),
        ("PCM_24", "int24", "float32"),
        ("PCM_32", "int32", "float32"),
        ("FLOAT", "float32", "float32"),
        ("DOUBLE", "float64", "float32"),
    ],
)
def test_kinds_of_samples(subtype, sample, dtype, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(0.5), RATE, subtype=subtype)
    got, facts, _ = decoded(path)
    assert (facts.sample, got.dtype) == (sample, dtype)


def test_blocks_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "BLOCK_VALUES", 1000)
    for name in ("WAV", "MP3"):
        path = rendered_sound.file(tmp_path / f"a{EXTENSION[name]}", name, melody(1.5, RATE, 2))
        with open_sound(path, identify(path), "x") as reader:
            lengths = [len(block) for block in reader.blocks()]
        assert max(lengths) <= 500 + 1152
        assert sum(lengths) == reader.frames == len(melody(1.5))


# What is refused


def wav(tmp_path, **changes):
    """A WAV whose header lies: `offset=(format, value)`."""
    path = rendered_sound.file(tmp_path / "a.wav", "WAV")
    data = bytearray(path.read_bytes())
    for place, value in changes.items():
        struct.pack_into(value[0], data, int(place[2:]), value[1])
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"at22": ("<H", 65535)}, "cannot be decoded"),
        ({"at22": ("<H", 0)}, "cannot be decoded"),
        ({"at22": ("<H", 200)}, "200 channels; 1 to 32"),
        ({"at24": ("<I", 1 << 31)}, "cannot be decoded"),
        ({"at24": ("<I", 0)}, "cannot be decoded"),
        ({"at24": ("<I", 4000)}, "4000 samples a second"),
        ({"at24": ("<I", 384_000)}, "384000 samples a second"),
        ({"at34": ("<H", 0)}, "cannot be decoded"),
        ({"at40": ("<I", 0)}, "holds no sound"),
    ],
)
def test_a_header_that_lies_is_refused(changes, cause, tmp_path):
    with pytest.raises(InputError, match=cause) as caught:
        opened(wav(tmp_path, **changes))
    assert "a.wav" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_length_that_nobody_knew_yet_is_no_lie(tmp_path):
    got, _, damage = decoded(wav(tmp_path, at40=("<I", 0xFFFFFFFF)))
    assert damage is None
    assert np.array_equal(got, sixteen(melody(1.5)))


def test_a_flac_that_claims_to_last_for_ever_is_refused(tmp_path):
    path = rendered_sound.file(tmp_path / "a.flac", "FLAC")
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F  # 36 bits for the number of samples
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="longer than 24 hours"):
        opened(path)


@pytest.mark.parametrize("name", ["WAV", "MP3"])
def test_a_sound_that_lasts_too_long_is_refused_while_it_is_decoded(name, tmp_path, monkeypatch):
    path = rendered_sound.file(tmp_path / f"a{EXTENSION[name]}", name)
    monkeypatch.setattr(sound, "MAX_SECONDS", 1)
    with pytest.raises(InputError, match="lasts longer"):
        opened(path)


def test_samples_that_are_no_numbers_are_refused(tmp_path):
    for value in (np.nan, np.inf, -1e30):
        samples = melody(0.5).copy()
        samples[1234] = value
        soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
        with pytest.raises(InputError, match=r"a\.wav: holds samples that are not numbers"):
            opened(tmp_path / "a.wav")


def test_a_video_is_refused(tmp_path):
    import av

    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        moving = container.add_stream("mpeg4", rate=10)
        moving.width = moving.height = 64
        moving.pix_fmt = "yuv420p"
        heard = container.add_stream("aac", rate=RATE)
        heard.layout = "mono"
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(melody(1.0).T), format="fltp", layout="mono"
        )
        frame.sample_rate = RATE
        for _ in range(10):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(moving.encode(picture))
        container.mux(heard.encode(frame))
        container.mux(moving.encode(None))
        container.mux(heard.encode(None))
    assert identify(path) is FORMATS["MP4"]
    film = r"film\.mp4: is a video, .* not supported yet"
    with (
        pytest.raises(UnsupportedInputError, match=film),
        open_sound(path, FORMATS["M4A"], str(path)),
    ):
        pass


def test_a_wrong_name_is_refused(tmp_path):
    path = rendered_sound.file(tmp_path / "a.mp3", "WAV")
    with pytest.raises(InputError, match=r"is named \.mp3 but its content is WAV"):
        opened(path)


# Damage


@pytest.mark.parametrize("share", [0.4, 0.97])
@pytest.mark.parametrize("name", ["WAV", "FLAC", "MP3", "OGG", "OPUS"])
def test_a_missing_end_is_noticed(name, share, tmp_path):
    path = rendered_sound.file(tmp_path / f"a{EXTENSION[name]}", name, melody(6.0))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    got, _, damage = decoded(path)
    assert damage is not None
    assert 0 < len(got) < len(melody(6.0))


def test_an_mp4_without_its_end_cannot_be_decoded(tmp_path):
    path = rendered_sound.file(tmp_path / "a.m4a", "M4A")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"a\.m4a: "):
        opened(path)


@pytest.mark.parametrize("name", ["FLAC", "MP3"])
def test_damage_in_the_middle_is_noticed(name, tmp_path):
    path = rendered_sound.file(tmp_path / f"a{EXTENSION[name]}", name, melody(6.0))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    assert decoded(path)[2] is not None


@pytest.mark.parametrize("block", [1 << 15, 1 << 18])
def test_of_a_damaged_flac_all_is_read_in_front_of_the_damage(block, tmp_path, monkeypatch):
    # In files that are in order a block is read in one piece, which an error would cost as a whole.
    monkeypatch.setattr(sound, "BLOCK_VALUES", block)
    samples = melody(8.0)
    path = rendered_sound.file(tmp_path / "a.flac", "FLAC", samples)
    whole = decoded(path)[0]
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    got, _, damage = decoded(path)
    assert damage is not None
    assert len(got) >= len(whole) // 2 - 3 * (1 << 13)
    np.testing.assert_array_equal(got, whole[: len(got)])


def test_blocks_may_come_as_they_were_decoded(tmp_path):
    path = rendered_sound.file(tmp_path / "a.mp3", "MP3", melody(2.0, RATE, 2))
    with open_sound(path, identify(path), str(path)) as reader:
        blocks = list(reader.blocks(as_decoded=True))
    got = decoded(path)[0]
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(np.concatenate(blocks), got)


def test_a_tag_behind_the_frames_is_no_damage(tmp_path):
    path = rendered_sound.file(tmp_path / "a.mp3", "MP3")
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
    got, _, damage = decoded(path)
    assert damage is None
    assert len(got) == len(melody(1.5))
