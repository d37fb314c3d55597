"""A small file of every format that can hold a signed manifest, by media type, and of some others.

All are made on the spot, except HEIC and JPEG XL, for which there is no encoder here: theirs come
from ../shared, and are missing where that is missing.
"""

from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image

SHARED = Path(__file__).parents[2] / "shared" / "fixtures" / "c2pa"
BORROWED = {
    "image/heic": SHARED / "TrustNXT__c2pa-ts" / "trustnxt-icon.heic",
    "image/jxl": SHARED / "contentauth__c2pa-rs" / "sample1.jxl",
}
PICTURES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
}
SOUNDS = {"audio/wav": "WAV", "audio/flac": "FLAC", "audio/mpeg": "MP3"}
VIDEOS = {"video/mp4": "mp4", "video/quicktime": "mov", "video/x-msvideo": "avi"}
MEDIA_TYPES = (
    *PICTURES,
    *BORROWED,
    "image/svg+xml",
    *SOUNDS,
    "audio/mp4",
    *VIDEOS,
    "application/pdf",
)


@cache
def sample(media_type: str) -> bytes | None:
    """Return a file of a type; None if it would have to be borrowed and is not there."""
    if media_type in BORROWED:
        path = BORROWED[media_type]
        return path.read_bytes() if path.exists() else None
    out = io.BytesIO()
    if media_type in PICTURES:
        picture = Image.linear_gradient("L").resize((48, 40)).convert("RGB")
        picture.save(out, PICTURES[media_type])
    elif media_type in SOUNDS:
        soundfile.write(out, _tone(), 16_000, format=SOUNDS[media_type])
    elif media_type == "audio/mp4":
        _encode(out, "ipod", None)
    elif media_type in VIDEOS:
        _encode(out, VIDEOS[media_type], "mpeg4")
    elif media_type == "audio/ogg":
        soundfile.write(out, _tone(), 16_000, format="OGG")
    elif media_type == "text/html":
        out.write(b"<html><body><p>A page.</p></body></html>\n")
    elif media_type == "image/svg+xml":
        out.write(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path/></svg>')
    else:
        out.write(_pdf())
    return out.getvalue()


def _tone() -> np.ndarray:
    return (0.3 * np.sin(np.arange(8000) / 7)).astype(np.float32)


def _encode(out: io.BytesIO, container: str, codec: str | None) -> None:
    with av.open(out, "w", format=container) as made:
        if codec is None:
            stream = made.add_stream("aac", rate=16_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(_tone()[None, :], format="fltp", layout="mono")
            frame.sample_rate = 16_000
            frames = [frame]
        else:
            stream = made.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            grey = np.full((48, 64, 3), 128, np.uint8)
            frames = [av.VideoFrame.from_ndarray(grey, format="rgb24") for _ in range(5)]
        for each in (*frames, None):
            for packet in stream.encode(each):
                made.mux(packet)


def _pdf() -> bytes:
    """Return one empty page (ISO 32000-2, 7.5)."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
    ]
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 4\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def large_wave(size: int) -> bytes:
    """Return a silent WAV of so many bytes."""
    head = b"RIFF" + struct.pack("<I", size - 8) + b"WAVEfmt " + struct.pack("<I", 16)
    head += struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return head + b"data" + struct.pack("<I", size - 44) + bytes(size - 44)
