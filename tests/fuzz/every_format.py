"""One small file of every format, plain, labelled, signed and swollen, to be damaged.

Pictures are those of tests/fuzz/inputs.py at a size that decodes in no time; sounds come from
`rendered_sound`. What is signed carries a certificate made on the spot, so the files differ from
one making to the next: a campaign keeps them in a folder.
"""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import av
import numpy as np
from PIL import Image, PngImagePlugin

from tests import rendered_sound
from tests.fuzz.inputs import picture, seeds
from tests.fuzz.sounds import TAGS
from waarmerk import detect_file, mark_file
from waarmerk.detection.signed import ReportSigner, sign_report
from waarmerk.errors import WaarmerkError
from waarmerk.marking.certificate import make_test_chain
from waarmerk.marking.formats import SOUNDS
from waarmerk.marking.signer import Signer

AIGC = json.dumps({"AIGC": {"Label": "1", "ContentProducer": "p", "ProduceID": "i"}})
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" xmlns:dcterms="http://purl.org/dc/terms/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}" dcterms:provenance="http://127.0.0.1/x.c2pa">'
    "<Iptc4xmpExt:AISystemUsed>one</Iptc4xmpExt:AISystemUsed><TC260:AIGC>"
    f"{AIGC.replace('&', '&amp;')}</TC260:AIGC></rdf:Description></rdf:RDF></x:xmpmeta>"
    "<?xpacket end='w'?>"
).encode()
PARAMETERS = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Model: x"
HTML = (
    f'<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="AIGC" content=\'{AIGC}\'>'
    f'<script type="application/ld+json">{{"digitalSourceType":"{SOURCE_TYPE}"}}</script></head>'
    "<body><p>one</p></body></html>"
)
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><metadata>'
    + XMP
    + b'</metadata><rect width="9" height="9" fill="red"/></svg>'
)
PROFILE = """
[system]
name = "one"
version = "2"
provider = "three"
[model]
name = "four"
type = "c2pa.types.model"
[disclosure]
oversight = "prompt_guided"
[[operations]]
action = "translated"
source = "trainedAlgorithmicMedia"
source_language = "en"
target_language = "nl"
[training]
opt_out = true
[label.aigc]
content_producer = "p"
[timestamp]
url = "http://127.0.0.1:9/"
"""
BOMB = 40_000_000


def every_seed(fixtures: Path | None = None) -> dict[str, bytes]:
    """Return good files by name, and those of a folder of C2PA fixtures up to 300 kB."""
    out = {f"small_{name}": data for name, data in seeds((48, 60)).items()}
    out["large_rich.jpg"] = seeds()["rich.jpg"]
    out |= _labelled() | _sounds() | _texts() | _videos() | _papers() | _bombs()
    out |= _signed(out)
    for path in sorted(fixtures.rglob("*")) if fixtures and fixtures.is_dir() else ():
        if path.is_file() and path.stat().st_size <= 300_000 and "LICENSE" not in str(path):
            out[f"fixture_{path.name}"] = path.read_bytes()
    return out


def _labelled() -> dict[str, bytes]:
    rgb = picture((48, 60))
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", PARAMETERS)
    texts.add_text("prompt", '{"3":{"class_type":"KSampler","inputs":{"seed":1}}}', zip=True)
    texts.add_text("invokeai_metadata", '{"app_version":"4.0","positive_prompt":"x"}')
    texts.add_text("Software", "NovelAI")
    texts.add_text("AIGC", AIGC)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"UNICODE\0" + AIGC.encode("utf-16-be")}
    exif[0x0131] = "Midjourney"
    options = {"exif": exif.tobytes(), "xmp": XMP}
    out = {}
    for name, kind, more in (
        ("labels.jpg", "JPEG", options),
        ("labels.webp", "WEBP", options),
        ("labels.avif", "AVIF", options),
        ("labels.tif", "TIFF", {"exif": exif.tobytes(), "tiffinfo": {700: XMP}}),
        ("labels.png", "PNG", {"pnginfo": texts, "exif": exif.tobytes()}),
    ):
        buffer = io.BytesIO()
        rgb.save(buffer, kind, **more)
        out[name] = buffer.getvalue()
    # NovelAI's text in the lowest bits of alpha: a magic word, a length, gzip.
    hidden = rgb.convert("RGBA").resize((80, 60))
    packed = zlib.compress(b'{"Software":"NovelAI"}', wbits=31)
    message = b"stealth_pngcomp" + struct.pack(">I", 8 * len(packed)) + packed
    alpha = np.full(80 * 60, 255, np.uint8)
    bits = np.unpackbits(np.frombuffer(message, np.uint8))
    alpha[: len(bits)] = 254 | bits
    hidden.putalpha(Image.fromarray(alpha.reshape(80, 60).T.copy()))
    buffer = io.BytesIO()
    hidden.save(buffer, "PNG")
    out["stealth.png"] = buffer.getvalue()
    heic = out["labels.avif"].replace(b"avif", b"heic").replace(b"av01", b"hvc1")
    box = struct.pack(">I4s", 8 + len(XMP), b"xml ") + XMP
    signature = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    brob = struct.pack(">I4s4s", 24, b"brob", b"xml ") + bytes(12)
    return out | {
        "labels.heic": heic,
        "labels.jxl": signature + box + brob + struct.pack(">I4s", 10, b"jxlc") + b"\xff\x0a",
        "bare.jxl": b"\xff\x0a" + bytes(range(64)),
        "labels.svg": SVG,
    }


def _sounds() -> dict[str, bytes]:
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, made in SOUNDS.items():
            path = Path(folder) / f"tags{made.extensions[0]}"
            rendered_sound.file(path, kind, rendered_sound.melody(0.4), tags=TAGS)
            out[path.name] = path.read_bytes()
    value = b"\3AIGC\0" + AIGC.encode()
    frame = b"TXXX" + struct.pack(">IH", len(value), 0) + value
    comment = b"\3eng\0made with suno"
    frame += b"COMM" + struct.pack(">IH", len(comment), 0) + comment
    size = len(frame)
    tag = b"ID3\3\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frame
    out["labels.mp3"] = tag + out["tags.mp3"]
    info = b"INFOICMT" + struct.pack("<I", len(AIGC) + len(AIGC) % 2) + AIGC.encode()
    info += b"\0" * (len(info) % 2)
    wave = out["tags.wav"] + b"LIST" + struct.pack("<I", len(info)) + info
    out["labels.wav"] = wave[:4] + struct.pack("<I", len(wave) - 8) + wave[8:]
    return out


def _texts() -> dict[str, bytes]:
    anchor = make_test_chain().root
    hidden = "a\u200bb\u202ec\U000e0041 " + "word " * 50
    return {
        "plain.txt": ("Some words, a line.\n" * 30).encode(),
        "hidden.txt": hidden.encode(),
        "front.md": f"---\nAIGC: '{AIGC}'\n---\n# A title\n\nText.\n".encode(),
        "labels.html": HTML.encode(),
        "anchors.pem": anchor,
        "profile.toml": PROFILE.encode(),
        "list.json": _trust_list(anchor),
    }


def _trust_list(anchor: bytes) -> bytes:
    """Return a list of one authority as ETSI TS 119 602 has it."""
    lines = anchor.decode().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    service = {
        "ServiceStatus": "http://c2pa.org/trust-list/trusted",
        "StatusStartingTime": "2025-01-01T00:00:00Z",
        "ServiceDigitalIdentity": {"X509Certificates": [{"val": "".join(lines.split())}]},
    }
    scheme = {
        "SchemeName": [{"lang": "en", "value": "one list"}],
        "ListIssueDateTime": "2026-01-01T00:00:00Z",
        "NextUpdate": "2027-01-01T00:00:00Z",
    }
    entity = {"TrustedEntityServices": [{"ServiceInformation": service}]}
    root = {"ListAndSchemeInformation": scheme, "TrustedEntitiesList": [entity]}
    return json.dumps({"LoTE": root}).encode()


def _videos() -> dict[str, bytes]:
    out = {}
    frame = av.VideoFrame.from_ndarray(np.asarray(picture((48, 64))), format="rgb24")
    for suffix, kind, codec in (
        (".mp4", "mp4", "mpeg4"),
        (".mov", "mov", "mjpeg"),
        (".avi", "avi", "mjpeg"),
        (".webm", "webm", "libvpx"),
    ):
        buffer = io.BytesIO()
        options = {"movflags": "use_metadata_tags"} if kind in ("mp4", "mov") else {}
        with av.open(buffer, "w", format=kind, options=options) as container:
            container.metadata.update({"comment": "made with AI", "AIGC": AIGC})
            stream = container.add_stream(codec, rate=5)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for packet in (*stream.encode(frame), *stream.encode()):
                container.mux(packet)
        out[f"clip{suffix}"] = buffer.getvalue()
    return out


def _papers() -> dict[str, bytes]:
    with_zip = io.BytesIO()
    with zipfile.ZipFile(with_zip, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>" * 20)
        archive.writestr("docProps/custom.xml", f"<Properties><x>{AIGC}</x></Properties>")
    return {"paper.pdf": _pdf(XMP), "paper.docx": with_zip.getvalue()}


def _pdf(metadata: bytes) -> bytes:
    """Return a PDF of one empty page with compressed metadata."""
    packed = zlib.compress(metadata, 9)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
        b"<< /Type /Metadata /Subtype /XML /Filter /FlateDecode /Length %d >>\nstream\n"
        % len(packed)
        + packed
        + b"\nendstream",
    ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (
        b"xref\n0 5\n0000000000 65535 f \n" + table + b"trailer\n<< /Size 5 /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % len(out)
    )


def _bombs() -> dict[str, bytes]:
    """Return files that swell: 40 MB in 40 kB, entities in entities, nesting without end."""
    zeros = zlib.compress(b" " * BOMB, 9)
    buffer = io.BytesIO()
    picture((48, 60)).save(buffer, "PNG")
    png = buffer.getvalue()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    bomb = png[:33] + chunk(b"zTXt", b"parameters\0\0" + zeros)
    bomb += chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros) + png[33:]
    entities = "".join(
        f"<!ENTITY e{i} '{f'&e{i - 1};' * 10 if i else 'xxxxxxxxxx'}'>" for i in range(10)
    )
    with_zip = io.BytesIO()
    with zipfile.ZipFile(with_zip, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("docProps/custom.xml", b" " * BOMB)
    return {
        "bomb.png": bomb,
        "bomb.pdf": _pdf(b" " * BOMB),
        "bomb.docx": with_zip.getvalue(),
        "bomb.svg": f"<?xml version='1.0'?><!DOCTYPE svg [{entities}]><svg>&e9;</svg>".encode(),
        "deep.svg": b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<g>" * 60_000,
        "deep.md": b'---\nAIGC: "' + b"[" * 100_000 + b'"\n---\ntext',
    }


def _signed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return signed copies of what this version can sign, and the manifests beside them."""
    chain = make_test_chain()
    signer = Signer.from_pem(chain.chain, chain.key)
    out = {}
    with tempfile.TemporaryDirectory() as name:
        for file in ("labels.jpg", "labels.png", "labels.webp", "labels.avif", "labels.tif",
                     "labels.svg", "tags.wav", "tags.mp3", "tags.flac", "tags.m4a", "tags.ogg",
                     "plain.txt", "front.md", "labels.html", "paper.pdf", "clip.mp4", "clip.mov",
                     "clip.avi", "small_still.gif"):  # fmt: skip
            source = Path(name) / file
            target = Path(name) / f"signed_{file}"
            source.write_bytes(files[file])
            text = source.suffix in (".txt", ".md", ".html", ".pdf")
            try:
                mark_file(source, target, signer=signer, no_watermark=None if text else "too small")
            except (WaarmerkError, TypeError):
                continue  # not yet, or never
            for path in Path(name).glob(f"{target.name}*"):
                out[path.name] = path.read_bytes()
        report = detect_file(Path(name) / "labels.png")
        teller = ReportSigner.from_pem(chain.key, chain.chain)
        out["report.jws"] = sign_report(report, teller).encode()
    return out
