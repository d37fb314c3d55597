"""The benchmark of text does what its tables say: edits, windows, limits, and texts by name."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from benchmarks import report, text_quality, text_report
from benchmarks import text_false_positives as human
from benchmarks import text_power as power
from benchmarks.run_text import PARTS, WINDOW, pack, parameters, unpack
from waarmerk import detect_texts
from waarmerk.bench.content import text_write
from waarmerk.bench.content.text_model import Model
from waarmerk.bench.rows import _MEASURED, ResultFile, read
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.text import EDITS, Ground, overlap
from waarmerk.marking.text import KGW, SynthID
from waarmerk.marking.text.synthid_scores import mean_score

ROOT = Path(__file__).resolve().parents[2]
TEXT = np.arange(1000, 1200)
GROUND = Ground(np.full(500, 1 / 500), np.arange(500, 1000).repeat(4))


@pytest.fixture(scope="module")
def model() -> Model:
    rng = rng_for("test text")
    words = ["mark", "text", "token", "key", "draw", "layer", "word", "chance", "of", "and", "the"]
    lines = [" ".join(rng.choice(words, 40)) for _ in range(60)]
    return Model.train(lines, vocab_size=400)


@pytest.mark.parametrize("edit", EDITS)
def test_edits_change_as_many_tokens_as_they_say(edit: str) -> None:
    before = TEXT.copy()
    edited = EDITS[edit](TEXT, GROUND, rng_for(edit))
    again = EDITS[edit](TEXT, GROUND, rng_for(edit))
    np.testing.assert_array_equal(TEXT, before)
    np.testing.assert_array_equal(edited.ids, again.ids)
    kept = int(np.isin(TEXT, edited.ids).sum())
    what, _, rest = edit.partition(" ")
    if what in ("delete", "substitute"):
        share = int(rest.split()[0]) / 100
        assert kept == round(TEXT.size * (1 - share))
        assert edited.ids.size == (kept if what == "delete" else TEXT.size)
    elif what == "insert":
        assert (kept, edited.ids.size) == (TEXT.size, 220)
        assert (np.diff(edited.ids[edited.ids >= 1000]) == 1).all()
    elif what == "first":
        np.testing.assert_array_equal(edited.ids, TEXT[4:])
    elif what == "blocks":
        assert sorted(edited.ids) == TEXT.tolist()
        assert edited.ids.tolist() != TEXT.tolist()
    if edit.endswith("human text"):
        start, end = edited.marked or (0, 0)
        np.testing.assert_array_equal(edited.ids[start:end], TEXT)
        assert TEXT.size / edited.ids.size == int(what) / 100
    else:
        assert edited.marked is None


def test_overlap_is_that_of_tokens() -> None:
    assert overlap([(10, 20)], (10, 20)) == 1
    assert overlap([(0, 10)], (10, 20)) == 0
    assert overlap([(10, 15), (30, 35)], (10, 20)) == pytest.approx(5 / 15)


def test_a_text_follows_from_its_name_and_carries_its_mark(model: Model) -> None:
    prompt = model.encode("mark the text of")
    name = {"scheme": "gumbel.vllm", "setting": "high", "language": "en", "text": 3}
    scheme, written = power.written_for(name, model, prompt, 120)
    _, again = power.written_for(name, model, prompt, 120)
    _, other = power.written_for({**name, "text": 4}, model, prompt, 120)
    np.testing.assert_array_equal(written.ids, again.ids)
    assert (written.ids != other.ids).any()
    assert (written.surprise >= -1e-6).all()
    assert (written.entropy >= -1e-6).all()
    found = detect_texts([written.ids, other.ids], scheme, min_tokens=0)
    assert found.log10_p[0] < -5 < found.log10_p[1]


@pytest.mark.parametrize("name", text_write.SCHEMES)
def test_schemes_have_keys_of_their_own(name: str) -> None:
    one, same = (text_write.scheme_of(name, 400, "en", 1) for _ in range(2))
    other = text_write.scheme_of(name, 400, "en", 2)
    assert name.startswith(one.name)
    assert one == same
    assert one != other


def test_windows_lie_within_documents() -> None:
    documents = [np.full(size, size) for size in (30, 120, 260, 90)]
    windows = human.lay(documents, {50: 40, 100: 30})
    for length in (50, 100):
        ids, offsets = windows.ragged(length)
        rows = ids.reshape(-1, length)
        assert (rows == rows[:, :1]).all()
        np.testing.assert_array_equal(offsets, np.arange(len(rows) + 1) * length)
        assert [documents[d].size for d in windows.document[length]] == rows[:, 0].tolist()
        assert (np.diff(windows.starts[length]) > 0).all()
    assert human.covered(np.array([0, 10, 100]), 50) == 60 + 50
    assert human.counted(np.array([2, 2, 5])) == [[2, 2], [5, 1]]
    with pytest.raises(SystemExit, match="no document"):
        human.lay(documents, {500: 3})


@pytest.mark.parametrize("seeding", ["lefthash", "selfhash"])
def test_the_published_figure_of_kgw_is_that_of_its_detector(seeding: str) -> None:
    documents = [rng_for("kgw", i).integers(0, 30, 300) for i in range(3)]
    width = 1 if seeding == "lefthash" else 4
    scheme = KGW(30, 12345, seeding=seeding, context_width=width)
    windows = human.lay(documents, {50: 7})
    log10_p = human.published(scheme, windows)(50)
    rows = windows.ragged(50)[0].reshape(-1, 50)
    expected = [np.log10(scheme.original_score(row).p_value) for row in rows]
    # Of 30 tokens 7 are green, where the original reckons with 7.5.
    np.testing.assert_allclose(log10_p, expected, rtol=1e-9)


def test_the_published_figure_of_synthid_is_that_of_its_mean() -> None:
    documents = [rng_for("synthid", i).integers(0, 30, 300) for i in range(3)]
    scheme = SynthID(list(range(1, 31)))
    windows = human.lay(documents, {50: 7})
    log10_p = human.published(scheme, windows)(50)
    for row, value in zip(windows.ragged(50)[0].reshape(-1, 50), log10_p, strict=True):
        g = scheme.g_values(row)
        z = (mean_score(g, np.ones(len(g))) - 0.5) * 2 * np.sqrt(g.size)
        assert value == pytest.approx(human.log_ndtr(-z) / np.log(10), rel=1e-9)


def test_rows_of_false_positives_add_up() -> None:
    documents = [rng_for("fp", i).integers(0, 3000, 400) for i in range(4)]
    windows = human.lay(documents, {50: 60, 100: 40})
    name = {"scheme": "waarmerk.text.1", "key": 0, "language": "en"}
    rows = human.measure(name, windows, 3000)
    assert [(row["length"], row["windows"]) for row in rows] == [(50, 60), (100, 40)]
    scheme = text_write.scheme_of("waarmerk.text.1", 3000, "false positives", 0)
    for row in rows:
        log10_p = detect_texts(windows.ragged(row["length"]), scheme, min_tokens=0).log10_p
        assert row["smallest"] == pytest.approx(log10_p.min(), abs=1e-4)
        assert sum(hit[1] for hit in row["hits"]) == (log10_p <= -1).sum()


def test_limits_are_wider_where_windows_have_something_in_common() -> None:
    windows = np.full(100, 20)
    spread = rng_for("hits").poisson(0.2, (20, 100))
    clustered = np.zeros_like(spread)
    clustered[:, :2] = spread.sum() // 40
    loose, tight = human.interval(clustered, windows, 2000), human.interval(spread, windows, 2000)
    assert loose[1] - loose[0] > 2 * (tight[1] - tight[0])
    low, high = human.interval(np.zeros((20, 100), int), windows, 2000)
    assert low == 0
    assert high == pytest.approx(3.69 / 40000, rel=0.01)


def test_a_mark_that_distorts_is_told_from_one_that_does_not(model: Model) -> None:
    places = [model.encode("mark the text of")[-4:], model.encode("of the key and")[-4:]]
    rows = {
        name: text_quality.distortion({"scheme": name}, model, places, 2000)
        for name in ("waarmerk.text.1", "kgw.lefthash")
    }
    fair, biased = (max(row["worst"] for row in cell) for cell in rows.values())
    tested = sum(row["tested"] for row in rows["kgw.lefthash"])
    assert fair < text_quality.limit(tested) < biased


def test_different_counts_each_run_once() -> None:
    assert text_quality.different([np.arange(9), np.arange(9), np.arange(9)]) == pytest.approx(
        1 / 3
    )
    assert text_quality.limit(1) == pytest.approx(1.96, abs=0.01)


def test_a_finished_file_is_packed_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "text_false_positives.jsonl"
    out = ResultFile(path, WINDOW, parameters("false_positives", quick=True), medium="text")
    out.append([{"scheme": "a", "key": 0, "language": "en", "length": 50}])
    pack(path)
    assert [p.name for p in tmp_path.iterdir()] == ["text_false_positives.jsonl.gz"]
    unpack(path)
    again = ResultFile(path, WINDOW, parameters("false_positives", quick=True), medium="text")
    assert {"scheme": "a", "key": 0, "language": "en", "length": 50} in again
    assert len(read(tmp_path / "text_false_positives.jsonl.gz")[1]) == 1


def test_every_part_has_a_table() -> None:
    for part in PARTS:
        assert report.SECTIONS[f"text_{part}"][0] == (f"text_{part}.jsonl",)
        assert f"text_{part}" in text_report.TITLES


def test_what_is_measured_belongs_to_the_fingerprint() -> None:
    claimed = {path for p in _MEASURED["text"] for path in ROOT.glob(p)}
    for folder in ("marking/text", "detection/text"):
        assert set((ROOT / "waarmerk" / folder).glob("*.py")) <= claimed
    assert ROOT / "waarmerk/kernels/polar.py" in claimed
    assert ROOT / "waarmerk/bench/content/text_model.py" in claimed
