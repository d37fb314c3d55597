"""Our own marks as schemes: what they put in is read, by the right key alone."""

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="needs the extra bench")

from waarmerk.bench.content.catalogue import contents
from waarmerk.bench.protocol import RefusedError, Scheme, Tools
from waarmerk.bench.schemes import OWN, defaults, load
from waarmerk.bench.seeds import rng_for


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("name", OWN)
def test_names_are_those_of_rows(name):
    scheme = load(name)
    assert isinstance(scheme, Scheme)
    assert scheme.name == name
    assert scheme.keyed


@pytest.mark.parametrize("name", OWN)
def test_the_right_key_reads_it(name, models):
    scheme = load(name)
    found = contents(scheme.medium, None, "reporting", models)[:4]
    content = found[2] if scheme.medium == "text" else found[-1]  # the third text is a long one
    value = content.load()
    marked = scheme.mark(content, value, 0)
    right, wrong = scheme.read(marked.value, [0, 7])
    assert right.found
    assert right.log10_p < -5
    assert not wrong.found
    if marked.payload is not None and scheme.medium != "text":  # texts of this length: presence
        assert right.payload == marked.payload
    again = scheme.mark(content, value, 0)
    assert again.payload == marked.payload
    assert np.array_equal(of(again.value), of(marked.value))
    other = scheme.mark(content, value, 0, 1)
    assert not np.array_equal(of(other.value), of(marked.value))


def of(value):
    return value.samples if hasattr(value, "samples") else value


def test_every_medium_has_a_default():
    for medium in ("image", "audio", "text"):
        assert {load(name).medium for name in defaults(medium)} == {medium}


def test_what_cannot_be_marked_is_refused(models):
    scheme = load("waarmerk.image.1")
    content = contents("image", None, "reporting", models)[0]
    with pytest.raises(RefusedError):
        scheme.mark(content, np.full((512, 512, 3), 128, np.uint8), 0)


def test_an_attacker_has_works_and_copies_but_no_key(models):
    scheme = load("waarmerk.image.1")
    lake, *others = contents("image", None, "reporting", models)
    tools = Tools(rng_for("test"), lake, scheme, 0, [lake, *others])
    first, second = tools.copies(2)
    assert first.shape == second.shape
    assert scheme.read(first, [0])[0].payload != scheme.read(second, [0])[0].payload
    works = tools.works()
    for _ in range(3):
        original, marked = next(works)
        assert scheme.read(marked, [0])[0].found
        assert not scheme.read(original, [0])[0].found
    over = tools.other_key(others[0].load())
    assert not scheme.read(over, [0])[0].found
    assert {each.name for each in tools.other_contents()} == {each.name for each in others}
    assert not list(Tools(rng_for("test"), lake, scheme, 0, [lake]).works())
