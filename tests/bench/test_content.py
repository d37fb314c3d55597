"""Content comes from folders as documented, in a fixed order, and keeps what was tuned on apart."""

import gzip
import json
import pickle

import numpy as np
import pytest
import soundfile
from PIL import Image

pytest.importorskip("tokenizers", reason="needs the extra bench")

from waarmerk.bench.content.catalogue import contents, few, size_of
from waarmerk.bench.protocol import Sound
from waarmerk.errors import InputError


def picture(path, side=64):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(side)
    Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    for group, names in {
        "photos": "cab",
        "art": "x",
        "photos-tuning": "t",
        "old-more": "m",
    }.items():
        for name in names:
            picture(tmp_path / "images" / group / f"{name}.png")
    (tmp_path / "images" / "photos" / "notes.txt").write_text("not a picture")
    (tmp_path / "audio").mkdir()
    time = np.arange(16000 * 16) / 16000
    for name in ("mu_a", "mu_b", "talk_a", "talk_b"):
        soundfile.write(tmp_path / "audio" / f"{name}.wav", np.sin(440 * time) / 2, 16000)
    (tmp_path / "text").mkdir()
    words = "the old house by the sea stood open all summer".split()  # noqa: SIM905 - a sentence
    rng = np.random.default_rng(1)
    for language in ("en", "nl"):
        rows = [
            {
                "lang": language,
                "source": "s",
                "doc": f"d{number}",
                "text": "\n".join(" ".join(rng.choice(words, 300)) for _ in range(5)),
            }
            for number in range(8)
        ]
        with gzip.open(tmp_path / "text" / f"{language}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def names(found):
    return [each.name for each in found]


def test_pictures_by_group_and_half(folder, tmp_path):
    models = tmp_path / "models"
    reporting = contents("image", folder, "reporting", models)
    assert names(reporting) == ["art/x", "photos/a", "photos/b", "photos/c"]
    assert [each.group for each in reporting] == ["art", "photos", "photos", "photos"]
    assert names(contents("image", folder, "tuning", models)) == ["old-more/m", "photos-tuning/t"]
    assert len(contents("image", folder, "both", models)) == 6
    assert names(contents("image", folder / "images", "reporting", models)) == names(reporting)
    assert not models.exists()


def test_a_quick_look_takes_the_first_of_each_group_and_no_large_picture(folder, tmp_path):
    picture(folder / "images" / "art" / "a_large.png", 1500)
    found = contents("image", folder, "reporting", tmp_path)
    assert names(few(found, 2)) == ["art/x", "photos/a", "photos/b"]
    assert names(few(found, 1, large=True)) == ["art/a_large", "photos/a"]


def test_sounds_by_kind(folder, tmp_path):
    halves = [contents("audio", folder, half, tmp_path) for half in ("tuning", "reporting")]
    assert [names(half) for half in halves] == [["mu_a/0", "talk_a/0"], ["mu_b/0", "talk_b/0"]]
    assert [[each.group for each in half] for half in halves] == [["music", "speech"]] * 2
    value = halves[1][0].load()
    assert isinstance(value, Sound)
    assert value.samples.dtype == np.float32
    assert size_of("audio", value) == 15.0


def test_texts_are_of_the_reporting_half_and_three_lengths(folder, tmp_path):
    found = contents("text", folder, "reporting", tmp_path / "models")
    assert {each.group for each in found} == {"en", "nl"}
    assert len(set(names(found))) == len(found)
    assert {len(each.load()) for each in found} == {200, 400, 1200}
    first = found[0]
    assert first.generator is not None
    generator = first.generator()
    written = [generator.write(None, 30, "seed").ids for _ in range(2)]
    assert np.array_equal(*written)
    assert generator.model.decode(first.load()).strip()


@pytest.mark.parametrize("medium", ["image", "audio", "text"])
def test_what_comes_with_the_package(medium, tmp_path):
    found = contents(medium, None, "reporting", tmp_path)
    assert found
    again = pickle.loads(pickle.dumps(found[0]))  # noqa: S301 - as it goes to a worker
    first, second = found[0].load(), again.load()
    if medium == "audio":
        first, second = first.samples, second.samples
    np.testing.assert_array_equal(first, second)


def test_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        contents("image", tmp_path / "nowhere", "reporting", tmp_path)
    with pytest.raises(InputError, match="has no content for the suite image"):
        contents("image", tmp_path, "reporting", tmp_path)
    with pytest.raises(InputError, match=r"en\.jsonl\.gz is not a file"):
        contents("text", tmp_path, "reporting", tmp_path)
