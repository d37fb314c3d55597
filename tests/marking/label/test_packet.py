"""XMP packets: what is there stays, what is new is added, and contradictions are settled."""

import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waarmerk.errors import InputError, OutputError
from waarmerk.marking.label import AigcLabel, LabelContent
from waarmerk.marking.label.packet import extended_packet, new_packet, without_padding
from waarmerk.marking.label.properties import EXT, RDF, TC260
from waarmerk.marking.provenance import ALTERED, GENERATED

MARK = "8" * 16
CONTENT = LabelContent("generated", "A <system> & more", "2.0", AigcLabel("acme"), MARK)
BARE = LabelContent("generated")
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
AIGC_JSON = (
    '{"Label":"1","ContentProducer":"acme","ProduceID":"8888888888888888","ReservedCode1":"",'
    '"ContentPropagator":"","PropagateID":"","ReservedCode2":""}'
)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


def packet(inside, *, padding=0, end="w"):
    """Return a packet with some descriptions in it."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta '
        f'xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}" xmlns:i="{EXT}" xmlns:T="{TC260}">'
        f"{inside}</rdf:RDF></x:xmpmeta>{' ' * padding}"
        f'<?xpacket end="{end}"?>'
    )


def element(name, value):
    return f'<rdf:Description rdf:about="uuid:1"><i:{name}>{value}</i:{name}></rdf:Description>'


def values(data, encoding="utf-8"):
    """Return what a packet says, by an independent reader: {local name: [values]}."""
    root = ET.fromstring(data.decode(encoding).lstrip("\ufeff").rstrip("\0"))  # noqa: S314 - our own
    found = {}
    for description in root.iter(f"{{{RDF}}}Description"):
        for name, value in description.attrib.items():
            found.setdefault(name.rpartition("}")[2], []).append(value)
        for child in description:
            value = child.get(f"{{{RDF}}}resource") or (child.text or "")
            found.setdefault(child.tag.rpartition("}")[2], []).append(value)
    return found


def test_a_new_packet_says_what_is_asked_for_and_nothing_else():
    assert values(new_packet(CONTENT)) == {
        "about": [""],
        "DigitalSourceType": [GENERATED],
        "AISystemUsed": ["A <system> & more"],
        "AISystemVersionUsed": ["2.0"],
        "AIGC": [AIGC_JSON],
    }
    assert values(new_packet(BARE)) == {"about": [""], "DigitalSourceType": [GENERATED]}
    assert "AIGC" not in values(new_packet(CONTENT, aigc=False))
    assert extended_packet(b"\0 \n", BARE, []) == new_packet(BARE)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_there_stays_byte_for_byte(encoding):
    title = (
        '<rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        "<dc:title>été 你好 😀</dc:title> <!-- a comment --></rdf:Description>"
    )
    old = packet(title, padding=50, end="r").encode(encoding)
    new = extended_packet(old, CONTENT, [])
    mark = '<rdf:Description rdf:about="uuid:1"\n'.encode(encoding.removesuffix("-sig"))
    before, _, rest = new.partition(mark)
    kept = old.partition("</rdf:RDF>".encode(encoding.removesuffix("-sig")))
    assert before.rstrip(b" \0") == kept[0].rstrip(b" \0")
    assert rest.endswith(b"".join(kept[1:]))
    found = values(new, encoding)
    assert (found["title"], found["DigitalSourceType"]) == (["été 你好 😀"], [GENERATED])
    assert found["about"] == ["uuid:1", "uuid:1"]
    assert extended_packet(new, CONTENT, []) is new


def test_zeros_behind_a_packet_stay():
    for encoding in ("utf-8", "utf-16-be", "utf-16-le"):
        old = (packet("") + "\0" * 9).encode(encoding)
        new = extended_packet(old, BARE, [])
        assert new.endswith(("\0" * 9).encode(encoding))
        assert values(new, encoding)["DigitalSourceType"] == [GENERATED]


@pytest.mark.parametrize(
    "inside",
    [
        element("DigitalSourceType", CAPTURE),
        element("DigitalSourceType", f"\n {CAPTURE}\n"),
        element("DigitalSourceType", ""),
        '<rdf:Description rdf:about=""><i:DigitalSourceType/></rdf:Description>',
        f'<rdf:Description rdf:about="" i:DigitalSourceType="{CAPTURE}"/>',
        f"<rdf:Description rdf:about='' i:a='>' i:DigitalSourceType = '{CAPTURE}' i:b='='/>",
        f'<rdf:Description><i:DigitalSourceType rdf:resource="{CAPTURE}"/></rdf:Description>',
        element("DigitalSourceType", CAPTURE) + element("DigitalSourceType", "x"),
        f'<rdf:Description><DigitalSourceType xmlns="{EXT}">x</DigitalSourceType>'
        "</rdf:Description>",
    ],
)
def test_a_source_type_that_is_not_true_any_more_is_replaced_and_told(inside):
    notes = []
    new = extended_packet(packet(inside).encode(), CONTENT, notes)
    assert set(values(new)["DigitalSourceType"]) == {GENERATED}
    assert len(notes) == 1
    assert "became trainedAlgorithmicMedia" in notes[0]
    assert extended_packet(new, CONTENT, notes) is new


@pytest.mark.parametrize(
    "value",
    [GENERATED, ALTERED, GENERATED.replace("http:", "https:"), "compositeSynthetic"],
)
def test_a_source_type_that_says_ai_stays_with_its_system(value):
    notes = []
    inside = element("DigitalSourceType", value) + element("AISystemUsed", "another")
    new = extended_packet(packet(inside).encode(), CONTENT, notes)
    found = values(new)
    assert found["DigitalSourceType"] == [value]
    assert found["AISystemUsed"] == ["another"]
    assert "AISystemVersionUsed" not in found
    assert not notes


def test_with_the_source_type_the_system_is_replaced():
    inside = element("DigitalSourceType", CAPTURE) + element("AISystemUsed", "another")
    found = values(extended_packet(packet(inside).encode(), CONTENT, []))
    assert found["AISystemUsed"] == ["A <system> & more"]
    assert found["AISystemVersionUsed"] == ["2.0"]


@pytest.mark.parametrize(
    ("value", "stays"),
    [
        ('{"Label":"1","ContentProducer":"x"}', True),
        ('{"AIGC":{"Label":"1","ContentProducer":"x"}}', True),
        ('{"Label":"2","ContentProducer":"x"}', False),
        ('{"Label":1}', False),
        ("[" * 5000, False),
        ("no label", False),
    ],
)
def test_an_aigc_label_that_says_generated_stays(value, stays):
    notes = []
    inside = f"<rdf:Description><T:AIGC>{value}</T:AIGC></rdf:Description>"
    found = values(extended_packet(packet(inside).encode(), CONTENT, notes))
    assert found["AIGC"] == [value if stays else AIGC_JSON]
    assert bool(notes) == stays


def test_properties_of_other_things_do_not_count():
    inside = (
        '<rdf:Description rdf:about=""><i:Ingredient rdf:parseType="Resource">'
        f"<i:DigitalSourceType>{CAPTURE}</i:DigitalSourceType></i:Ingredient></rdf:Description>"
    )
    new = extended_packet(packet(inside).encode(), BARE, [])
    assert CAPTURE in new.decode()
    assert values(new)["DigitalSourceType"] == [GENERATED]


@pytest.mark.parametrize(
    "text",
    [
        f'<rdf:RDF xmlns:rdf="{RDF}"/>',
        f'<rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF>',
        f'<RDF xmlns="{RDF}"/>',
        f'<a:RDF xmlns:a="{RDF}" ><a:Description a:about="&quot;"/></a:RDF >',
    ],
)
def test_any_spelling_of_rdf(text):
    new = extended_packet(text.encode(), CONTENT, [])
    assert values(new)["DigitalSourceType"] == [GENERATED]
    assert extended_packet(new, CONTENT, []) is new


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<a>", "no XML"),
        (b"\xff", "cannot be decoded"),
        (b"<a/>", "no RDF"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
        (b"<?xpacket?>" + b" " * (1 << 24), "more than are read"),
        (packet(element("DigitalSourceType", "x") * 101).encode(), "more than 100 times"),
    ],
    ids=["XML", "letters", "RDF", "entities", "size", "times"],
)
def test_what_cannot_be_extended_safely_is_refused(data, message):
    with pytest.raises(OutputError, match=message):
        extended_packet(data, BARE, [])


def test_padding_gives_way():
    old = packet("", padding=500).encode()
    for size in (len(old) + 9, len(old), len(old) - 100, len(old) - 500):
        assert len(without_padding(old, size)) == min(size, len(old))
    assert values(without_padding(old, len(old) - 499)) == values(old)
    assert len(without_padding(old, 9)) == len(old) - 500
    assert without_padding(b"<a/>", 2) == b"<a/>"


@pytest.mark.parametrize(
    "data",
    [
        packet("<rdf:Description>" * 50_000 + "</rdf:Description>" * 50_000).encode(),
        packet(f"<rdf:Description i:DigitalSourceType='{'=' * 3_000_000}'/>").encode(),
        packet("<rdf:Description " + " ".join(f"a{n}='>'" for n in range(90_000)) + "/>").encode(),
        packet(element("AISystemUsed", "x" * 3_000_000)).encode(),
    ],
    ids=["depth", "value", "attributes", "text"],
)
def test_hostile_packets_take_no_longer_than_others(data):
    start = time.process_time()
    assert values(extended_packet(data, BARE, []))["DigitalSourceType"] == [GENERATED]
    assert time.process_time() - start < 5


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="<>/ ='\"rdf:RDFxmlns", max_size=200))
def test_other_bytes_are_extended_or_refused(data):
    data = data.encode() if isinstance(data, str) else data
    try:
        new = extended_packet(data, BARE, [])
    except OutputError:
        return
    assert GENERATED in new.decode("utf-8", "replace") or data.startswith((b"\0", b"\xff", b"\xfe"))


@pytest.mark.parametrize(
    "made",
    [
        lambda: AigcLabel(""),
        lambda: AigcLabel("x", label="4"),
        lambda: AigcLabel("x" * 1025),
        lambda: AigcLabel("x", propagate_id="a\nb"),
        lambda: LabelContent("ai"),
        lambda: LabelContent("generated", system_version="1"),
        lambda: LabelContent("generated", system="a\0b"),
    ],
)
def test_labels_that_make_no_sense(made):
    with pytest.raises(InputError):
        made()
