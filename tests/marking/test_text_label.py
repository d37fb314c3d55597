"""Labels in front matter and in the heads of pages: written once, read however they are spelt."""

import time

import pytest

from waarmerk.errors import OutputError
from waarmerk.marking.provenance import ALTERED, GENERATED
from waarmerk.marking.text_label import AIGC, IPTC, SCHEMA_ORG, Label, labelled, read_labels

MARKDOWN, PAGE = "text/markdown", "text/html"
OURS = Label(IPTC, GENERATED)
META = f'<meta name="digitalsourcetype" content="{GENERATED}">'
LINE = f"digitalsourcetype: {GENERATED}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Title\n", f"---\n{LINE}\n---\n\n# Title\n"),
        ("# Title\r\ntext", f"---\r\n{LINE}\r\n---\r\n\r\n# Title\r\ntext"),
        ("\ufeff# Title\n", f"\ufeff---\n{LINE}\n---\n\n# Title\n"),
        ("---\ntitle: x\n---\ntext", f"---\ntitle: x\n{LINE}\n---\ntext"),
        ("---\n---\ntext", f"---\n{LINE}\n---\ntext"),
        ("---\ntitle: x\n...\ntext", f"---\ntitle: x\n{LINE}\n...\ntext"),
        # A rule at the beginning is no front matter.
        ("---\n\ntext", f"---\n{LINE}\n---\n\n---\n\ntext"),
    ],
)
def test_front_matter(before, after):
    assert labelled(before, MARKDOWN, "generated", "x") == (after, (OURS,))
    assert OURS in read_labels(after, MARKDOWN)
    assert labelled(after, MARKDOWN, "generated", "x") == (after, (OURS,))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<html><head><title>x</title>", f"<html><head>\n{META}<title>x</title>"),
        (
            "<!DOCTYPE html>\r\n<head>\r\n<meta charset=utf-8>\r\n<title>x",
            f"<!DOCTYPE html>\r\n<head>\r\n<meta charset=utf-8>\r\n{META}\r\n<title>x",
        ),
        ("<!-- <head> --><p>x", f"<!-- <head> -->\n{META}<p>x"),
        ("<p>x", f"{META}<p>x"),
        ("\ufeff<p>x", f"\ufeff{META}<p>x"),
    ],
)
def test_heads_of_pages(before, after):
    assert labelled(before, PAGE, "generated", "x") == (after, (OURS,))
    assert read_labels(after, PAGE) == [OURS]
    assert labelled(after, PAGE, "generated", "x") == (after, (OURS,))


FIELDS = {
    "Label": "1",
    "ContentProducer": "it's",
    "ProduceID": "8" * 16,
    "ReservedCode1": "",
    "ContentPropagator": "",
    "PropagateID": "",
    "ReservedCode2": "",
}
# TC260-PG-20258A has the seven fields as a block in the front matter of Markdown.
BLOCK = """AIGC:
  Label: '1'
  ContentProducer: 'it''s'
  ProduceID: '8888888888888888'
  ReservedCode1: ''
  ContentPropagator: ''
  PropagateID: ''
  ReservedCode2: ''
"""


def test_aigc_on_request():
    both = (OURS, Label(AIGC, "1"))
    text, labels = labelled("text", MARKDOWN, "generated", "x", FIELDS)
    assert (text, labels) == (f"---\n{LINE}\n{BLOCK}---\n\ntext", both)
    assert read_labels(text, MARKDOWN) == list(both)
    assert labelled(text, MARKDOWN, "generated", "x", FIELDS) == (text, both)

    page, labels = labelled("<p>x", PAGE, "generated", "x", FIELDS)
    assert labels == both
    assert page.startswith(f'{META}<meta name="AIGC" content="{{&quot;Label&quot;:&quot;1&quot;,')
    assert page.endswith("<p>x")
    assert read_labels(page, PAGE) == list(both)
    assert labelled(page, PAGE, "generated", "x", FIELDS) == (page, both)


def test_aigc_that_is_there_stays():
    text = "---\nAIGC: {Label: '1'}\n---\n"
    out, labels = labelled(text, MARKDOWN, "generated", "x", FIELDS)
    assert out == f"---\nAIGC: {{Label: '1'}}\n{LINE}\n---\n"
    assert labels == (OURS, Label(AIGC, "1"))
    with pytest.raises(OutputError, match="says 2"):
        labelled(text.replace("1", "2"), MARKDOWN, "generated", "x.md", FIELDS)


def test_another_label_stays():
    text, (label,) = labelled(META, PAGE, "altered", "x")
    assert label == Label(IPTC, ALTERED)
    assert read_labels(text, PAGE) == [OURS, label]


def test_a_text_without_a_place_for_it_is_refused():
    with pytest.raises(OutputError, match="no place for a label"):
        labelled("x", "text/plain", "generated", "x.txt")
    with pytest.raises(OutputError, match="TOML"):
        labelled("+++\ntitle = 1\n+++\n", MARKDOWN, "generated", "x.md")
    assert read_labels(f"---\n{LINE}\n---\n", "text/plain") == []


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ('DigitalSourceType: "compositeSynthetic"', Label(IPTC, "compositeSynthetic")),
        ("digital_source_type: 'a b' # c", Label(IPTC, "a b")),
        ("Iptc4xmpExt:DigitalSourceType: x # c", Label(IPTC, "x")),
        (
            "digitalSourceType: https://schema.org/TrainedAlgorithmicMediaDigitalSource",
            Label(SCHEMA_ORG, "https://schema.org/TrainedAlgorithmicMediaDigitalSource"),
        ),
        ('AIGC: {"Label": "1", "ContentProducer": "x"}', Label(AIGC, "1")),
        ("AIGC:\n  ContentProducer: x\n  Label: '2'", Label(AIGC, "2")),
        ("AIGC:\n  ContentProducer: x\nLabel: '2'", None),
        ("digitalsourcetype:", None),
        ("about: digitalsourcetype", None),
    ],
)
def test_other_front_matter(line, label):
    assert read_labels(f"---\ntitle: x\n{line}\n---\n", MARKDOWN) == ([label] if label else [])


@pytest.mark.parametrize(
    ("page", "values"),
    [
        ("<META CONTENT='a&amp;b' NAME=DigitalSourceType>", ["a&b"]),
        ("<meta property='Iptc4xmpExt:DigitalSourceType' content=x>", ["x"]),
        ("<meta itemprop=digitalSourceType content=x>", ["x"]),
        ("<meta name=digitalsourcetype>", []),
        ("<!-- <meta name=digitalsourcetype content=x> -->", []),
        ("<script>'<meta name=digitalsourcetype content=x>'</script>", []),
        ("<body><meta name=digitalsourcetype content=x>", []),
        ("<meta name=digitalsourcetype content=x>" * 3, ["x"]),
    ],
)
def test_other_pages(page, values):
    assert [label.value for label in read_labels(page, PAGE)] == values


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ('<meta "' * 1_500_000, PAGE),
        ("<!--" * 2_000_000, PAGE),
        ("<meta name=" * 900_000, PAGE),
        ("<script " * 1_000_000, PAGE),
        ("<!---->" * 300_000, PAGE),
        ("---\n" + "AIGC:\n " * 1_000_000, MARKDOWN),
        ("---\n" + " " * 5_000_000, MARKDOWN),
    ],
    ids=["quotes", "comments", "names", "scripts", "empty comments", "keys", "spaces"],
)
def test_hostile_texts_take_no_longer_than_others(text, media_type):
    start = time.process_time()
    read_labels(text, media_type)
    labelled(text, media_type, "generated", "x")
    assert time.process_time() - start < 4
