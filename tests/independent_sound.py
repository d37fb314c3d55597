"""A second marker and a second detector of ``waarmerk.audio.1``, from docs/marks/audio.md alone.

Of the package only the bytes of a key's streams and the error-correcting code are used, which
docs/marks/image.md specifies. Plain and slow; numbers in comments are sections of the document.

    python -m tests.independent_sound

prints the test vectors of the document.
"""

import hashlib
import math
import sys
from itertools import pairwise

import numpy as np
from scipy.signal import resample_poly
from scipy.special import i0e

from waarmerk import MarkId, MarkingKey
from waarmerk.marking.payload import Code

NAME = "waarmerk.audio.1"
LINES = np.array([4, 5, 6, 7, 8, 9, 10, 11, 15, 20, 26, 33])
SHARE = np.array([0.55 / 8] * 8 + [0.12 / 4] * 4)
CYCLE = 2048
HEARD = 16000


# --- 2: bands ---


def edges(parts=1, pitch=1.0):
    """Limits of the bands, each cut into so many parts, Hz."""
    warped = np.linspace(math.log(1.25), math.log(7.5), 24 * parts + 1)
    return 1000 * (np.exp(warped) - 1) * pitch


def shares(limits, rate, length):
    """Share of each bin of a transform in each band [bands, bins]."""
    width = rate / length
    middle = np.arange(length // 2 + 1) * width
    low = np.maximum(middle - width / 2, limits[:-1, None])
    high = np.minimum(np.minimum(middle + width / 2, rate / 2), limits[1:, None])
    return np.maximum(high - low, 0) / width


def framed(sound, positions, half):
    """Cut frames of 2 half samples around positions; silence lies around the sound."""
    padded = np.pad(sound, (half, 2 * half))
    return np.stack([padded[p : p + 2 * half] for p in positions])


# --- 3 to 5: key, payload, pattern ---


def of_key(key):
    """Phases [12, 24] of the synchronisation; place and sign [2048, 24] of the payload."""
    words = np.frombuffer(key.stream(NAME, "sync").bytes(4 * 288), "<u4")
    phase = 2 * np.pi * (words / 2**32)
    stream = key.stream(NAME, "payload")
    order = np.argsort(np.frombuffer(stream.bytes(8 * 3072), "<u8"), kind="stable")
    place = np.empty(3072, int)
    place[order] = np.arange(3072) % 512
    start = np.frombuffer(stream.bytes(4 * 16), "<u4").astype(int)
    bits = np.unpackbits(np.frombuffer(stream.bytes(6144), np.uint8), bitorder="little")
    places = (place + start[:, None]) % 512
    return (
        phase.reshape(12, 24),
        places.reshape(CYCLE, 24),
        1 - 2 * bits.astype(int).reshape(-1, 24),
    )


def first_cell(key, mark_id):
    """Cell of the cycle that the first frame of a recording carries."""
    word = key.stream(NAME, "start " + mark_id.hex).bytes(4)
    return int.from_bytes(word, "little") % CYCLE


def pattern(key, mark_id):
    """The mark of a whole cycle [2048, 24]."""
    phase, place, sign = of_key(key)
    frame = np.arange(CYCLE)[:, None, None]
    waves = np.cos(2 * np.pi * LINES[:, None] * frame / 128 + phase)
    sync = (np.sqrt(2 * SHARE)[:, None] * waves).sum(1)
    payload = Code(512).encode(mark_id)[place] * sign
    return np.clip((-1) ** mark_id.value * sync + math.sqrt(0.33) * payload, -1.5, 1.5)


# --- 6 and 7: laying it ---


def mark(sound, rate, key, mark_id, *, depth=None, full=1.0):
    """Mark float samples [n, channels]; as deep as section 7 advises, or so many dB everywhere."""
    n, channels = sound.shape
    half = math.ceil(rate / 100)
    count = math.ceil(n * 100 / rate) + 4  # the last ones are silent, and only looked at
    position = np.arange(count + 1) * rate // 100
    window = np.sin(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))
    share = shares(edges(), rate, 2 * half)
    spectra = [
        np.fft.rfft(framed(channel, position[:count], half) * window)
        for channel in np.pad(sound, ((0, 4 * half), (0, 0))).T
    ]
    if depth is None:
        power = sum(abs(s) ** 2 for s in spectra) @ share.T
        depth = advised(10 * np.log10(power + 1e-9))
    cells = pattern(key, mark_id)[(first_cell(key, mark_id) + np.arange(count)) % CYCLE]
    factor = (10 ** (cells * depth / 20) - 1) @ share
    change = np.zeros((n + 8 * half, channels))  # moved by half a frame
    for c in range(channels):
        for at, piece in zip(position, np.fft.irfft(spectra[c] * factor, 2 * half), strict=False):
            change[at : at + 2 * half, c] += piece * window
    return limited(sound, change[half : half + n], rate, full)


def advised(level):
    """Depth of the mark in every cell, dB, from the levels [frames, 24], dB."""
    count = len(level)
    level = np.pad(level, ((8, 2), (0, 0)), constant_values=-90)
    loudest = np.max([level[i : i + count].max(1) for i in range(6, 11)], 0)
    below = loudest[:, None] - level[8:-2]
    change = np.minimum(abs(np.diff(level, axis=0)), 6)
    restless = sum(change[i : i + count] for i in range(10)) / 10
    depth = 1.4 + 2.2 * np.clip((below - 5) / 20, 0, 1)
    return depth * np.clip(restless / 2, 0.3, 1)


def limited(sound, change, rate, full):
    """Add the change, less of it in hops of 10 ms that it would push beyond full scale."""
    n = len(sound)
    bound = np.arange(math.ceil(n * 100 / rate) + 2) * rate // 100
    allowed = np.ones(sound.shape)
    over = (abs(sound + change) > full) & (abs(sound) < 0.999 * full)
    allowed[over] = (0.9995 * full - abs(sound[over])) / abs(change[over])
    share = [1.0] + [allowed[a:b].min(initial=1.0) for a, b in pairwise(bound)]
    share.append(1.0)
    ends = np.minimum(share[1:], share[:-1])
    part = np.interp(np.arange(n), bound, ends)
    out = sound + change * part[:, None]
    return np.where((abs(out) > full) & (abs(out) > abs(sound)), sound, out)


# --- 8: finding it ---


def heard(sound, rate):
    """Power of the half bands of float samples [n, channels], 200 times a second [frames, 48]."""
    mono = sound.mean(1)
    if np.sum(mono**2) < 1e-3 * np.mean(np.sum(sound**2, 0)):
        mono = sound[:, np.argmax(np.sum(sound**2, 0))]
    if rate != HEARD:
        common = math.gcd(rate, HEARD)
        mono = resample_poly(mono, HEARD // common, rate // common)
    window = np.sin(np.pi * (np.arange(320) + 0.5) / 320) ** 2
    frames = framed(mono, range(0, len(mono) + 1, 80), 160)
    return abs(np.fft.rfft(frames * window)) ** 2 @ shares(edges(2), HEARD, 320).T


def around(values, reach, axis):
    """Sum over the values at most `reach` away along an axis, as far as there are any."""
    values = np.moveaxis(values, axis, 0)
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0)])
    here = np.arange(len(values))
    high, low = np.minimum(here + reach + 1, len(values)), np.maximum(here - reach, 0)
    return np.moveaxis(total[high] - total[low], 0, axis)


def table(power, reach, pitch=1.0, every=1):
    """How far each cell stands out of its surroundings [frames, 24]; every so many frames."""
    parts, limits = edges(2), edges(1, pitch)
    lower = np.maximum(parts[:-1, None], limits[:-1])
    upper = np.minimum(parts[1:, None], limits[1:])
    share = np.maximum(upper - lower, 0) / np.diff(parts)[:, None]
    banded = power[::every] @ share + 1e-7
    quiet = np.sort(banded[:: 8 // every], 0)
    noise = 2 * quiet[len(quiet) // 10]
    w = np.maximum(1 - noise / banded, 0.1)
    d = 10 * np.log10(banded)
    reach, wide = 2 * reach // every, 4 * reach // every
    d = d - around(w * d, reach, 0) / around(w, reach, 0)
    d = np.clip(d - around(w * d, 3, 1) / around(w, 3, 1), -15, 15)
    squares, weights = (around(around(v, 1, 1), wide, 0) for v in (w * d * d, w))
    deviation = np.sqrt(squares / weights + 1.5**2)
    return w * np.clip(d / deviation, -2, 2) / deviation


def log10_phases(total, sizes):
    """Chernoff's bound for a sum of values of these sizes with random phases."""
    s = 2 * total / np.sum(sizes**2) * np.linspace(0.5, 8, 400)[:, None]
    x = s * sizes.ravel()
    return min(0, np.min(np.sum(np.log(i0e(x)) + x, 1) - s[:, 0] * total)) / math.log(10)


def fitted(lines, phase):
    """The best of some sets of lines [n, 12, 24]: which, cell of the tile, log10 p."""
    offset = np.arange(256) / 2
    back = np.exp(-2j * np.pi * np.outer(LINES, offset) / 128)
    best = 0.0, 0, 0.0, 12
    for used in (12, 8):
        turned = (lines[:, :used] * np.exp(-1j * phase[:used])).sum(2)
        total = (turned @ back[:used]).real
        ratio = abs(total) / np.sqrt((abs(lines[:, :used]) ** 2).sum((1, 2)) + 1e-30)[:, None]
        n, u = np.unravel_index(np.argmax(ratio), ratio.shape)
        best = max(best, (ratio[n, u], n, u, used, abs(total[n, u])))
    _, n, u, used, total = best
    log10_p = log10_phases(total, abs(lines[n, :used]))
    return n, offset[u], log10_p + math.log10(len(lines) * 2 * 256 * 2)


def unchanged(power, phase):
    """Where the synchronisation fits best: log10 p, tempo, pitch, centre, cell and window."""
    sync = table(power, 4)
    wave = np.exp(-2j * np.pi * np.outer(np.arange(len(sync)), LINES) / 256)
    blocks = [wave[i : i + 128].T @ sync[i : i + 128] for i in range(0, len(sync), 128)]
    spans, size = [(0, len(blocks))], 2
    while size < len(blocks):
        spans += [(i, i + size) for i in range(0, len(blocks) - size + 1, size // 2)]
        size *= 2
    n, cell, log10_p = fitted(np.array([sum(blocks[a:b]) for a, b in spans]), phase)
    return log10_p + math.log10(4), 1.0, 1.0, 0.0, cell, np.array(spans[n]) * 64


def searched(power, phase):
    """As `unchanged`, of sound that plays faster or slower, or higher or lower."""
    pitches = np.exp(0.021 * np.arange(-5, 6))
    tempos = np.exp(-0.115 + 0.0006 * np.arange(384))
    tables = [table(power, 4, pitch, 2) for pitch in pitches]
    cells = len(tables[0])
    size = max(1024, 2 ** math.ceil(math.log2(2 * cells)))
    bins = np.rint(np.outer(tempos, LINES) * size / 128).astype(int)
    spectra = [np.fft.rfft(t, size, axis=0)[: bins.max() + 1] for t in tables]
    shown = np.zeros((11, bins.max() + 1))
    for row, spectrum in zip(shown, spectra, strict=True):
        for i in range(0, len(row), 128):
            part = abs(spectrum[i : i + 128]) ** 2
            row[i : i + 128] = np.minimum(part / (part.mean(0) + 1e-20), 8).sum(1)
    picked = []
    for used, count, apart in ((12, 12, 4), (8, 36, 10)):
        score = shown[:, bins[:, :used]].sum(2)
        for _ in range(count):
            p, t = np.unravel_index(np.argmax(score), score.shape)
            picked.append((p, t))
            score[p, max(0, t - apart + 1) : t + apart] = -1
    centred = np.exp(1j * np.pi * bins * cells / size)
    lines = np.array([spectra[p][bins[t]] * centred[t][:, None] for p, t in picked])
    n, cell, log10_p = fitted(lines, phase)
    pitch, tempo = pitches[picked[n][0]], tempos[picked[n][1]]
    # Between the tempos of the search.
    time = np.arange(len(power)) / 2 - cells / 2
    fine = tempo + 1.5e-4 * np.arange(-4, 5)
    waves = np.exp(-2j * np.pi / 128 * fine[:, None, None] * LINES[:, None] * time)
    n, cell, _ = fitted(waves @ table(power, 4, pitch), phase)
    return log10_p + math.log10(4), fine[n], pitch, cells / 2, cell, np.array([0, cells])


def payload(power, found, key):
    """Read the id where the synchronisation was found: log10 p and id, or None."""
    _, tempo, pitch, centre, cell, window = found
    _, place, sign = of_key(key)
    seen = table(power, 2, pitch)
    best = 0.0, None
    for first, last in ((0, len(power) / 2), (window[0], min(window[1], len(power) / 2))):
        low, high = (math.ceil(cell + tempo * (t - centre)) for t in (first, last))
        number = np.arange(low, high)
        time = 2 * (centre + (number - cell) / tempo)
        inside = (time >= 0) & (time < len(seen) - 1)
        number, time = number[inside], time[inside]
        at, part = np.floor(time).astype(int), (time % 1)[:, None]
        values = np.zeros((CYCLE, 24))
        np.add.at(values, number % CYCLE, seen[at] + part * (seen[at + 1] - seen[at]))
        energy = np.sum(values**2)
        for tile in range(16):
            shifted = np.roll(values, 128 * tile, 0)
            soft = np.zeros(512)
            np.add.at(soft, place, sign * shifted)
            if (np.sum(soft**2) / energy - 1) * math.sqrt(256) < 2:
                continue
            for mark_id in Code(512).decode(soft):
                total = max(0.0, soft @ Code(512).encode(mark_id))
                log10_p = -(total**2) / (2 * energy) / math.log(10)
                log10_p += math.log10(2**64 * 16 * 2 * 4)
                best = min(best, (log10_p, mark_id), key=lambda item: item[0])
    return best


def read(sound, rate, key, *, search=False):
    """Log10 p, id (None if not proved), tempo and pitch of one chunk of sound [n, channels]."""
    power = heard(sound, rate)
    phase = of_key(key)[0]
    found = searched(power, phase) if search else unchanged(power, phase)
    log10_p, mark_id = payload(power, found, key)
    # The first chunk, of which 1 / (1 * 2) of everything is spent.
    log10_p, sync = log10_p + math.log10(2), found[0] + math.log10(2)
    return min(0, sync, log10_p), mark_id if log10_p <= -6 else None, found[1], found[2]


# --- Test vectors ---


def vectors():
    """Give the test vectors as lines of text."""
    mark_id = MarkId.from_hex("0123456789abcdef")
    rows = [
        ("band edges, first 3", some(edges()[:3], ".4f")),
        ("band edges, last 2", some(edges()[-2:], ".4f")),
        ("mark id", mark_id.hex),
        ("word, first 32", "".join("+" if v > 0 else "-" for v in Code(512).encode(mark_id)[:32])),
        ("word, sha256 of int8", sha256(Code(512).encode(mark_id), "i1")),
    ]
    for secret in (bytes(32), bytes(range(32))):
        key = MarkingKey(secret, created="2026-01-01T00:00:00Z")
        phase, place, sign = of_key(key)
        unit = pattern(key, mark_id)
        rows += [
            ("secret", secret.hex()),
            ("stream sync, 16 bytes", key.stream(NAME, "sync").bytes(16).hex()),
            ("stream payload, 16 bytes", key.stream(NAME, "payload").bytes(16).hex()),
            ("stream start, 4 bytes", key.stream(NAME, "start " + mark_id.hex).bytes(4).hex()),
            ("sync phases, line 4, bands 0 to 3", some(phase[0, :4], ".6f")),
            ("sync phases, line 33, last 2", some(phase[-1, -2:], ".6f")),
            ("places, cell 0, bands 0 to 7", some(place[0, :8])),
            ("places, sha256 of int16", sha256(place, "<i2")),
            ("signs, cell 0", "".join("+" if v > 0 else "-" for v in sign[0])),
            ("signs, sha256 of int8", sha256(sign, "i1")),
            ("starting cell", str(first_cell(key, mark_id))),
            ("pattern, cell 0, bands 0 to 7", some(unit[0, :8], ".4f")),
            ("pattern, cell 2047, last 4", some(unit[-1, -4:], ".4f")),
            ("pattern, mean square", f"{np.mean(unit**2):.4f}"),
        ]
    return [f"{name:<34} {value}" for name, value in rows]


def sha256(values, dtype):
    """Digest of values as integers of a type."""
    return hashlib.sha256(np.ascontiguousarray(values).astype(dtype).tobytes()).hexdigest()


def some(values, form=""):
    """Write values with spaces between."""
    return " ".join(format(value, form) for value in values.tolist())


if __name__ == "__main__":
    sys.stdout.write("\n".join(vectors()) + "\n")
