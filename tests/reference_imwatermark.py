"""invisible-watermark's ``dwtDct`` in plain NumPy: writes and reads it as the package does.

Slow and literal, so that it can be compared with the package (0.2.0, with OpenCV 5.0 and PyWavelets
1.9) bit for bit, which `benchmarks.others` does; the digests in
tests/detection/others/test_imwatermark.py are of what the package itself wrote.
"""

import numpy as np

HAAR = 0.7071067811865476  # PyWavelets' filter, not sqrt(1/2) to the last bit
STEP = 36


def write(rgb, bits, reading="8 bit"):
    """Return uint8 RGB with the message; `reading` says how a program handed the picture over."""
    bgr = rgb if reading == "swapped" else rgb[..., ::-1]
    bgr = encode(bgr if reading == "8 bit" else bgr.astype(np.float32), bits)
    if reading != "8 bit":
        bgr = np.rint(np.clip(bgr, 0, 255)).astype(np.uint8)
    return np.ascontiguousarray(bgr if reading == "swapped" else bgr[..., ::-1])


def encode(bgr, bits):
    """WatermarkEncoder.encode(bgr, "dwtDct"): uint8 in, uint8 out, or float32 in, float32 out."""
    y, u, v = to_yuv(bgr)
    rows, columns = (n // 4 * 4 for n in u.shape)
    kind = np.float64 if u.dtype == np.uint8 else np.float32
    haar = kind(HAAR)
    quarters = _haar(u[:rows, :columns].astype(kind), haar)
    approximation = quarters[0]
    for number, block in enumerate(_blocks(approximation)):
        place = np.argmax(np.abs(block.flatten()[1:])) + 1
        i, j = divmod(place, 4)
        value = abs(block[i, j])
        sign = 1.0 if block[i, j] >= 0 else -1.0
        block[i, j] = sign * (value // STEP + 0.25 + 0.5 * bits[number % len(bits)]) * STEP
    # The package exchanges two of the details on the way back.
    back = _haar_back(approximation, quarters[2], quarters[1], quarters[3], haar)
    u[:rows, :columns] = back.astype(np.int64).astype(u.dtype) if u.dtype == np.uint8 else back
    return to_bgr(y, u, v)


def decode(bgr, length):
    """WatermarkDecoder("bits", length).decode(bgr, "dwtDct"), for uint8 or float32."""
    u = to_yuv(bgr)[1]
    rows, columns = (n // 4 * 4 for n in u.shape)
    kind = np.float64 if u.dtype == np.uint8 else np.float32
    approximation = _haar(u[:rows, :columns].astype(kind), kind(HAAR))[0]
    votes = [[] for _ in range(length)]
    for number, block in enumerate(_blocks(approximation)):
        value = np.abs(block.flatten()[1:]).max()
        votes[number % length].append(value % STEP > STEP / 2)
    return [np.mean(vote) * 255 > 127 for vote in votes]


def _blocks(values):
    for i in range(values.shape[0] // 4):
        for j in range(values.shape[1] // 4):
            yield values[4 * i : 4 * i + 4, 4 * j : 4 * j + 4]


def _haar(values, haar):
    """Approximation, and details along rows, columns and both, as pywt.dwt2 orders its sums."""
    low = haar * values[1::2] + haar * values[::2]
    high = haar * values[::2] - haar * values[1::2]
    return (
        haar * low[:, 1::2] + haar * low[:, ::2],
        haar * high[:, 1::2] + haar * high[:, ::2],
        haar * low[:, ::2] - haar * low[:, 1::2],
        haar * high[:, ::2] - haar * high[:, 1::2],
    )


def _haar_back(approximation, horizontal, vertical, diagonal, haar):
    low, high = (
        np.empty((len(approximation), 2 * approximation.shape[1]), approximation.dtype)
        for _ in range(2)
    )
    low[:, ::2], low[:, 1::2] = (
        haar * approximation + haar * vertical,
        haar * approximation - haar * vertical,
    )
    high[:, ::2], high[:, 1::2] = (
        haar * horizontal + haar * diagonal,
        haar * horizontal - haar * diagonal,
    )
    out = np.empty((2 * len(low), low.shape[1]), low.dtype)
    out[::2], out[1::2] = haar * low + haar * high, haar * low - haar * high
    return out


def to_yuv(bgr):
    """cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV), as three planes."""
    if bgr.dtype == np.uint8:
        b, g, r = (bgr[..., k].astype(np.int64) for k in range(3))
        y = (1868 * b + 9617 * g + 4899 * r + 8192) >> 14
        u = ((b - y) * 8061 + (128 << 14) + 8192) >> 14
        v = ((r - y) * 14369 + (128 << 14) + 8192) >> 14
        return [np.clip(plane, 0, 255).astype(np.uint8) for plane in (y, u, v)]
    b, g, r = (bgr[..., k] for k in range(3))
    y = _fused(b, 0.114, _fused(g, 0.587, r * np.float32(0.299)))
    return [y, _fused(b - y, 0.492, np.float32(0.5)), _fused(r - y, 0.877, np.float32(0.5))]


def _fused(a, factor, addend):
    """Multiply and add with one rounding, as processors do where OpenCV is fast."""
    exact = a.astype(np.float64) * np.float64(np.float32(factor))
    return (exact + np.asarray(addend, np.float64)).astype(np.float32)


def to_bgr(y, u, v):
    """cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR)."""
    if y.dtype == np.uint8:
        y, u, v = y.astype(np.int64), u.astype(np.int64) - 128, v.astype(np.int64) - 128
        b = y + ((u * 33292 + 8192) >> 14)
        g = y + ((u * -6472 + v * -9519 + 8192) >> 14)
        r = y + ((v * 18678 + 8192) >> 14)
        return np.clip(np.stack([b, g, r], axis=-1), 0, 255).astype(np.uint8)
    u, v = u - np.float32(0.5), v - np.float32(0.5)
    b, r = _fused(u, 2.032, y), _fused(v, 1.140, y)
    return np.stack([b, _fused(v, -0.581, _fused(u, -0.395, y)), r], axis=-1)
