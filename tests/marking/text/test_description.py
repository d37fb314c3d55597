"""Schemes in files: they come back equal, keys stay in their file, and damage is named."""

import json
import os
import re

import pytest

from waarmerk import InputError, KeyFileError, MarkingKey, OutputError
from waarmerk.marking.text import KGW, Gumbel, SynthID, TextMark, load_scheme, new_scheme
from waarmerk.marking.text.description import SCHEME_NAMES, save_scheme

NEEDED = {"kgw.lefthash": {"vocab_size": 4096}, "kgw.selfhash": {"vocab_size": 4096}}
OTHERS = [name for name in SCHEME_NAMES if name != "waarmerk.text.1"]


def made(name, **parameters):
    return new_scheme(name, NEEDED.get(name, {}) | parameters)


def numbers(scheme):
    """Return the keys of a scheme, in the decimal digits that would give them away."""
    if isinstance(scheme, TextMark):
        return [scheme.key.secret.hex()]
    return re.findall(r"\d{3,}", json.dumps(scheme.secrets()))


@pytest.fixture
def saved(tmp_path):
    """Return the files of a SynthID."""
    return save_scheme(made("synthid.transformers"), tmp_path / "s.json")


def changed(path, **changes):
    """Change a JSON file; None leaves something out."""
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in data.items() if value is not None}))


# Saving and loading


@pytest.mark.parametrize("name", SCHEME_NAMES)
def test_a_new_scheme_comes_back_equal_and_its_keys_stay_apart(tmp_path, name):
    scheme = made(name)
    assert scheme.name == name
    path, key_path = save_scheme(scheme, tmp_path / "s.json")
    assert (path.name, key_path.name) == ("s.json", "s.key.json")
    assert key_path.stat().st_mode & 0o777 == 0o600
    loaded = load_scheme(path)
    assert loaded == scheme
    assert loaded.parameters() == scheme.parameters()
    assert loaded.key_id == json.loads(key_path.read_text())["key_id"]
    assert re.fullmatch("[0-9a-f]{16}", loaded.key_id)
    shown = path.read_text() + repr(scheme) + repr(loaded)
    assert numbers(scheme)
    assert not [key for key in numbers(scheme) if key in shown]


@pytest.mark.parametrize(
    "scheme",
    [
        SynthID([1, -(1 << 63), (1 << 63) - 1], 3, sampling_table_size=999, sampling_table_seed=7),
        SynthID([5, 6], variant="synthid-text", num_leaves=3, skip_first_ngram_calls=True),
        KGW(500, hashing_key=-3, gamma=0.5, delta=1.5, seeding="selfhash", context_width=4),
        Gumbel((1 << 64) - 1, context_width=7, dual=0.25),
        Gumbel("ab", "sglang", second_key="cd", dual=1.0, key_id="0123456789abcdef"),
    ],
    ids=lambda scheme: scheme.name,
)
def test_every_parameter_is_kept(tmp_path, scheme):
    path, _ = save_scheme(scheme, tmp_path / "s.json")
    loaded = load_scheme(path)
    assert loaded.parameters() == scheme.parameters()
    assert loaded.secrets() == scheme.secrets()
    assert scheme.key_id in (None, loaded.key_id)


@pytest.mark.parametrize("name", OTHERS)
def test_new_keys_are_new(name):
    assert made(name).secrets() != made(name).secrets()


def test_layers_of_a_new_synthid_all_count():
    scheme = made("synthid.transformers", depth=64)
    assert scheme.depth == 64
    assert len({key % 65536 for key in scheme.keys}) == 64


def test_the_key_id_does_not_follow_from_the_keys(tmp_path):
    ids = [load_scheme(save_scheme(KGW(500), tmp_path / f"{i}.json")[0]).key_id for i in range(2)]
    assert ids[0] != ids[1]


def test_the_key_file_may_lie_elsewhere(tmp_path, monkeypatch):
    for folder in ("keys", "schemes"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    scheme = made("gumbel.vllm")
    save_scheme(scheme, "schemes/s.json", key_path="keys/k.json")
    assert json.loads((tmp_path / "schemes/s.json").read_text())["key_file"] == "../keys/k.json"
    monkeypatch.chdir("keys")
    assert load_scheme("../schemes/s.json") == scheme


def test_nothing_is_replaced_unasked(saved):
    path, key_path = saved
    before = path.read_bytes(), key_path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        save_scheme(made("gumbel.vllm"), path)
    path.unlink()
    with pytest.raises(OutputError, match=r"s\.key\.json: exists already"):
        save_scheme(made("gumbel.vllm"), path)
    assert not path.exists()
    path.write_bytes(before[0])
    assert (path.read_bytes(), key_path.read_bytes()) == before
    save_scheme(made("gumbel.vllm"), path, overwrite=True)
    assert load_scheme(path).name == "gumbel.vllm"
    assert len(list(path.parent.iterdir())) == 2


def test_a_key_id_that_reports_cannot_have_is_refused(tmp_path):
    with pytest.raises(InputError, match="16 hex digits"):
        save_scheme(KGW(500, key_id="mine"), tmp_path / "s.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["", ".", "/", "missing/s.json"])
def test_a_place_for_no_file_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError):
        save_scheme(made("gumbel.vllm"), path)
    assert not list(tmp_path.iterdir())


# New schemes


@pytest.mark.parametrize("name", ["", "synthid", "synthid.gpu", "SynthID.transformers", "kgw."])
def test_an_unknown_scheme_is_refused_with_the_known_ones(name):
    with pytest.raises(InputError, match=r"is no scheme; known are synthid\.transformers, "):
        new_scheme(name, {})


@pytest.mark.parametrize("name", SCHEME_NAMES)
@pytest.mark.parametrize("parameter", ["dept", "key", "keys", "variant", "seeding", "key_id"])
def test_an_unknown_parameter_is_refused_with_the_known_ones(name, parameter):
    with pytest.raises(InputError, match=rf"has no parameter '{parameter}'; it takes \w"):
        made(name, **{parameter: 1})


def test_kgw_needs_its_vocabulary():
    with pytest.raises(InputError, match="needs vocab_size"):
        new_scheme("kgw.lefthash", {})


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("synthid.transformers", {"depth": 0}),
        ("synthid.transformers", {"depth": 65}),
        ("synthid.transformers", {"depth": "30"}),
        ("synthid.transformers", {"depth": True}),
        ("synthid.transformers", {"ngram_len": 1}),
        ("synthid.transformers", {"num_leaves": 3}),
        ("kgw.lefthash", {"vocab_size": "many"}),
        ("kgw.lefthash", {"gamma": 1}),
        ("kgw.selfhash", {"delta": None}),
        ("gumbel.vllm", {"context_width": 0}),
        ("gumbel.sglang", {"dual": 2}),
        ("gumbel.sglang", {"dual": [0.5]}),
    ],
)
def test_a_parameter_out_of_range_is_refused(name, parameters):
    with pytest.raises(InputError):
        made(name, **parameters)


def test_two_keys_are_made_where_a_scheme_has_two():
    scheme = made("gumbel.sglang", dual=0.5)
    assert scheme.secrets()["second_key"] not in (None, scheme.secrets()["key"])


# Damaged files


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "no JSON", '{"schema": "waarmerk.textscheme/2"}', "[" * 9999],
)
def test_what_describes_no_scheme_is_refused(saved, content):
    path, _ = saved
    path.write_text(content)
    with pytest.raises(InputError, match=r"s\.json: describes no scheme"):
        load_scheme(path)


def test_a_missing_scheme_is_refused(tmp_path):
    for path in (tmp_path / "s.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load_scheme(path)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scheme": "synthid.gpu"}, "is no scheme; known are"),
        ({"scheme": None}, "is no scheme; known are"),
        ({"scheme": ["kgw.lefthash"]}, "is no scheme; known are"),
        ({"scheme": "kgw.lefthash"}, "does not describe kgw.lefthash"),
        ({"scheme": "gumbel.vllm"}, "does not describe gumbel.vllm"),
        ({"scheme": "synthid.synthid-text"}, "its parameters are those of synthid.transformers"),
        ({"parameters": None}, "parameters or key_file is missing"),
        ({"parameters": [1]}, "parameters or key_file is missing"),
        ({"parameters": {"ngram": 5}}, "no parameter 'ngram'"),
        ({"parameters": {"ngram_len": "5"}}, "ngram_len is a whole number"),
        ({"parameters": {"keys": [1]}}, "no parameter 'keys'"),
        ({"key_file": None}, "parameters or key_file is missing"),
        ({"key_file": 5}, "parameters or key_file is missing"),
    ],
)
def test_a_changed_description_is_refused(saved, changes, why):
    path, _ = saved
    changed(path, **changes)
    with pytest.raises(InputError, match=re.escape(why)) as caught:
        load_scheme(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": None},
        {"secrets": [1]},
        {"key_id": None},
        {"key_id": 5},
        {"key_id": "my key"},
        {"secrets": {"keys": []}},
        {"secrets": {"keys": 987654321}},
        {"secrets": {"keys": ["987654321"]}},
        {"secrets": {"keys": [98765432198765432198765]}},
        {"secrets": {"key": 987654321}},
    ],
)
def test_a_changed_key_is_refused_without_showing_it(saved, changes):
    path, key_path = saved
    changed(key_path, **changes)
    with pytest.raises((InputError, KeyFileError)) as caught:
        load_scheme(path)
    told = "".join(map(str, (caught.value, caught.value.__cause__)))
    assert str(path.parent) in told
    assert "98765" not in told


@pytest.mark.parametrize("name", OTHERS)
def test_no_message_shows_a_key(tmp_path, name):
    scheme = made(name)
    path, key_path = save_scheme(scheme, tmp_path / "s.json")
    whole = json.loads(path.read_text())["parameters"]
    for parameters in (*({key: None} for key in whole), {"new": 1}):
        changed(path, parameters=whole | parameters)
        try:
            load_scheme(path)
        except InputError as error:
            assert not [key for key in numbers(scheme) if key in str(error)]  # noqa: PT017
    changed(path, parameters=whole)
    secret = json.loads(key_path.read_text())["secrets"]
    for part in secret:
        for damaged in ([secret[part]], str(secret[part]) + "x", {"a": secret[part]}):
            changed(key_path, secrets=secret | {part: damaged})
            with pytest.raises((InputError, KeyFileError)) as caught:
                load_scheme(path)
            told = f"{caught.value} {caught.value.__cause__}"
            assert not [key for key in numbers(scheme) if key in told], part


def test_a_missing_key_file_is_refused(saved):
    path, key_path = saved
    key_path.unlink()
    with pytest.raises(KeyFileError, match=r"s\.key\.json: cannot read"):
        load_scheme(path)


@pytest.mark.skipif(os.name != "posix", reason="modes mean something on POSIX only")
@pytest.mark.parametrize("name", SCHEME_NAMES)
def test_a_key_file_that_others_can_read_is_refused(tmp_path, name):
    path, key_path = save_scheme(made(name), tmp_path / "s.json")
    key_path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_scheme(path)
    assert load_scheme(path, allow_readable_by_others=True).name == name


def test_keys_of_other_kinds_are_refused(saved, tmp_path):
    path, key_path = saved
    MarkingKey.generate().save(key_path, overwrite=True)
    with pytest.raises(KeyFileError, match="a key of another kind"):
        load_scheme(path)
    # The other way round, and a picture's key in place of a scheme.
    other, other_key = save_scheme(made("waarmerk.text.1"), tmp_path / "t.json")
    _, text_key = save_scheme(made("gumbel.vllm"), tmp_path / "g.json")
    other_key.write_bytes(text_key.read_bytes())
    with pytest.raises(KeyFileError):
        load_scheme(other)
    with pytest.raises(KeyFileError):
        MarkingKey.load(text_key)
    with pytest.raises(InputError, match="goes with --key"):
        load_scheme(key_path)
