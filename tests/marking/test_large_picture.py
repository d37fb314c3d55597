"""Manifests of large pictures: signed and checked piece by piece as the library does it."""

import io
import struct
import warnings

import c2pa
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.in_pieces import accepted, large
from tests.in_pieces import both as in_pieces_and_whole
from tests.rendered import soft_picture
from waarmerk.detection.labels import read_labels
from waarmerk.detection.manifest import read_manifest
from waarmerk.marking import (
    gif_blocks,
    large_file,
)
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.label import LabelContent, labelled_bytes
from waarmerk.marking.manifest import ManifestContent, Parent, sign_bytes
from waarmerk.marking.provenance import offline_settings
from waarmerk.marking.signer import Signer

CHAIN = make_test_chain()
SIGNER = Signer.from_pem(CHAIN.chain, CHAIN.key)
STRANGER = make_test_chain()
TIFF, GIF, SVG = "image/tiff", "image/gif", "image/svg+xml"


def saved(kind, *more, **options):
    buffer = io.BytesIO()
    if more:
        options |= {"save_all": True, "append_images": list(more)}
    soft_picture(48, 64).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(pages=1, *, below=0, big=False, order="<"):
    """A TIFF of several pages, some of them below the first."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, bigtiff=big, byteorder=order) as out:
        for number in range(pages):
            pixels = np.asarray(soft_picture(48, 64 + number))
            out.write(pixels, photometric="rgb", subifds=None if number else below)
    return buffer.getvalue()


def with_exif():
    exif = Image.Exif()
    exif[0x010E] = "a picture"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment"
    exif.get_ifd(0x8825)[1] = "N"
    return saved("TIFF", exif=exif)


def gif_87a():
    data = saved("GIF")
    assert data[-1] == 0x3B
    return b"GIF87a" + data[6:] + b"what follows the end"


XML = b'<?xml version="1.0"?>\n<!-- > <svg> -->\n'
SHAPES = b"<g id='a>b'><path d=\"M0 0>\"/><circle r='9'></circle></g>" * 200
META = b"<g></g>\n<metadata id='m'><x:y xmlns:x='z'/></metadata>"


def svg(before=b"", after=b"", *, attributes=b""):
    name = b'<svg xmlns="http://www.w3.org/2000/svg"' + attributes + b">"
    return XML + name + before + SHAPES + b"<![CDATA[ </svg> ]]>" + after + b"</svg>\n"


CASES = {
    "TIFF": (tiff, TIFF),
    "TIFF of Motorola": (lambda: tiff(order=">"), TIFF),
    "TIFF of three pages": (lambda: tiff(3), TIFF),
    "TIFF with EXIF": (with_exif, TIFF),
    "TIFF with pages below": (lambda: tiff(4, below=2), TIFF),
    "TIFF of an odd length": (lambda: tiff() + b"x", TIFF),
    "BigTIFF": (lambda: tiff(big=True), TIFF),
    "BigTIFF of Motorola": (lambda: tiff(big=True, order=">"), TIFF),
    "BigTIFF of two pages": (lambda: tiff(2, big=True), TIFF),
    "DNG": (tiff, "image/x-adobe-dng"),
    "GIF": (lambda: saved("GIF", comment=b"a comment" * 90), GIF),
    "GIF 87a": (gif_87a, GIF),
    "GIF that moves": (lambda: saved("GIF", soft_picture(48, 64, seed=3), loop=0), GIF),
    "SVG": (svg, SVG),
    "SVG with metadata": (lambda: svg(META), SVG),
    "SVG with metadata at its end": (lambda: svg(after=META), SVG),
    "SVG with a long tag": (lambda: svg(b"<image a='" + b'x>"' * 700_000 + b"'>t</image>"), SVG),
    "SVG that knows C2PA": (lambda: svg(attributes=b" xmlns:c2pa = 'x'"), SVG),
}
OTHERWISE = ["BigTIFF", "BigTIFF of Motorola"]


@pytest.fixture(params=CASES)
def picture(request):
    make, media_type = CASES[request.param]
    return make(), media_type


def signed(monkeypatch, picture, *, in_pieces, signer=SIGNER, title="picture", **options):
    data, media_type = picture
    large(monkeypatch, in_pieces)
    return sign_bytes(data, media_type, signer, ManifestContent(title=title), **options)


def both(monkeypatch, data, media_type, trust=(CHAIN.root,)):
    return in_pieces_and_whole(monkeypatch, data, media_type, trust)


def frames(data):
    if data[:4] in (b"II+\0", b"MM\0+") or data[:2] in (b"II", b"MM"):
        with tifffile.TiffFile(io.BytesIO(data)) as file, warnings.catch_warnings():
            return [page.asarray().tobytes() for page in file.pages if 256 in page.tags]
    with Image.open(io.BytesIO(data)) as image:
        out = []
        for number in range(image.n_frames):
            image.seek(number)
            out.append(image.convert("RGB").tobytes())
        return out


@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_signed_picture_is_intact_for_both(picture, in_pieces, monkeypatch):
    for size in range(4):  # of the title, and so of the manifest: odd and even
        data = signed(monkeypatch, picture, in_pieces=in_pieces, title="x" * (5 + size))
        assert both(monkeypatch, data, picture[1]).status == "trusted"
    assert both(monkeypatch, data, picture[1], ()).status == "valid"
    assert both(monkeypatch, data, picture[1], (STRANGER.root,)).status == "valid"


@pytest.mark.parametrize("in_pieces", [True, False])
def test_an_independent_validator_accepts_it(picture, in_pieces, monkeypatch):
    data = signed(monkeypatch, picture, in_pieces=in_pieces)
    assert accepted(data, picture[1], CHAIN.root)


def test_neither_signing_nor_checking_is_left_to_the_library(picture, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("the library was asked about the whole file")

    large(monkeypatch, True)
    found = large_file._way_for(io.BytesIO(picture[0]), picture[1])
    assert found[0] is not None
    data = signed(monkeypatch, picture, in_pieces=True)
    again = signed(monkeypatch, (data, picture[1]), in_pieces=True)
    for each in (data, again):
        assert large_file.embedded_store(io.BytesIO(each), picture[1]) is not None
        monkeypatch.setattr("c2pa.Reader.try_create", refuse)
        assert read_manifest(each, picture[1], (CHAIN.root,)).status == "trusted"
        monkeypatch.undo()
        large(monkeypatch, True)


def test_it_decodes_as_before(picture, monkeypatch):
    data = signed(monkeypatch, picture, in_pieces=True)
    if picture[1] == SVG:
        start, end = data.index(b"<c2pa:manifest>"), data.index(b"</c2pa:manifest>") + 16
        bare = data[:start] + data[end:]
        bare = bare.replace(b' xmlns:c2pa="http://c2pa.org/manifest"', b"")
        assert bare.replace(b"<metadata></metadata>", b"") == picture[0]
        return
    assert frames(data) == frames(picture[0])
    again = signed(monkeypatch, (data, picture[1]), in_pieces=True)
    assert frames(again) == frames(picture[0])


def test_nothing_moves_in_a_tiff(picture, monkeypatch):
    if picture[1] in (GIF, SVG):
        pytest.skip("is no TIFF")
    original = picture[0]
    data = signed(monkeypatch, picture, in_pieces=True)
    changed = [at for at in range(16, len(original)) if data[at] != original[at]]
    width = 8 if original[2:4] in (b"+\0", b"\0+") else 4
    assert len(changed) <= width  # where the last page says that there is another
    assert not changed or changed[-1] - changed[0] < width


def test_the_hash_leaves_out_what_the_library_leaves_out(picture, monkeypatch, request):
    name = request.node.callspec.params["picture"]
    pieces, library = (signed(monkeypatch, picture, in_pieces=yes) for yes in (True, False))
    there = large_file.embedded_store(io.BytesIO(library), picture[1])
    here = large_file.embedded_store(io.BytesIO(pieces), picture[1])
    assert here.left_out[-1][1] >= len(here.store)
    if picture[1] in (GIF, SVG):
        assert len(here.left_out) == len(there.left_out) == 1
        assert here.left_out[0][0] == there.left_out[0][0]
    else:
        assert here.left_out[0][1] == there.left_out[0][1]  # the number of bytes
        assert here.left_out[1] == (len(pieces) - len(here.store), len(here.store))
        assert there.left_out[1] == (len(library) - len(there.store), len(there.store))
    large(monkeypatch, True)
    context = c2pa.Context.from_dict(offline_settings())
    apart = large_file.checked_store(io.BytesIO(library), picture[1], context)
    # The library counts the entries of a BigTIFF as if they were those of a TIFF.
    assert (apart is None) == (name in OTHERWISE)


@pytest.mark.parametrize("in_pieces", [True, False])
def test_any_change_of_the_content_is_noticed(picture, in_pieces, monkeypatch):
    data = signed(monkeypatch, picture, in_pieces=in_pieces)
    store, left_out = large_file.embedded_store(io.BytesIO(data), picture[1])
    kept = set()
    for start, length in left_out:
        kept.update(range(start, start + length))
    rest = [at for at in range(len(data)) if at not in kept]
    for at in {*rest[:20], *rest[-20:], *rest[30 :: len(rest) // 20]}:
        changed = bytearray(data)
        changed[at] ^= 0x10
        for yes in (True, False):
            # Where a directory or block is broken, the library says that the file is damaged.
            large(monkeypatch, yes)
            found = read_manifest(bytes(changed), picture[1], (CHAIN.root,))
            assert found.status not in ("trusted", "valid")
    start, length = left_out[-1]
    for place in range(0, length, length // 20):
        changed = bytearray(data)
        changed[start + place] ^= 1
        both(monkeypatch, bytes(changed), picture[1])
    assert len(store) <= length


def test_a_change_of_pixels_is_said_as_the_library_says_it(picture, monkeypatch):
    data = signed(monkeypatch, picture, in_pieces=True)
    changed = bytearray(data)
    at = len(picture[0]) // 2  # in a TIFF, whose manifest is at its end
    if picture[1] == GIF:
        at += len(data) - len(picture[0])
    elif picture[1] == SVG:
        at = data.index(b"M0 0") + 1
    changed[at] ^= 1
    assert both(monkeypatch, bytes(changed), picture[1]).status == "invalid"
    assert both(monkeypatch, data + b" ", picture[1]).status == "invalid"
    if picture[1] == SVG:
        return  # cut off, it has no end
    both(monkeypatch, data[:-1], picture[1])
    both(monkeypatch, data[: len(data) // 2], picture[1])


def test_the_number_of_bytes_may_not_change(monkeypatch):
    data = signed(monkeypatch, (tiff(), TIFF), in_pieces=True)
    store, (count, place) = large_file.embedded_store(io.BytesIO(data), TIFF)
    for size in (len(store) - 1, len(store) + 1, 5, 1 << 31):
        changed = data[: count[0]] + struct.pack("<I", size) + data[sum(count) :]
        found = both(monkeypatch, changed, TIFF)
        assert found.status not in ("trusted", "valid")
    assert sum(place) == len(data)


def test_a_manifest_of_another_file_does_not_count(picture, monkeypatch):
    data = signed(monkeypatch, picture, in_pieces=True)
    store = large_file.embedded_store(io.BytesIO(data), picture[1]).store
    other = bytearray(picture[0])
    at = other.index(b"M0 0") + 1 if picture[1] == SVG else len(other) // 2
    other[at] ^= 1
    out = io.BytesIO()
    embed, form = large_file._way_for(io.BytesIO(other), picture[1])
    _, at = embed(io.BytesIO(other), out, store)
    assert out.getvalue()[at:].startswith(form(store))
    assert both(monkeypatch, out.getvalue(), picture[1]).status == "invalid"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_the_history_is_carried_along(picture, first, second, monkeypatch):
    data = signed(monkeypatch, picture, in_pieces=first, title="first")
    parent = Parent(data, picture[1], "before")
    again = signed(
        monkeypatch, (data, picture[1]), in_pieces=second, title="second" * 9, parent=parent
    )
    finding = both(monkeypatch, again, picture[1])
    assert finding.status == "trusted"
    assert finding.digital_source_type.endswith("/trainedAlgorithmicMedia")
    assert "ingredient.manifest.validated@ingredient" in finding.codes


def test_a_labelled_picture_keeps_its_label(picture, monkeypatch):
    label = LabelContent(kind="generated", mark_id="0123456789abcdef")
    labelled = labelled_bytes(picture[0], picture[1], label)
    data = signed(monkeypatch, (labelled, picture[1]), in_pieces=True)
    assert both(monkeypatch, data, picture[1]).status == "trusted"
    alone = signed(monkeypatch, (labelled, picture[1]), in_pieces=False)
    assert both(monkeypatch, alone, picture[1]).status == "trusted"
    assert labelled_bytes(data, picture[1], label) == data


def test_the_label_of_a_long_gif_is_in_front_of_its_frames():
    data = saved("GIF")
    start = gif_blocks.start_of_blocks(io.BytesIO(data))
    frames = data[start:-1]
    long = data[:start] + frames * ((5 << 20) // len(frames)) + b";"
    out = labelled_bytes(long, GIF, LabelContent(kind="generated", mark_id="0123456789abcdef"))
    assert 0 < out.index(b"XMP DataXMP") < start + 4
    assert out.endswith(long[start:])
    assert [label.kind for label in read_labels(out, GIF)] == ["generated"]
