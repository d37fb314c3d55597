"""A small file of every format, made on the spot; of HEIC and JPEG XL only the boxes are real."""

import io
import struct
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests import rendered_sound
from tests.rendered import soft_picture
from waarmerk.marking.formats import DOCUMENTS, FORMATS, PICTURES, SOUNDS, VIDEOS

MADE = [*PICTURES, "HEIC", "JXL", "SVG", *SOUNDS, *(v for v in VIDEOS if v != "OGV")]
MADE += [*DOCUMENTS, "ZIP", "JSON", "anything"]

_CODECS = {
    "MP4": ("mp4", "libx264"),
    "MOV": ("mov", "libx264"),
    "AVI": ("avi", "mpeg4"),
    "WEBM": ("webm", "libvpx-vp9"),
    "MKV": ("matroska", "libx264"),
}


def extension(name):
    return FORMATS[name].extensions[0] if name in FORMATS else ".dat"


def file(folder: Path, name: str) -> Path:
    """Write a file of a format, and return its path."""
    path = folder / f"a{extension(name)}"
    if name in SOUNDS:
        return rendered_sound.file(path, name)
    if name in VIDEOS:
        return video(path, name)
    if name in PICTURES:
        soft_picture(96, 128).save(path, name)
    else:
        path.write_bytes(_BYTES[name]() if name in _BYTES else office(name))
    return path


def video(path, name, *, frames=8, options=None):
    """Write moving pictures that differ from frame to frame."""
    container, codec = _CODECS[name]
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        stream = out.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            picture = np.roll(np.asarray(soft_picture(48, 64)), 3 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def decoded(path):
    """Return every frame of a sound or a video as it decodes."""
    with av.open(str(path)) as container:
        kept = [s for s in container.streams if s.type in ("video", "audio")]
        return [frame.to_ndarray().tobytes() for frame in container.decode(*kept)]


def box(kind, *content):
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def pdf(text="a report", body=b""):
    """A PDF of one page."""
    shown = b"BT /F1 12 Tf 20 100 Td (" + text.encode() + b") Tj ET" + body
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(shown), shown),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + table + trailer


def svg():
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a drawing -->\n'
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
        b'<circle cx="4" cy="4" r="3"/></svg>\n'
    )


def _heic():
    # ISO/IEC 23008-12: one item whose data lies in the mdat box; nobody here decodes it.
    data = bytes(range(200))
    start = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(place):
        location = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, place, len(data))
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 1)),
            box(b"iloc", bytes(4), location),
        )

    place = len(start) + len(meta(0)) + 8
    return start + meta(place) + box(b"mdat", data)


def _jxl():
    # ISO/IEC 18181-2
    signature = box(b"JXL ", b"\r\n\x87\n")
    return (
        signature + box(b"ftyp", b"jxl ", bytes(4), b"jxl ") + box(b"jxlc", b"\xff\x0a" + bytes(99))
    )


def _zipped(*entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries:
            stored = name == "mimetype"
            kind = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return buffer.getvalue()


def office(name):
    """The beginnings of an office document: the entries by which it is known."""
    media_type = DOCUMENTS[name].media_type
    folder = {"DOCX": "word/document.xml", "XLSX": "xl/workbook.xml", "PPTX": "ppt/a.xml"}.get(name)
    if folder:
        return _zipped(("[Content_Types].xml", "<Types/>" * 20), (folder, "<a/>" * 200))
    return _zipped(("mimetype", media_type), ("content.xml", "<a/>" * 200))


_BYTES = {
    "HEIC": _heic,
    "JXL": _jxl,
    "SVG": svg,
    "PDF": pdf,
    "ZIP": lambda: _zipped(("a.txt", "text")),
    "JSON": lambda: b'{"a": 1}',
    "anything": lambda: bytes(range(255, 0, -1)) * 9,
}
