"""Removal of the mark without the key, by somebody who has read its specification.

``python -m benchmarks.attacks --data DIR --out results/attacks.jsonl``

**Notch.** The lattice of the mark's tile is public: multiples of 1/128 cycle per pixel of the
canonical grid (short side 512). The attacker takes one FFT of the whole picture and sets every bin
at a lattice frequency of the band to zero. Where the picture's sides are no multiples of the tile,
a lattice frequency falls between bins, and its neighbours on both sides go too. ``notch`` is the
complete one, whatever it costs. Two ways keep within 40 dB PSNR of the marked picture, and equal
the complete one where that is cheaper: ``notch 40 dB, blended`` weakens all lattice frequencies
alike, ``notch 40 dB, cheapest first`` removes the ones with the least power wholly, which leaves
the few strong ones that belong to the picture more than to the mark. ``notch, public lines``
removes only those lattice frequencies that the specification names as synchronisation lines, which
costs little; ``then crop`` cuts a random three quarters out afterwards, where the geometry has to
be found again.

**Signed notch.** A first version of the mark repeated one payload pattern with a keyed sign for
each tile, and the leading eigenvector of the correlations between the tiles of a single picture
gave all signs away. Every tile has its own pattern now. The attack stays to show it: it adds the
tiles with the signs that the eigenvector gives, takes the payload lines of the sum away from every
tile, and notches the public lines.

**Average.** The attacker collects 500 pictures marked with one key, each with its own mark id, and
averages them on the canonical grid: ``residual`` averages marked minus original (who has both),
``highpass`` averages high-passed marked pictures (who has no originals); ``folded`` averages the
tiles of that average too. The average is then subtracted from pictures that were not among the
500: once, twice, by the gain that leaves no correlation with it (``projection``), and by the
largest gain there is (``limit``), all of them within 40 dB.

The 500 come from crops and mirrors of the folder 512-more; the pictures attacked are those of
``--folders``. Rows: the mark's finding after the attack, and PSNR against the marked picture.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from waarmerk.bench.content.pictures import pictures
from waarmerk.bench.image_quality import psnr
from waarmerk.bench.marks import bench_id, bench_key, look_for
from waarmerk.bench.rows import ResultFile, Row
from waarmerk.bench.seeds import rng_for
from waarmerk.bench.transformations.image import apply

CANONICAL = 512
TILE = 128
BAND = (0.05, 0.30)  # cycles per canonical pixel
LIMIT = 40.0  # dB
ON_GRID = ("average", "signed")  # attacks made for pictures of 512 x 512

Attack = Callable[[np.ndarray], np.ndarray]


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Round and clip."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def band_lines() -> np.ndarray:
    """Return every lattice frequency of the band, bool ``[128, 128]`` by (y, x) modulo 128."""
    cycles = np.fft.fftfreq(TILE)
    radius = np.hypot(cycles[:, None], cycles[None, :])
    return (radius >= BAND[0]) & (radius <= BAND[1])


def public_lines() -> np.ndarray:
    """Return the synchronisation lines of the specification, bool ``[128, 128]``."""
    from waarmerk.marking.image.scheme import SCHEME

    table = np.zeros((TILE, TILE), bool)
    for sign in (1, -1):
        columns, rows = sign * SCHEME.sync_lines.T
        table[rows, columns] = True
    return table


def lattice_bins(height: int, width: int, lines: np.ndarray) -> np.ndarray:
    """Return which bins of ``rfft2`` lie at the wanted `lines`, bool ``[H, W // 2 + 1]``.

    With k the bin and n the side, k / n is cycles per pixel, k / n * short / 512 cycles per
    canonical pixel, and that times 128 the place on the lattice: on it where that is whole.
    """
    scale = min(height, width) / CANONICAL
    places = np.fft.fftfreq(height) * scale * TILE, np.fft.rfftfreq(width) * scale * TILE
    lattice, near = [], []
    for place, side in zip(places, (height, width), strict=True):
        whole = np.rint(place)
        bins_off = np.abs(place - whole) / (TILE * scale / side)
        # A lattice line on a bin takes that bin; one between two bins takes both.
        aligned = side % (TILE * scale) < 1e-9
        near.append((bins_off < (0.01 if aligned else 1.0)) & (np.abs(whole) < TILE / 2))
        lattice.append(whole.astype(int) % TILE)
    wanted: np.ndarray = lines[lattice[0][:, None], lattice[1][None, :]]
    return wanted & near[0][:, None] & near[1][None, :]


def notch(rgb: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return the picture without the frequencies of `lines`, float ``[H, W, 3]``."""
    spectrum = np.fft.rfft2(rgb.astype(np.float64), axes=(0, 1))
    spectrum[lattice_bins(*rgb.shape[:2], lines)] = 0
    return np.fft.irfft2(spectrum, rgb.shape[:2], axes=(0, 1))


def cheap_notch(rgb: np.ndarray) -> np.ndarray:
    """Return the picture without as many lattice frequencies as 40 dB allow, the weakest first."""
    height, width = rgb.shape[:2]
    bins = lattice_bins(height, width, band_lines())
    spectrum = np.fft.rfft2(rgb.astype(np.float64), axes=(0, 1))
    power = (np.abs(spectrum[bins]) ** 2).sum(axis=1)
    # All but the first and the middle column of a half spectrum stand for two bins each.
    columns = np.nonzero(bins)[1]
    power *= np.where((columns == 0) | (2 * columns == width), 1, 2)
    budget = 255**2 / 10 ** (LIMIT / 10) * (height * width) * rgb.size
    order = np.argsort(power)
    cheap = order[np.cumsum(power[order]) <= budget]
    rows, columns = (index[cheap] for index in np.nonzero(bins))
    spectrum[rows, columns] = 0
    return np.fft.irfft2(spectrum, rgb.shape[:2], axes=(0, 1))


def recovered_signs(spectra: np.ndarray) -> np.ndarray:
    """Guess the tile signs from a picture alone, up to one common sign.

    Parameters
    ----------
    spectra : complex [tiles, lines]
        The payload lines of every tile.
    """
    power = np.sqrt((np.abs(spectra) ** 2).mean(axis=0)) + 1e-9
    clipped = np.clip(np.abs(spectra) / power, 0, 2) * np.exp(1j * np.angle(spectra))
    likeness = (clipped @ clipped.conj().T).real
    np.fill_diagonal(likeness, 0)
    return np.where(np.linalg.eigh(likeness)[1][:, -1] < 0, -1.0, 1.0)


def signed_notch(rgb: np.ndarray) -> np.ndarray:
    """Return a 512 x 512 picture without its payload and its public lines, as float."""
    from waarmerk.marking.image.canonical import canonical_luma, residual
    from waarmerk.marking.image.scheme import SCHEME

    columns, rows = SCHEME.payload_lines.T
    view = residual(canonical_luma(rgb))
    signs = recovered_signs(
        np.fft.fft2(tiles_of(view[:, :, None]), axes=(1, 2))[:, rows, columns, 0]
    )
    spectra = np.fft.fft2(tiles_of(rgb.astype(np.float64)), axes=(1, 2))
    shared = (signs[:, None, None] * spectra[:, rows, columns]).mean(axis=0)
    spectra[:, rows, columns] -= signs[:, None, None] * shared
    spectra[:, -rows, -columns] -= signs[:, None, None] * shared.conj()
    count = CANONICAL // TILE
    tiles = np.fft.ifft2(spectra, axes=(1, 2)).real.reshape(count, count, TILE, TILE, 3)
    return notch(tiles.swapaxes(1, 2).reshape(rgb.shape), public_lines())


def tiles_of(values: np.ndarray) -> np.ndarray:
    """Cut a 512 x 512 array into its tiles: ``[512, 512, C]`` to ``[16, 128, 128, C]``."""
    count = CANONICAL // TILE
    cut = values.reshape(count, TILE, count, TILE, -1).swapaxes(1, 2)
    return cut.reshape(count * count, TILE, TILE, -1)


def within(marked: np.ndarray, change: np.ndarray, *, largest: float = 1.0) -> np.ndarray:
    """Add as much of `change` as 40 dB allow, at most `largest` times."""
    low, high = 0.0, largest
    if psnr(marked, to_uint8(marked + high * change)) >= LIMIT:
        return to_uint8(marked + high * change)
    for _ in range(20):
        middle = (low + high) / 2
        inside = psnr(marked, to_uint8(marked + middle * change)) >= LIMIT
        low, high = (middle, high) if inside else (low, middle)
    return to_uint8(marked + low * change)


def highpass(rgb: np.ndarray) -> np.ndarray:
    """Keep what lies above 0.05 cycles per pixel, clipped so that edges do not rule."""
    values = rgb.astype(np.float32)
    return np.clip(values - gaussian_filter(values, (3, 3, 0)), -20, 20)


def folded(average: np.ndarray) -> np.ndarray:
    """Average the tiles of a 512 x 512 array and lay them out again."""
    count = CANONICAL // TILE
    tile = average.reshape(count, TILE, count, TILE, 3).mean(axis=(0, 2))
    return np.tile(tile, (count, count, 1))


def variants(data: Path, number: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield pictures at 512 x 512 made of the folder 512-more by crops and mirrors."""
    from PIL import Image

    sources = [picture.load() for picture in pictures(data, "512-more")]
    for index in range(number):
        rng = rng_for("average", index)
        rgb = sources[index % len(sources)]
        side = int(min(rgb.shape[:2]) * np.sqrt(rng.uniform(0.5, 1.0)))
        top, left = (int(rng.integers(length - side + 1)) for length in rgb.shape[:2])
        image = Image.fromarray(rgb[top : top + side, left : left + side])
        rgb = np.array(image.resize((CANONICAL, CANONICAL), Image.Resampling.LANCZOS))
        yield f"average {index}", rgb[:, ::-1].copy() if rng.random() < 0.5 else rgb


def averages(data: Path, number: int) -> dict[str, np.ndarray]:
    """Mark `number` pictures with the attacked key and return what an attacker averages."""
    from waarmerk import mark_image
    from waarmerk.errors import CannotMarkError

    key = bench_key("attacks")
    residual = np.zeros((CANONICAL, CANONICAL, 3))
    passed = np.zeros_like(residual)
    done = 0
    for name, original in variants(data, 2 * number):
        try:
            marked = mark_image(original, key, mark_id=bench_id("attacks", name)).content
        except CannotMarkError:
            continue
        residual += marked.astype(np.float64) - original
        passed += highpass(marked)
        done += 1
        if done % 50 == 0:
            print(f"{done} pictures marked for the average", flush=True)
        if done == number:
            break
    else:
        raise SystemExit(f"only {done} of {number} pictures could be marked")
    result = {"residual": residual / number, "highpass": passed / number}
    return result | {f"{name}, folded": folded(value) for name, value in result.items()}


def subtract(average: np.ndarray, gain: str) -> Attack:
    """Return the attack that subtracts an average with a gain of that name."""

    def attack(marked: np.ndarray) -> np.ndarray:
        if gain == "limit":
            return within(marked, -average, largest=1000.0)
        if gain == "projection":
            share = float((highpass(marked) * average).sum() / (average * average).sum())
            return within(marked, -max(0.0, share) * average)
        return within(marked, -{"once": 1.0, "twice": 2.0}[gain] * average)

    return attack


def attacks(data: Path, number: int) -> dict[str, Attack]:
    """Return every attack by name."""
    band, public = band_lines(), public_lines()

    def crop(rgb: np.ndarray) -> np.ndarray:
        return apply("crop_random_75", rgb, "attacks", rgb.sum())

    table: dict[str, Attack] = {
        "none": np.copy,
        "notch": lambda marked: to_uint8(notch(marked, band)),
        "notch 40 dB, blended": lambda marked: within(marked, notch(marked, band) - marked),
        "notch 40 dB, cheapest first": lambda marked: within(marked, cheap_notch(marked) - marked),
        "notch, public lines": lambda marked: to_uint8(notch(marked, public)),
        "notch, public lines, then crop": lambda marked: crop(to_uint8(notch(marked, public))),
    }
    table["signed notch"] = lambda marked: to_uint8(signed_notch(marked))
    table["signed notch 40 dB, blended"] = lambda marked: within(
        marked, signed_notch(marked) - marked
    )
    if number:
        for name, average in averages(data, number).items():
            for gain in ("once", "twice", "projection", "limit"):
                table[f"average of {number}, {name}, {gain}"] = subtract(average, gain)
    return table


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results/attacks.jsonl"))
    parser.add_argument("--folders", default="512", help="pictures attacked; 512 x 512 to average")
    parser.add_argument("--ids", type=int, default=3, help="times each picture is marked")
    parser.add_argument("--average", type=int, default=500, help="pictures averaged; 0: skip that")
    options = parser.parse_args()
    from waarmerk import mark_image
    from waarmerk.errors import CannotMarkError

    out = ResultFile(options.out, ("folder", "picture", "id", "attack"), {})
    key = bench_key("attacks")
    table = attacks(options.data, options.average)
    for folder in options.folders.split(","):
        for picture in pictures(options.data, folder):
            original = picture.load()
            for index in range(options.ids):
                name: Row = {"folder": folder, "picture": picture.name, "id": index}
                sent = bench_id("attacks", folder, picture.name, index)
                try:
                    marked = mark_image(original, key, mark_id=sent).content
                except CannotMarkError as error:
                    out.append([{**name, "attack": "none", "refused": str(error)}])
                    continue
                for attack, function in table.items():
                    row = {**name, "attack": attack}
                    on_grid = marked.shape[:2] == (CANONICAL, CANONICAL)
                    if row in out or (not on_grid and attack.startswith(ON_GRID)):
                        continue
                    attacked = function(marked)
                    row |= look_for(attacked, key, sent)
                    if attacked.shape == marked.shape:
                        row["psnr"] = round(min(psnr(marked, attacked), 99.0), 2)
                    out.append([row])
            print(f"{folder}/{picture.name}", flush=True)


if __name__ == "__main__":
    main()
