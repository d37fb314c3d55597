"""Arrays, pictures and sounds in and out: the same kind comes back, nothing is changed in place."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.rendered import soft_picture as picture
from tests.rendered_sound import RATE, melody, sixteen
from waarmerk import (
    CannotMarkError,
    InputError,
    KeyFileError,
    MarkId,
    MarkingKey,
    OutputError,
    Signer,
    detect_audio,
    detect_image,
    mark_audio,
    mark_image,
)
from waarmerk.files import make_key_files

KEY = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
OTHER = MarkingKey(bytes(range(1, 33)), created="2026-01-01T00:00:00Z")


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_arrays(channels: int) -> None:
    image = picture().convert({0: "L", 3: "RGB", 4: "RGBA"}[channels])
    array = np.array(image)
    if channels == 4:
        array[:, :, 3] = np.arange(640) % 256
    before = array.copy()
    array.setflags(write=False)
    marked = mark_image(array, KEY)
    assert isinstance(marked.content, np.ndarray)
    assert marked.content.dtype == np.uint8
    assert marked.content.shape == array.shape
    assert marked.content is not array
    assert np.array_equal(array, before)
    assert not np.array_equal(marked.content, array)
    if channels == 4:
        assert np.array_equal(marked.content[:, :, 3], array[:, :, 3])
    finding = detect_image(marked.content, [KEY])
    assert finding.found
    assert finding.mark_id == marked.mark_id
    assert finding.kind == "generated"
    assert not detect_image(array, [KEY]).found


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_images(mode: str) -> None:
    image = picture().convert(mode)
    image.info["icc_profile"] = b"profile"
    before = image.tobytes()
    marked = mark_image(image, KEY, kind="altered")
    assert isinstance(marked.content, Image.Image)
    assert (marked.content.mode, marked.content.size) == (mode, image.size)
    assert marked.content.info == image.info
    assert image.tobytes() == before
    if mode.endswith("A"):
        assert marked.content.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    finding = detect_image(marked.content, KEY)
    assert (finding.mark_id, finding.kind) == (marked.mark_id, "altered")


def test_arrays_that_are_not_contiguous() -> None:
    array = np.array(picture())
    view = array[::-1, ::-1]
    marked = mark_image(view, KEY)
    assert detect_image(marked.content[::-1, ::-1], [KEY]).found


def test_the_report_says_what_was_written() -> None:
    mark_id = MarkId.from_hex("0123456789abcdef")
    marked = mark_image(picture(), KEY, mark_id=mark_id)
    assert marked.mark_id == mark_id
    data = marked.report.as_dict()
    assert data["scheme"] == "waarmerk.image.1"
    assert data["key_id"] == KEY.key_id
    assert data["mark_id"] == mark_id.hex
    assert data["kind"] == "generated"
    assert 38 < data["psnr"] < 60
    assert data["log10_p"] <= -9


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((512, 512), np.float32),
        np.zeros((512, 512), np.uint16),
        np.zeros((512, 512, 2), np.uint8),
        np.zeros((512,), np.uint8),
        np.zeros((0, 512, 3), np.uint8),
        Image.new("P", (512, 512)),
        Image.new("CMYK", (512, 512)),
        Image.new("I;16", (512, 512)),
        "picture.png",
    ],
    ids=["float", "uint16", "2 channels", "1-d", "empty", "P", "CMYK", "16-bit", "path"],
)
def test_other_things_are_refused(image: object) -> None:
    with pytest.raises(InputError):
        mark_image(image, KEY)  # type: ignore[type-var]


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LA", "YCbCr"])
def test_detection_takes_other_modes(mode: str) -> None:
    assert detect_image(picture(128, 128).convert(mode), [KEY]).status == "not_found"


def test_plain_pictures_are_refused() -> None:
    with pytest.raises(CannotMarkError):
        mark_image(np.full((512, 512, 3), 255, np.uint8), KEY)


def test_ids_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(InputError, match="says altered"):
        mark_image(picture(), KEY, mark_id=MarkId.from_hex("f" * 16), kind="generated")
    marked = mark_image(picture(), KEY, mark_id=MarkId.from_hex("f" * 16))
    assert marked.mark_id.kind == "altered"


def test_a_retired_key_finds_marks_and_makes_none() -> None:
    marked = mark_image(picture(), KEY)
    retired = dataclasses.replace(KEY, retired="2026-02-01T00:00:00Z")
    assert detect_image(marked.content, retired).found
    with pytest.raises(KeyFileError, match="retired on 2026-02-01"):
        mark_image(picture(), retired)
    later = dataclasses.replace(KEY, retired="2999-02-01T00:00:00Z")
    assert mark_image(picture(), later).content.size == (640, 512)


def test_detection_without_keys_is_not_checked() -> None:
    finding = detect_image(picture(), [])
    assert (finding.status, finding.p_value) == ("not_checked", None)


def test_key_files_are_all_or_none(tmp_path: object) -> None:
    key, files = make_key_files(f"{tmp_path}/key.json", dev_cert=True)
    assert MarkingKey.load(files[0]) == key
    assert all(path.is_file() for path in files)
    assert len(files) == 4


# Where nothing has been written yet, and nothing else is done.
HARMLESS = {"<module>", "make_test_chain", "certificate", "_key_usage", "_name", "generate"}
WRITERS = tuple(str(Path("waarmerk", *parts)) for parts in (
    ("api.py",), ("marking", "certificate.py"), ("marking", "keyfile.py"), ("marking", "key.py"),
))  # fmt: skip


@contextlib.contextmanager
def interrupt_at(step: int) -> Iterator[None]:
    """Raise KeyboardInterrupt before the step-th line of what writes key files."""
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        nonlocal left
        code = frame.f_code
        if not code.co_filename.endswith(WRITERS) or code.co_name in HARMLESS:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


# An interrupt between opening a file and entering its `with` leaves closing to the collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("dev_cert", [False, True])
def test_an_interrupt_leaves_all_key_files_or_none(
    dev_cert: bool, overwrite: bool, tmp_path: Path
) -> None:
    complete = {"key.json"}
    if dev_cert:
        complete |= {"key.cert.pem", "key.sign.pem", "key.root.pem"}
    outcomes = set()
    for step in range(1, 1000):
        folder = tmp_path / str(step)
        folder.mkdir()
        if overwrite:
            make_key_files(folder / "key.json", dev_cert=dev_cert)
        try:
            with interrupt_at(step):
                make_key_files(folder / "key.json", dev_cert=dev_cert, overwrite=overwrite)
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
        names = {path.name for path in folder.iterdir()}
        assert names == complete or (names == set() and interrupted and not overwrite), step
        if names:
            MarkingKey.load(folder / "key.json")
            if dev_cert:
                Signer.from_files(folder / "key.cert.pem", folder / "key.sign.pem")
        outcomes.add(bool(names))
        if not interrupted:
            break
    assert step > 20
    assert outcomes == ({True} if overwrite else {True, False})


def test_a_key_file_that_is_a_folder_costs_nothing(tmp_path: Path) -> None:
    make_key_files(tmp_path / "key.json", dev_cert=True)
    (tmp_path / "key.json").unlink()
    (tmp_path / "key.json").mkdir()
    before = {path.name: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match=r"key\.json: .* folder"):
        make_key_files(tmp_path / "key.json", dev_cert=True, overwrite=True)
    after = {path.name: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()}
    assert after == before


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_key_file_needs_a_name(name: str) -> None:
    for options in ({}, {"dev_cert": True}, {"overwrite": True}):
        with pytest.raises(OutputError, match="no file name"):
            make_key_files(name, **options)


# --- sounds ---


def test_a_sound_is_marked_and_found() -> None:
    key, other = MarkingKey.generate(), MarkingKey.generate()
    for samples in (melody(6.0), sixteen(melody(6.0))[:, 0], melody(6.0, RATE, 2)):
        before = samples.copy()
        marked = mark_audio(samples, RATE, key)
        assert np.array_equal(samples, before)
        assert marked.content.shape == samples.shape
        assert marked.content.dtype == samples.dtype
        layer = marked.report.as_dict()
        assert layer["scheme"] == "waarmerk.audio.1"
        assert 15 < layer["snr"] < 40
        assert "psnr" not in layer
        finding = detect_audio(marked.content, RATE, [other, key])
        assert finding.mark_id == marked.mark_id
        assert finding.key_id == key.key_id
        assert finding.segments
        assert detect_audio(samples, RATE, key).status == "not_found"


def test_the_kind_of_a_sound() -> None:
    key = MarkingKey.generate()
    marked = mark_audio(melody(6.0), RATE, key, kind="altered")
    assert detect_audio(marked.content, RATE, key, effort="fast").kind == "altered"
    with pytest.raises(InputError, match="says altered"):
        mark_audio(melody(6.0), RATE, key, mark_id=marked.mark_id, kind="generated")


def test_bad_sounds_are_refused() -> None:
    key = MarkingKey.generate()
    for samples in (np.zeros((0, 1), np.float32), np.zeros(9, np.float64), np.zeros((2, 2, 2))):
        with pytest.raises(InputError):
            mark_audio(samples, RATE, key)  # type: ignore[type-var]
    with pytest.raises(InputError):
        detect_audio(melody(6.0), 1 << 31, key)
    with pytest.raises(CannotMarkError):
        mark_audio(np.zeros(5 * RATE, np.float32), RATE, key)


def test_without_keys_a_sound_is_not_checked() -> None:
    finding = detect_audio(melody(2.0), RATE, ())
    assert finding.status == "not_checked"
    assert finding.scheme == "waarmerk.audio.1"


def test_a_fast_search_says_what_it_left_out() -> None:
    finding = detect_audio(melody(6.0), RATE, MarkingKey.generate(), effort="fast")
    assert finding.status == "not_found"
    assert finding.reason is not None
    assert "tempo" in finding.reason
    with pytest.raises(ValueError, match="'fast' or 'full'"):
        detect_audio(melody(2.0), RATE, (), effort="slow")  # type: ignore[arg-type]
