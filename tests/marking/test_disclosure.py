"""Profiles: what a provider says, from options or a file; and what a profile must not say."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.errors import InputError
from waarmerk.marking.disclosure import MOST_OPERATIONS, MOST_TEXT, Disclosure, Operation
from waarmerk.marking.vocabulary import ACTIONS, MODEL_TYPES, NO_SOURCE, SOURCE_TYPES

GUIDE = Path(__file__).parents[2] / "docs" / "signing.md"


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "profile.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_profile_of_the_guide_has_every_key(toml):
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    profile = Disclosure.from_toml(toml(text))
    empty = Disclosure()
    same = [name for name in Disclosure.__slots__ if getattr(profile, name) == getattr(empty, name)]
    assert not same, "the profile in docs/signing.md does not show these"
    assert profile.operations[0].action == "c2pa.cropped"
    assert set(profile.training.values()) == {"notAllowed", "allowed"}
    assert profile.timestamp.startswith("http")
    assert profile.aigc.content_producer == "Example B.V."
    assert profile.timestamp not in repr(profile)


def test_empty_profile(toml):
    assert Disclosure.from_toml(toml("")) == Disclosure()
    assert Disclosure.from_toml(toml("# nothing\n[system]\n")).is_empty


def test_opting_out_covers_every_purpose_that_is_not_named(toml):
    profile = Disclosure.from_toml(toml('[training]\nopt_out = true\nai_inference = "allowed"\n'))
    assert dict(profile.training) == {
        "ai_generative_training": "notAllowed",
        "ai_inference": "allowed",
        "ai_training": "notAllowed",
        "data_mining": "notAllowed",
    }


WRONG = {
    "[sytem]": "sytem: is not known; there are [system], [model]",
    "[system]\nnaam = 'x'": r"[system] naam: is not known; there are name, version, provider",
    "[system]\nname = 1": "[system] name: is a text, not 1",
    "[system]\nname = ''": "system is a text of 1 to 500 characters",
    "[system]\nname = '   '": "system is a text of 1 to 500 characters",
    "[system]\nversion = '1'": "version is the version of a system; give the system too",
    "system = 'x'": "system is a table; write [system]",
    "[model]\ntype = 'c2pa.types.model.mine'": "model_type: 'c2pa.types.model.mine' is not one of",
    "[disclosure]\noversight = 'some'": "oversight is one of fully_autonomous, prompt_guided",
    "[disclosure]\nscientific_domain = 'cs.CV'": "scientific_domain: is a list of texts",
    "[disclosure]\nscientific_domain = [1]": "scientific_domain: is a text, not 1",
    "[disclosure]\nscientific_domain = ['art']": "'art' is not a term of arXiv's taxonomy",
    "operations = 1": "operations is a list of tables; write [[operations]]",
    "operations = [1]": "[[operations]] 1: is a table, not 1",
    "[[operations]]": "[[operations]] 1: has no action",
    "[[operations]]\naction = 'magic'": "[[operations]] 1: 'magic' is not an action",
    "[[operations]]\naction = 'c2pa.opened'": "'c2pa.opened' is not an action",
    "[[operations]]\naction = 'cropped'": "[[operations]] 1: the action c2pa.cropped needs its",
    "[[operations]]\naction = 'cropped'\nsource = 'magic'": "'magic' is not a digital source type",
    "[[operations]]\naction = 'cropped'\nby = 'x'": "[[operations]] 1 by: is not known",
    "[[operations]]\naction = 'translated'\nsource = 'humanEdits'": "needs source_language and",
    "[[operations]]\naction = 'converted'\nsource_language = 'nl'": "has no languages",
    "[[operations]]\naction = 'dubbed'\nsource = 'humanEdits'\nsource_language = 'nl nl'": (
        "'nl nl' is not a language tag"
    ),
    "[training]\nopt_out = 'yes'": "[training] opt_out: is true or false, not 'yes'",
    "[training]\nai_training = 'never'": "training: 'ai_training' = 'never' is not understood",
    "[label]\nwrite = 1": "[label] write: is true or false, not 1",
    "[label.aigc]\nproducer = 'x'": "[label.aigc] producer: is not known",
    "[label.aigc]\nlabel = '1'": "[label.aigc]: has no content_producer",
    "[label.aigc]\ncontent_producer = 'x'\nlabel = '9'": "[label.aigc]: ",
    "[label.aigc]\nproduce_id = 1": "[label.aigc] produce_id: is a text, not 1",
    "[timestamp]\nurl = 'ftp://x'": "is not the address of a time-stamp authority",
    "[timestamp]\nurl = 'http://me:secret@x/'": "http://x/: the address of the time-stamp",
    "[system": "is not TOML",
    "[a]\n[a]": "is not TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_profile_is_explained(toml, text):
    with pytest.raises(InputError, match=re.escape(WRONG[text])) as caught:
        Disclosure.from_toml(toml(text))
    assert "profile.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[prompt]\ntext = 'a cat'",
        "[model]\nprompt = 'a cat'",
        "[model]\nnegative_prompt = 'a dog'",
        "[system]\nuser = 'jan'",
        "[system]\nuser_id = 'jan'",
        "[disclosure]\nauthor = 'jan'",
        "[disclosure]\ne-mail = 'jan@example.com'",
        "[[operations]]\naction = 'converted'\nprompt = 'a cat'",
        "[label.aigc]\nuser = 'jan'",
    ],
)
def test_prompts_and_people_are_refused_with_the_reason(toml, text):
    with pytest.raises(InputError, match=r"never says what was prompted or who used the system"):
        Disclosure.from_toml(toml(text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "is not TOML"),
        (b"#" * 70_000, "is larger than 65536 bytes"),
        (b"a = " + b"[" * 30_000, "is not TOML"),
        (b"a = " + b"{b=" * 20_000, "is not TOML"),
    ],
)
def test_what_is_no_profile(toml, content, message):
    with pytest.raises(InputError, match=message):
        Disclosure.from_toml(toml(content))


def test_profile_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"absent\.toml: cannot be read: No such file"):
        Disclosure.from_toml(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="cannot be read"):
        Disclosure.from_toml(tmp_path)


def test_limits():
    with pytest.raises(InputError, match="51 operations; 50 is the most"):
        Disclosure(operations=(Operation("converted"),) * (MOST_OPERATIONS + 1))
    with pytest.raises(InputError, match="provider is a text of 1 to 500 characters"):
        Disclosure(provider="x" * (MOST_TEXT + 1))
    with pytest.raises(InputError, match="more than 10 scientific domains"):
        Disclosure(scientific_domain=("cs.CV",) * 11)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_can_be_reported(action):
    source = None if action in NO_SOURCE else "algorithmicMedia"
    languages = ("en", "pt-BR") if action == "c2pa.translated" else (None, None)
    said = Operation(action.removeprefix("c2pa."), "why", source, *languages).as_action()
    assert said["action"] == action
    assert said.get("digitalSourceType") == (source and SOURCE_TYPES[source])


def test_model_types_of_others():
    assert Disclosure(model_type="com.example.types.diffusion").assertions()
    assert len(MODEL_TYPES) == 24  # C2PA 2.4, table 12
    for wrong in ("c2pa.types.dataset", "diffusion", "", "com..example"):
        with pytest.raises(InputError, match="model_type") as error:
            Disclosure(model_type=wrong)
        assert len(str(error.value)) < 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def as_toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value % 2**60)
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, dict):
        pairs = (f"{as_toml(str(key))} = {as_toml(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    return '"' + "".join(f"\\U{ord(c):08x}" if ord(c) < 0xD800 else "?" for c in str(value)) + '"'


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "system",
                "model",
                "disclosure",
                "training",
                "label",
                "timestamp",
                "operations",
                "other",
            ]
        ),
        st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "version",
                    "type",
                    "oversight",
                    "opt_out",
                    "write",
                    "aigc",
                    "url",
                    "action",
                ]
            ),
            VALUES,
            max_size=4,
        )
        | VALUES,
        max_size=4,
    )
)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_any_toml_is_a_profile_or_one_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "p.toml"
    lines = (f"{as_toml(key)} = {as_toml(value)}" for key, value in content.items())
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        profile = Disclosure.from_toml(path)
    except InputError as error:
        message = str(error)
    else:
        profile.assertions()
        return
    assert message.startswith(str(path))
    assert "\n" not in message
