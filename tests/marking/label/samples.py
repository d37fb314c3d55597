"""Small real files of every kind that gets a label, and what they decode to."""

import io
import struct
import zlib
from functools import cache

import av
import numpy as np
import soundfile
from PIL import Image

RATE = 44_100

SVG = (
    b'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    b'"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    b'<rect width="3" height="3" id="a&gt;b"/></svg>\n'
)


@cache
def pixels():
    """Return a small picture, half of it plain."""
    out = np.random.default_rng(5).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    out[:24] = 100
    out.setflags(write=False)
    return out


def picture(kind, **options):
    """Return the picture as a file of a format that Pillow writes."""
    mode = options.pop("mode", "RGB")
    out = io.BytesIO()
    Image.fromarray(pixels()).convert(mode).save(out, kind, **options)
    return out.getvalue()


@cache
def sound(folder, container, codec, rate=RATE, metadata=()):
    """Return half a second of a tone."""
    path = folder / f"sound.{container}"
    samples = (np.sin(np.arange(rate // 2) * 0.05) * 8000).astype(np.int16)[None]
    with av.open(str(path), "w", format=container) as made:
        made.metadata.update(dict(metadata))
        stream = made.add_stream(codec, rate=rate)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = rate
        waiting = av.AudioFifo()
        for piece in resampler.resample(frame):
            waiting.write(piece)
        size = stream.codec_context.frame_size or 1024
        while (piece := waiting.read(size, partial=True)) is not None:
            made.mux(stream.encode(piece))
        made.mux(stream.encode(None))
    return path.read_bytes()


@cache
def vorbis(folder):
    """Return half a second of a tone as Ogg Vorbis, for which FFmpeg has no encoder here."""
    path = folder / "sound.oga"
    samples = np.sin(np.arange(RATE // 2) * 0.05) * 0.2
    soundfile.write(path, samples, RATE, format="OGG", subtype="VORBIS")
    return path.read_bytes()


@cache
def video(folder, container, *flags):
    """Return half a second of moving pixels."""
    path = folder / f"video.{container}"
    options = {"movflags": "+".join(flags)} if flags else {}
    with av.open(str(path), "w", format=container, options=options) as made:
        stream = made.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(5):
            turned = np.ascontiguousarray(np.roll(pixels(), 3 * i, 1))
            made.mux(stream.encode(av.VideoFrame.from_ndarray(turned, format="rgb24")))
        made.mux(stream.encode(None))
    return path.read_bytes()


def decoded(data, media_type):
    """Return everything that a player or a viewer gets to see or hear."""
    if media_type.startswith("image/"):
        with Image.open(io.BytesIO(data)) as image:
            frames = getattr(image, "n_frames", 1)
            seen = []
            for i in range(frames):
                image.seek(i)
                seen.append((image.mode, image.size, image.tobytes()))
            return seen
    with av.open(io.BytesIO(data)) as made:
        packets = [bytes(packet) for packet in made.demux() if packet.size]
    with av.open(io.BytesIO(data)) as made:
        return packets, [frame.to_ndarray().tobytes() for frame in made.decode()]


def files(folder):
    """Return a file of every kind, by a name that says which and its media type."""
    return {
        ("JPEG", "image/jpeg"): picture("JPEG"),
        ("PNG", "image/png"): picture("PNG"),
        ("lossy WebP", "image/webp"): picture("WEBP"),
        ("lossless WebP", "image/webp"): picture("WEBP", lossless=True, mode="RGBA"),
        ("GIF", "image/gif"): picture("GIF"),
        ("TIFF", "image/tiff"): picture("TIFF"),
        ("AVIF", "image/avif"): picture("AVIF"),
        ("WAV", "audio/wav"): sound(folder, "wav", "pcm_s16le"),
        ("MP3", "audio/mpeg"): sound(folder, "mp3", "libmp3lame"),
        ("FLAC", "audio/flac"): sound(folder, "flac", "flac"),
        ("Vorbis", "audio/ogg"): vorbis(folder),
        ("Opus", "audio/ogg"): sound(folder, "ogg", "libopus", 48_000),
        ("M4A", "audio/mp4"): sound(folder, "ipod", "aac", metadata=(("title", "A title"),)),
        ("MP4", "video/mp4"): video(folder, "mp4"),
        ("MP4, movie box first", "video/mp4"): video(folder, "mp4", "faststart"),
        ("MP4 in fragments", "video/mp4"): video(folder, "mp4", "frag_keyframe", "empty_moov"),
        ("MP4 with keys", "video/mp4"): video(folder, "mp4", "use_metadata_tags"),
        ("MOV", "video/quicktime"): video(folder, "mov"),
        ("MOV, movie box first", "video/quicktime"): video(folder, "mov", "faststart"),
        ("AVI", "video/x-msvideo"): video(folder, "avi"),
    }


def documents():
    """Return files that Pillow and FFmpeg do not decode."""
    codestream = b"\xff\x0a" + bytes(range(64))
    jxl = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    return {
        ("SVG", "image/svg+xml"): SVG,
        ("PDF", "application/pdf"): picture("PDF"),
        ("PDF with streams", "application/pdf"): modern_pdf(),
        ("JPEG XL", "image/jxl"): jxl + struct.pack(">I4s", 8 + 66, b"jxlc") + codestream,
        ("JPEG XL without a length", "image/jxl"): jxl + b"\0\0\0\0jxlc" + codestream,
    }


def modern_pdf(catalogue=b"<</Type/Catalog/Pages 2 0 R>>"):
    """Return a PDF whose objects are packed in a stream and whose table is one, predicted."""
    pages = b"<</Type/Pages/Kids[]/Count 0>>"
    head = b"1 0 2 %d " % len(catalogue)
    packed = zlib.compress(head + catalogue + pages)
    out = b"%PDF-1.5\n"
    at = len(out)
    out += b"3 0 obj\n<</Type/ObjStm/N 2/First %d/Length %d/Filter/FlateDecode>>\nstream\n" % (
        len(head),
        len(packed),
    )
    out += packed + b"\nendstream\nendobj\n"
    start = len(out)
    rows = [(0, 0, 0), (2, 3, 0), (2, 3, 1), (1, at, 0), (1, start, 0)]
    table, last = b"", bytes(4)
    for row in rows:
        data = struct.pack(">BHB", *row)
        table += b"\2" + bytes((a - b) & 0xFF for a, b in zip(data, last, strict=True))
        last = data
    table = zlib.compress(table)
    out += b"4 0 obj\n<</Type/XRef/Size 5/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/Length %d" % len(
        table
    )
    out += b"/DecodeParms<</Predictor 12/Columns 4>>>>\nstream\n" + table
    return out + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start
