"""The command line with token watermarks: keys, schemes, ids, raw text, words, JSON, bad input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.folders import work_in_copy
from waarmerk import MarkId, MarkingKey
from waarmerk.cli import run
from waarmerk.marking.text import SynthID, TextMark, generate, load_scheme, save_scheme
from waarmerk.marking.text.description import SCHEME_NAMES
from waarmerk.ngram import DemoModel, human_text

MARK = MarkId.from_hex("0123456789abcdef")
Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def model() -> DemoModel:
    return DemoModel.train()


@pytest.fixture(scope="module")
def human(model: DemoModel) -> list[int]:
    return model.encode(human_text())[:400]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, model: DemoModel, human: list[int]) -> Path:
    """A folder with a key, a scheme, and texts that they marked, the same in every run."""
    folder = tmp_path_factory.mktemp("bench")
    MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z").save(folder / "key.json")
    keys = np.random.default_rng(1).integers(-(2**62), 2**62, 30).tolist()
    save_scheme(SynthID(keys, key_id="0123456789abcdef"), folder / "s.json")
    own = TextMark(MarkingKey.load(folder / "key.json"), MARK)
    for name, scheme, count in (("own", own, 800), ("ids", load_scheme(folder / "s.json"), 400)):
        ids = generate(model.logits, model.encode("Call me"), scheme, max_tokens=count, rng=1)
        np.save(folder / f"{name}.npy", ids)
    ids = np.load(folder / "ids.npy")
    (folder / "ids.json").write_text(json.dumps(ids.tolist()))
    (folder / "ids.txt").write_text(" ".join(map(str, ids)))
    np.save(folder / "human.npy", human)
    np.save(folder / "both.npy", np.stack([human, ids]))
    (folder / "many.json").write_text(json.dumps([human, ids.tolist(), ids[:100].tolist()]))
    return folder


@pytest.fixture
def here(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder to work in."""
    return work_in_copy(bench, tmp_path, monkeypatch)


def detect(*arguments: str) -> int:
    return run(["text", "detect", *arguments])


def complaint(capsys: Out) -> str:
    """Return the one line of stderr, after nothing on stdout."""
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"waarmerk: [^\n]+\n", err), err
    return err


# keygen


@pytest.mark.parametrize("name", SCHEME_NAMES)
def test_keygen_writes_a_scheme_and_its_keys_apart(here: Path, capsys: Out, name: str) -> None:
    settings = ["--set", "vocab_size=4096"] if name.startswith("kgw") else []
    assert run(["text", "keygen", name, "new.json", *settings]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"Wrote new.json: {name}." in out
    assert "Wrote new.key.json: its keys" in out
    assert (here / "new.key.json").stat().st_mode & 0o777 == 0o600
    scheme = load_scheme(here / "new.json")
    assert scheme.name == name
    for key in re.findall(r"-?\d{6,}", (here / "new.key.json").read_text()):
        assert key not in out + (here / "new.json").read_text()


def test_keygen_takes_parameters(here: Path, capsys: Out) -> None:
    settings = ["vocab_size=500", "gamma=0.5", "delta=1.5", "context_width=3"]
    options = [word for setting in settings for word in ("--set", setting)]
    assert run(["text", "keygen", "kgw.selfhash", "k.json", *options]) == 0
    assert load_scheme(here / "k.json").parameters() == {
        "vocab_size": 500,
        "gamma": 0.5,
        "delta": 1.5,
        "seeding": "selfhash",
        "context_width": 3,
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["synthid", "n.json"], "is no scheme; known are"),
        (["kgw.lefthash", "n.json"], "needs vocab_size"),
        (["kgw.lefthash", "n.json", "--set", "vocab_size=many"], "vocab_size is a whole number"),
        (["gumbel.vllm", "n.json", "--set", "width=4"], "no parameter 'width'; it takes context_"),
        (["gumbel.vllm", "n.json", "--set", "key=4"], "no parameter 'key'"),
        (["gumbel.vllm", "n.json", "--set", "dual"], "--set takes NAME=VALUE"),
        (["gumbel.vllm", "n.json", "--set", "dual=0", "--set", "dual=1"], "is given twice"),
        (["gumbel.vllm", "s.json"], "exists already"),
        (["gumbel.vllm", "nowhere/n.json"], "does not exist"),
        (["gumbel.vllm", "."], "name a file"),
        (["gumbel.vllm", ""], "name a file"),
        (["gumbel.vllm"], "Missing argument 'FILE'"),
    ],
)
def test_keygen_says_what_is_wrong(here: Path, capsys: Out, arguments: list[str], why: str) -> None:
    before = sorted(here.iterdir())
    assert run(["text", "keygen", *arguments]) == 2
    assert why in complaint(capsys)
    assert sorted(here.iterdir()) == before


def test_keygen_replaces_when_it_is_told_to(here: Path) -> None:
    old = (here / "s.key.json").read_bytes()
    assert run(["text", "keygen", "synthid.transformers", "s.json", "--force"]) == 0
    assert (here / "s.key.json").read_bytes() != old


# detect, in ids


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["ids.npy", "ids.json", "ids.txt"])
def test_ids_are_read_from_every_kind_of_file(capsys: Out, name: str) -> None:
    key_id = json.loads(Path("s.key.json").read_text())["key_id"]
    assert detect("--tokens", name, "--scheme", "s.json") == 0
    out, err = capsys.readouterr()
    assert err == ""
    first, key, passage = out.splitlines()
    pattern = r"marked with synthid\.transformers \(3\d\d tokens counted, p <= 1e-\d+\)"
    assert re.fullmatch(rf"{re.escape(name)}: {pattern}", first)
    assert key.split() == ["key", key_id]
    assert re.fullmatch(r"  passage   tokens \d+ to \d+", passage)


@pytest.mark.usefixtures("here")
def test_the_id_of_our_own_mark_is_read(capsys: Out) -> None:
    assert detect("--tokens", "own.npy", "--key", "key.json") == 0
    out = capsys.readouterr().out
    assert "marked with waarmerk.text.1" in out
    assert f"  mark id   {MARK.hex} (generated)" in out


@pytest.mark.usefixtures("here")
def test_several_schemes_are_looked_for_at_once(capsys: Out) -> None:
    arguments = ["--tokens", "own.npy", "--tokens", "ids.npy", "--tokens", "human.npy"]
    assert detect(*arguments, "--scheme", "s.json", "--key", "key.json", "--json") == 0
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["scheme"] for line in seen[:2]] == ["waarmerk.text.1", "synthid.transformers"]
    assert [line["status"] for line in seen] == ["found", "found", "not_found"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["both.npy", "many.json"])
def test_many_texts_in_one_file_are_numbered(capsys: Out, name: str) -> None:
    assert detect("--tokens", name, "--scheme", "s.json") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert re.match(rf"{name}, text 0: no mark found \(\d+ tokens counted", lines[0])
    assert lines[1].startswith(f"{name}, text 1: marked with synthid.transformers")
    assert lines[2:] in (
        [],
        [
            f"{name}, text 2: not checked: too short: 100 tokens, and marks are looked for from "
            "200 on"
        ],
    )


@pytest.mark.usefixtures("here")
def test_json_is_one_valid_line_a_text(capsys: Out) -> None:
    assert detect("--tokens", "many.json", "--tokens", "own.npy", "--scheme", "s.json",
                  "--key", "key.json", "--json") == 0  # fmt: skip
    out, err = capsys.readouterr()
    assert err == ""
    seen = [json.loads(line) for line in out.splitlines()]
    assert [(line.pop("input"), line.pop("text")) for line in seen] == [
        ("many.json", 0),
        ("many.json", 1),
        ("many.json", 2),
        ("own.npy", 0),
    ]
    statuses = ["not_found", "found", "not_checked", "found"]
    assert [line["status"] for line in seen] == statuses
    for line in seen:
        assert line["layer"] == "watermark"
        assert (line["key_id"] is not None) == ("segments" in line) == (line["status"] == "found")
        assert line["p_value"] is None or 0 < line["p_value"] <= 1
        assert line["log10_p"] is None or line["log10_p"] <= 0
        assert line["tokens_scored"] <= 800
    assert seen[3]["mark_id"] == MARK.hex
    assert "too short: 100 tokens" in seen[2]["reason"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--tokens", "human.npy"], 1),
        (["--tokens", "human.npy", "--tokens", "ids.npy"], 0),
        (["--tokens", "own.npy"], 1),  # by another scheme
        (["--tokens", "many.json", "--min-tokens", "401"], 1),
        (["--tokens", "ids.npy", "--threshold", "1e-300"], 1),
        (["--tokens", "ids.npy", "--tokens", "missing.npy"], 2),
        (["--tokens", "missing.npy", "--tokens", "ids.npy"], 2),
    ],
)
def test_the_exit_status_says_what_was_found(arguments: list[str], status: int) -> None:
    assert detect(*arguments, "--scheme", "s.json") == status


@pytest.mark.usefixtures("here")
def test_short_texts_are_looked_at_when_asked(capsys: Out) -> None:
    Path("short.json").write_text(json.dumps(np.load("ids.npy")[:100].tolist()))
    assert detect("--tokens", "short.json", "--scheme", "s.json") == 1
    assert "not checked: too short: 100 tokens" in capsys.readouterr().out
    assert detect("--tokens", "short.json", "--scheme", "s.json", "--min-tokens", "0") == 0
    assert "marked with" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_a_bad_file_is_named_and_does_not_stop_the_others(capsys: Out) -> None:
    np.save("pickle.npy", np.array([{}], object), allow_pickle=True)
    Path("empty.npy").touch()
    Path("words.json").write_text('{"a": 1}')
    np.save("negative.npy", [1, -1])
    bad = ["pickle.npy", "empty.npy", "words.json", "negative.npy", "missing.npy", "new\nline.npy"]
    arguments = [word for name in [*bad, "ids.npy"] for word in ("--tokens", name)]
    assert detect(*arguments, "--scheme", "s.json") == 2
    out, err = capsys.readouterr()
    assert out.startswith("ids.npy: marked with")
    lines = err.splitlines()
    assert len(lines) == len(bad)
    for name, line in zip(bad, lines, strict=True):
        shown = name.replace("\n", "\\n")
        assert line.startswith(f"waarmerk: {shown}: "), line
        assert line.count(shown) == 1


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give a text, or token ids with --tokens"),
        (["--tokens", "ids.npy"], "say what to look for"),
        (["ids.txt", "--scheme", "s.json"], "raw text needs --tokenizer"),
        (["ids.txt", "--scheme", "s.json", "--tokenizer", "t.json"], "no such tokenizer"),
        (["--tokens", "ids.npy", "--scheme", "missing.json"], "missing.json: cannot be read"),
        (["--tokens", "ids.npy", "--scheme", "s.key.json"], "describes no scheme"),
        (["--tokens", "ids.npy", "--scheme", "key.json"], "goes with --key"),
        (["--tokens", "ids.npy", "--scheme", "ids.npy"], "describes no scheme"),
        (["--tokens", "ids.npy", "--key", "s.json"], "not a key file"),
        (["--tokens", "ids.npy", "--key", "s.key.json"], "not a key file"),
        (["--tokens", "ids.npy", "--scheme", "s.json", "--threshold", "0"], "'--threshold'"),
        (
            ["--tokens", "ids.npy", "--scheme", "s.json", "--threshold", "nan"],
            "between 0 and 1, not nan",
        ),
        (["--tokens", "ids.npy", "--scheme", "s.json", "--min-tokens", "-1"], "'--min-tokens'"),
        (["--token", "ids.npy", "--scheme", "s.json"], "'--tokens'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    capsys: Out, arguments: list[str], why: str
) -> None:
    assert detect(*arguments) == 2
    assert why in complaint(capsys)


@pytest.mark.usefixtures("here")
def test_a_key_that_others_can_read_is_refused(capsys: Out) -> None:
    Path("s.key.json").chmod(0o644)
    assert detect("--tokens", "ids.npy", "--scheme", "s.json") == 2
    assert "chmod 600 s.key.json" in complaint(capsys)


@pytest.mark.usefixtures("here")
def test_ids_of_another_vocabulary_are_refused(capsys: Out) -> None:
    arguments = ["--set", "vocab_size=500"]
    assert run(["text", "keygen", "kgw.lefthash", "k.json", *arguments]) == 0
    capsys.readouterr()
    assert detect("--tokens", "ids.npy", "--scheme", "k.json") == 2
    assert "outside of a vocabulary of 500" in complaint(capsys)


# detect, in raw text


def with_tokenizer(model: DemoModel, path: Path) -> None:
    """Write the words of the demo's model as a tokenizer.json."""
    tokenizers = pytest.importorskip("tokenizers")
    words = {f"#{value}": value for value in range(256)}
    words |= {word: value for word, value in model._id_of.items() if value >= 256}
    split = tokenizers.pre_tokenizers.Split(
        tokenizers.Regex(r" ?[^\W\d_]+| ?\S|\s"), behavior="isolated"
    )
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="#0"))  # noqa: S106
    tokenizer.pre_tokenizer = split
    tokenizer.save(str(path))


def test_raw_text_is_cut_by_a_tokenizer_json(here: Path, capsys: Out, model: DemoModel) -> None:
    with_tokenizer(model, here / "tokenizer.json")
    ids = np.load("ids.npy")
    before = human_text()[:2000]
    (here / "mixed.txt").write_text(before + model.decode(ids), encoding="utf-8")
    (here / "human.txt").write_text(human_text()[:5000], encoding="utf-8")
    arguments = ["--scheme", "s.json", "--tokenizer", "tokenizer.json"]
    assert detect("mixed.txt", *arguments) == 0
    out = capsys.readouterr().out
    found = re.search(r"passage   tokens \d+ to \d+, characters (\d+) to (\d+)", out)
    assert found is not None, out
    assert abs(int(found[1]) - len(before)) < 150
    assert abs(int(found[2]) - len(before) - len(model.decode(ids))) < 150
    assert detect("human.txt", *arguments) == 1
    assert "human.txt: no mark found" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_bad_raw_text_is_named(capsys: Out) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    assert tiktoken
    import base64

    lines = [base64.b64encode(bytes([value])) + b" %d" % value for value in range(256)]
    Path("bytes.tiktoken").write_bytes(b"\n".join(lines))
    Path("latin.txt").write_bytes("één ".encode("latin-1") * 100)
    Path("empty.txt").touch()
    Path("good.txt").write_text("Call me Ishmael. " * 20, encoding="utf-8")
    assert detect("latin.txt", "empty.txt", "missing.txt", "good.txt", "--scheme", "s.json",
                  "--tokenizer", "bytes.tiktoken") == 2  # fmt: skip
    out, err = capsys.readouterr()
    assert re.fullmatch(r"good\.txt: no mark found \(\d+ tokens counted\)\n", out)
    assert [line.split(": ")[1] for line in err.splitlines()] == [
        "latin.txt",
        "empty.txt",
        "missing.txt",
    ]


# The group


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["-h"], 0), (["--help"], 0)])
def test_the_group_shows_its_commands(capsys: Out, arguments: list[str], status: int) -> None:
    assert run(["text", *arguments]) == status
    text = "".join(capsys.readouterr())
    assert all(re.search(rf"^  {name} +\S", text, re.M) for name in ("detect", "keygen"))
    assert "\\n" not in text


def test_a_typo_gets_a_suggestion(capsys: Out) -> None:
    assert run(["text", "keyge"]) == 2
    assert "Did you mean 'keygen'? (see waarmerk text --help)" in complaint(capsys)
