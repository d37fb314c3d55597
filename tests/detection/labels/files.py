"""Files that carry labels, made with Pillow, PyAV and the wave module, or block by block."""

import io
import json
import struct
import wave
import zlib

import av
import numpy as np
import soundfile
from PIL import Image, PngImagePlugin

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = IPTC + "trainedAlgorithmicMedia"
ALTERED = IPTC + "compositeWithTrainedAlgorithmicMedia"
NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
)
AIGC = {
    "Label": "1",
    "ContentProducer": "001191110102MACQD9K64010000",
    "ProduceID": "7ac1f2d9",
    "ReservedCode1": "",
    "ContentPropagator": "001191110102MACQD9K64010000",
    "PropagateID": "7ac1f2d9",
    "ReservedCode2": "",
}


def xmp(body=f"<Iptc4xmpExt:DigitalSourceType>{GENERATED}</Iptc4xmpExt:DigitalSourceType>"):
    """A packet as the XMP toolkit writes it, with a body of properties."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}>'
        f'<rdf:Description rdf:about="">{body}</rdf:Description></rdf:RDF></x:xmpmeta>\n'
        + " " * 100
        + '\n<?xpacket end="w"?>'
    ).encode()


def image(mode="RGB", size=(48, 32)):
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).convert(
        mode
    )


def saved(kind, picture=None, **options):
    out = io.BytesIO()
    (picture or image()).save(out, kind, **options)
    return out.getvalue()


def jpeg(*segments, **options):
    """A JPEG with segments (marker, content) behind its first one."""
    data = saved("JPEG", **options)
    end = 4 + int.from_bytes(data[4:6], "big")
    blocks = (struct.pack(">BBH", 0xFF, m, len(c) + 2) + c for m, c in segments)
    return data[:end] + b"".join(blocks) + data[end:]


def png(texts=(), compress=False, **options):
    """A PNG with texts, given as pairs."""
    info = PngImagePlugin.PngInfo()
    for key, value in dict(texts).items():
        info.add_text(key, value, zip=compress)
    return saved("PNG", pnginfo=info, **options)


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_with(*chunks):
    """A PNG with whole chunks in front of its end."""
    data = saved("PNG")
    return data[:-12] + b"".join(chunks) + data[-12:]


def exif(tags, comment=None):
    """An EXIF block: tags of the first directory, and the bytes of a user comment."""
    block = Image.Exif()
    for tag, value in tags.items():
        block[tag] = value
    if comment is not None:
        block[0x8769] = {0x9286: comment}
    return block.tobytes()


def unicode_comment(text):
    """A user comment as piexif writes it for AUTOMATIC1111."""
    return b"UNICODE\0" + text.encode("utf-16-be")


def wav(*chunks):
    """A WAV with chunks (kind, content) behind its samples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(800))
    return riff(out.getvalue(), *chunks)


def riff(data, *chunks):
    for kind, content in chunks:
        data += kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def info_list(**entries):
    content = b"INFO"
    for kind, text in entries.items():
        value = text.encode() + b"\0"
        content += kind.encode() + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    return content


def sound(kind, metadata, codec=None):
    """A second of silence in a container of FFmpeg's, with its metadata."""
    out = io.BytesIO()
    codec = codec or {"opus": "libopus", "mp3": "libmp3lame"}.get(kind, "flac")
    whole = codec in ("flac", "libopus")
    with av.open(out, "w", format=kind) as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 48000), np.int16 if whole else np.float32),
            format="s16" if whole else "fltp",
            layout="mono",
        )
        frame.rate = 48000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()


def vorbis(comment):
    """A second of silence as Ogg Vorbis."""
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 8000, 1, format="OGG") as file:
        file.comment = comment
        file.write(np.zeros(8000))
    return out.getvalue()


def ogg(*packets):
    """Packets on Ogg pages of one stream; the checksums are left out."""
    out = b""
    for number, packet in enumerate(packets):
        laces = [255] * (len(packet) // 255) + [len(packet) % 255]
        for at in range(0, len(laces), 255):
            table = bytes(laces[at : at + 255])
            out += b"OggS\0\0" + bytes(8) + b"abcd" + struct.pack("<I", number) + bytes(4)
            out += bytes([len(table)]) + table + packet[at * 255 :][: sum(table)]
    return out


def comments(**entries):
    """A block of Vorbis comments."""
    out = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(entries))
    for key, value in entries.items():
        entry = f"{key}={value}".encode()
        out += struct.pack("<I", len(entry)) + entry
    return out


def ogg_flac(**entries):
    """The first packets of FLAC in Ogg (RFC 9639, 10.1)."""
    block = comments(**entries)
    head = b"\x7fFLAC\1\0\0\1fLaC\0\0\0\x22" + bytes(34)
    return ogg(head, b"\x84" + len(block).to_bytes(3, "big") + block)


def video(kind, metadata, codec="mpeg4", options=None):
    """A short video with FFmpeg's metadata."""
    out = io.BytesIO()
    with av.open(out, "w", format=kind, options=options or {}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for _ in range(3):
            for packet in stream.encode(av.VideoFrame.from_image(image())):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return out.getvalue()


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def seven_bits(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(*frames, version=4):
    """An ID3v2 tag of frames (kind, content), and a little of an MP3."""
    body = b""
    for kind, content in frames:
        size = seven_bits(len(content)) if version == 4 else struct.pack(">I", len(content))
        if version == 2:
            body += kind + len(content).to_bytes(3, "big") + content
        else:
            body += kind + size + b"\0\0" + content
    return b"ID3" + bytes([version, 0, 0]) + seven_bits(len(body)) + body + b"\xff\xfb\x90\0" * 100


def txxx(name, text):
    return b"TXXX", b"\3" + name.encode() + b"\0" + text.encode()


def pdf(packet, compress=False, hidden=False):
    """A PDF with metadata: of a picture inside first, then of the document."""
    inner = xmp(
        f"<Iptc4xmpExt:DigitalSourceType>{IPTC}digitalCapture</Iptc4xmpExt:DigitalSourceType>"
    )
    content = zlib.compress(packet) if compress else packet
    packed = b"/Filter /FlateDecode " if compress else b""
    catalog = b"<< /Type /Catalog /Pages 2 0 R /Metadata 6 0 R >>"
    objects = [
        b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n",
        b"5 0 obj\n<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream\nendobj\n"
        % (len(inner), inner),
        b"6 0 obj\n<< /Type /Metadata /Subtype /XML %s/Length %d >>\nstream\n%s\nendstream\n"
        b"endobj\n" % (packed, len(content), content),
    ]
    if hidden:
        stored = zlib.compress(b"1 0 " + catalog)
        objects.append(
            b"9 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n"
            b"%s\nendstream\nendobj\n" % (len(stored), stored)
        )
    else:
        objects.insert(0, b"1 0 obj\n" + catalog + b"\nendobj\n")
    return b"%PDF-1.7\n" + b"".join(objects) + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def heic(packet):
    """The boxes of a HEIC without a picture: XMP as an item of type mime, and EXIF."""
    block = b"\0\0\0\0" + exif({0x0131: "AI generated;txt2img;flux"}).removeprefix(b"Exif\0\0")
    kinds = box(b"infe", b"\2\0\0\0" + struct.pack(">HH4s", 1, 0, b"Exif") + b"\0")
    kinds += box(
        b"infe", b"\2\0\0\0" + struct.pack(">HH4s", 2, 0, b"mime") + b"\0application/rdf+xml\0"
    )
    ftyp = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(first):
        places = struct.pack(">HHHII", 1, 0, 1, first, len(block))
        places += struct.pack(">HHHII", 2, 0, 1, first + len(block), len(packet))
        iloc = box(b"iloc", b"\0\0\0\0\x44\0" + struct.pack(">H", 2) + places)
        hdlr = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
        return box(b"meta", bytes(4) + hdlr + box(b"iinf", bytes(4) + b"\0\2" + kinds) + iloc)

    first = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(first) + box(b"mdat", block + packet)


def aigc(wrapped=True):
    return json.dumps({"AIGC": AIGC} if wrapped else AIGC)
