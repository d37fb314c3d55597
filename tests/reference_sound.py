"""Naive twins of the sound kernels: NumPy in double precision, slow and obviously right."""

import itertools

import numpy as np

# Marking: rows of frames are those of `f * channels + c`


def cut_frames(samples, starts, window):
    cut = [
        channel[start : start + len(window)].astype(float) * window
        for start in starts
        for channel in samples
    ]
    return np.array(cut).reshape(-1, len(window))


def band_power(spectra, channels, weight):
    power = np.abs(spectra.astype(complex)) ** 2
    return power.reshape(-1, channels, power.shape[1]).sum(1) @ weight.astype(float).T


def apply_gains(spectra, channels, gains, weight):
    factor = gains.astype(float) @ weight.astype(float)
    return spectra.astype(complex) * factor.repeat(channels, 0)


def overlap_add(frames, starts, window, out):
    out = out.astype(float)
    channels = len(out)
    for f, start in enumerate(starts):
        for c in range(channels):
            out[c, start : start + len(window)] += frames[f * channels + c].astype(float) * window
    return out


def hop_share(samples, change, limit):
    """The largest share of a change that stays below the limit, where the samples do."""
    share = 1.0
    for x, d in zip(samples.astype(float).flat, change.astype(float).flat, strict=True):
        if abs(x) < 0.999 * limit and limit < abs(x + d):
            share = min(share, (0.9995 * limit - abs(x)) / abs(d))
    return share


def add_limited(samples, change, bounds, previous, limit):
    """Give the sound of all hops but the last, and the share of the last but one."""
    parts = [slice(*pair) for pair in itertools.pairwise(bounds)]
    share = [hop_share(samples[:, part], change[:, part], limit) for part in parts]
    out = np.empty((len(samples), bounds[-2]))
    around = [previous, *share]
    for h, part in enumerate(parts[:-1]):
        x, d = samples[:, part].astype(float), change[:, part].astype(float)
        left, right = min(around[h], around[h + 1]), min(around[h + 1], around[h + 2])
        y = x + d * np.linspace(left, right, x.shape[1], endpoint=False)
        grown = (np.abs(y) > limit) & (np.abs(y) > np.abs(x))
        out[:, part] = np.where(grown, x, y)
    return out, around[-2]


# Detection


def levels(power, noise, least):
    power = power.astype(float)
    return 10 * np.log10(power), np.maximum(1 - noise[:, None] / power, least)


def around(values, axis, reach):
    """Sum over so many to either side, as far as there are any."""
    values = np.moveaxis(values, axis, 0)
    sums = [values[max(0, i - reach) : i + reach + 1].sum(0) for i in range(len(values))]
    return np.moveaxis(np.array(sums), 0, axis)


def standing_out(levels, weight, spans, floor, clip):
    reach, across, wide = spans
    level, weight = levels.astype(float), weight.astype(float)
    level = level - around(level * weight, 1, reach) / around(weight, 1, reach)
    level = level - around(level * weight, 0, across) / around(weight, 0, across)
    level = np.clip(level, -15, 15)
    squares = around(around(weight * level**2, 0, 1), 1, wide)
    deviation = np.sqrt(squares / around(around(weight, 0, 1), 1, wide) + floor**2)
    return np.clip(level / deviation, -clip, clip) / deviation * weight


def block_lines(table, length, cosine, sine):
    """The waves go on from block to block, and start anew after a period."""
    bands, n = table.shape
    place = np.arange(n) % cosine.shape[1]
    waves = (cosine - 1j * sine)[:, place]
    blocks = range(0, n, length)
    return np.array(
        [waves[:, s : s + length] @ table[:, s : s + length].astype(float).T for s in blocks]
    ).reshape(len(blocks), len(cosine), bands)


def laid_on_tiles(table, start, step, count):
    """Times from the first frame on, and before the last."""
    last = table.shape[1] - 1
    times = start + step * np.arange(count)
    inside = (times >= 0) & (np.floor(times) + 1 <= last)
    rows = [np.interp(times, np.arange(last + 1), row.astype(float)) for row in table]
    return np.where(inside, rows, 0.0)


def soft_bits(table, sign, place, start, out):
    out = out.copy()
    for b, t in np.ndindex(table.shape):
        at = (start + t) % sign.shape[1]
        out[place[b, at]] += float(sign[b, at]) * float(table[b, t])
    return out


def offset_sums(values, cosine, sine):
    """What every offset gives [candidates, offsets]."""
    return (values.astype(complex) @ (cosine + 1j * sine)).real


def line_power(spectra, block, clip):
    power = np.abs(spectra.astype(complex)) ** 2
    out = np.zeros(power.shape)
    for start in range(0, power.shape[1], block):
        part = power[:, start : start + block]
        ratio = part / (part.mean(1, keepdims=True) + 1e-20 / part.shape[1])
        out[:, start : start + block] = np.minimum(ratio, clip)
    return out.sum(0)
