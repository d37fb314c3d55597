"""The analogue hole, simulated: print and scan, a photograph of a print, a photograph of a screen.

Print (`printed`), at two samples a picture pixel along each axis::

    sRGB -> linear -> C, M, Y, K shares -> residual dot gain -> halftone screens -> ink on paper

Screens are cosine dots of clustered ink at the usual angles (cyan 15, magenta 75, yellow 0, black
45 degrees); the strength is their ruling in lines a picture pixel. Half a line a pixel is the rule
of thumb of prepress that a picture has twice as many pixels an inch as the screen has lines: 150
lines an inch and 300 pixels an inch. More is a picture printed larger. Inks are ideal: each
absorbs one primary, black all, and overlaps multiply (Demichel). Not simulated: colour profiles
and gamut, error diffusion as inkjets have it, banding, misregistration, bleeding into the paper.

Scan (`print_scan`): blur of the optics, integration to one sample a pixel, paper grain and sensor
noise, levels stretched from paper to ink as scanner software does, a sheet put down with up to 0.7
degrees and 1 % of keystone, its edges cut off, bicubic resampling, JPEG 90. Not simulated: dust,
show-through, uneven feed.

Screen photograph (`screen_photo`) and video frame (`camcording`) follow the order of steps of Liu,
Shu and Wu, "Demoireing of camera-captured screen images" (arXiv 1804.03809)::

    resize to the screen -> perspective and lens -> subpixel grid, linear light -> vignette,
    ambient light, white balance -> colour filter array -> noise -> demosaic -> gamma -> JPEG

The grid is that of an LCD: red, green and blue stripes side by side, a third of a pixel wide and
four fifths high, by their first harmonics, weakened by the blur of the camera's optics. Moire
follows by itself where the camera samples them too seldom. Pictures larger than a screen with 1080
rows are scaled down to it, as viewers do. Not simulated: reflections of the room, focus errors,
rolling shutter, flicker, sharpening and denoising by the camera; a video codec is JPEG 50.

All numbers without a source are chosen, so that the result looks like what such devices deliver.
"""

import math

import numpy as np
from scipy.ndimage import convolve, gaussian_filter

from waarmerk.bench.transformations.image import homography, recode, to_size, to_uint8
from waarmerk.bench.transformations.image_geometry import Mapping, project, warped
from waarmerk.bench.transformations.image_signal import motion_blur

__all__ = ["camcording", "print_photo", "print_scan", "printed", "screen_photo"]

_BAND = 256  # rows
_MARGIN = 8  # rows more, so that resampling does not show where bands meet

ANGLES = {"cyan": 15, "magenta": 75, "yellow": 0, "black": 45}  # degrees
INK, PAPER = 0.02, 0.88  # reflectance of a solid black (density 1.7) and of bare paper
GAIN = 0.05  # dot gain at 50 % that the printer's profile leaves
BLACK = 0.6  # share of the grey component that goes into black ink

# First harmonics of stripes that are lit for a third and for four fifths of their period.
STRIPES, ROWS = (2 * math.sin(math.pi * lit) / (math.pi * lit) for lit in (1 / 3, 4 / 5))
OPTICS = 0.4  # blur of the camera, sigma in its pixels
SCREEN = 1080  # rows


def to_linear(rgb: np.ndarray) -> np.ndarray:
    """Return linear light, float32 from 0 to 1, by the curve of sRGB (IEC 61966-2-1)."""
    values = np.arange(256) / 255
    curve = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve.astype(np.float32)[rgb])


def from_linear(light: np.ndarray) -> np.ndarray:
    """Return uint8 by the curve of sRGB; light beyond 0 and 1 is clipped."""
    values = np.arange(4097, dtype=np.float32) / 4096
    curve = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    table = to_uint8(255 * curve)
    return np.asarray(table[(np.clip(light, 0, 1) * 4096 + 0.5).astype(np.int16)])


def thresholds(softness: float) -> np.ndarray:
    """Return the height of a screen above which ink lies, for shares of 0 to 1 in 1024 steps.

    Ink ends over a height of `softness`, and residual dot gain is part of the table.
    """
    wave = np.cos(2 * np.pi * np.arange(64) / 64)
    heights = (wave[:, None] + wave[None, :]).ravel() / 2
    candidates = np.linspace(1 + softness / 2, -1 - softness / 2, 129)
    shares = np.clip((heights - candidates[:, None]) / softness + 0.5, 0, 1).mean(axis=1)
    wanted = np.linspace(0, 1, 1025)
    wanted += 4 * GAIN * wanted * (1 - wanted)
    return np.asarray(np.interp(wanted, shares, candidates), np.float32)


def screen(top: int, height: int, width: int, cycles: float, degrees: float) -> np.ndarray:
    """Return rows of a screen, float32 from -1 to 1, with so many cycles a sample."""
    total = np.zeros((height, width), np.float32)
    for angle in (degrees, degrees + 90):
        step = 2 * math.pi * cycles
        x = np.arange(width) * step * math.cos(math.radians(angle))
        y = np.arange(top, top + height) * step * math.sin(math.radians(angle))
        cosines = [np.cos(v).astype(np.float32) for v in (y, x)]
        sines = [np.sin(v).astype(np.float32) for v in (y, x)]
        total += np.outer(*cosines) - np.outer(*sines)
    return total / 2


def integrated(plane: np.ndarray) -> np.ndarray:
    """Blur as optics do, and average 2 x 2 samples."""
    plane = gaussian_filter(plane, 1.1, mode="nearest", truncate=2.5)
    return np.asarray(
        (plane[0::2, 0::2] + plane[1::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 1::2]) / 4
    )


def printed(rgb: np.ndarray, *, lines: float) -> np.ndarray:
    """Return the print seen from afar: reflectance relative to paper, float32 ``[H, W, 3]``.

    Halftone dots are there as far as one sample a picture pixel can show them.
    """
    height, width = rgb.shape[:2]
    softness = min(0.8, 1.2 * lines)
    table = thresholds(softness)
    result = np.empty(rgb.shape, np.float32)
    for top in range(0, height, _BAND):
        start, stop = max(0, top - _MARGIN), min(height, top + _BAND + _MARGIN)
        twice = to_size(rgb[start:stop], 2 * width, 2 * (stop - start))
        wanted = [to_linear(twice[:, :, channel]) * (1 - INK) + INK for channel in range(3)]
        black = BLACK * (1 - np.maximum(np.maximum(wanted[0], wanted[1]), wanted[2]))
        shares = [1 - primary / (1 - black) for primary in wanted] + [black]
        passed = []
        for share, angle in zip(shares, ANGLES.values(), strict=True):
            levels = (np.clip(share, 0, 1) * 1024).astype(np.int16)
            dots = screen(2 * start, len(twice), 2 * width, lines / 2, angle)
            ink = np.clip((dots - table[levels]) / softness + 0.5, 0, 1)
            passed.append(1 - (1 - INK) * ink)
        planes = [integrated(primary * passed[3]) for primary in passed[:3]]
        light = np.dstack(planes)
        result[top : top + _BAND] = light[top - start : top - start + _BAND]
    return result


def on_paper(rgb: np.ndarray, rng: np.random.Generator, lines: float) -> np.ndarray:
    """Print, and scan without moving: uint8 of the same size."""
    light = printed(rgb, lines=lines)
    grain = rng.standard_normal(rgb.shape[:2], dtype=np.float32)
    # Paper and toner are uneven over a pixel or so, by about one per cent.
    light *= 1 + 0.025 * gaussian_filter(grain, 0.8)[:, :, None]
    light = PAPER * light
    light += (0.002 + 0.006 * np.sqrt(light)) * rng.standard_normal(rgb.shape, dtype=np.float32)
    low, high = PAPER * INK, PAPER * 0.98
    light -= low
    light /= high - low
    return from_linear(light)


def print_scan(rgb: np.ndarray, rng: np.random.Generator, *, lines: float) -> np.ndarray:
    """Print with `lines` of the screen a picture pixel, scan at one sample a pixel."""
    height, width = rgb.shape[:2]
    scanned = on_paper(rgb, rng, lines)
    angle = math.radians(rng.uniform(-0.7, 0.7))
    stretch = 1 + rng.uniform(-0.005, 0.005, 2)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    middle = np.array([width / 2, height / 2])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    # Cut off what turning would bring in from outside, and a hundredth more.
    inside = 0.98 - 2 * abs(math.sin(angle))
    moved = (corners - middle) * inside * stretch @ turn.T
    moved += rng.uniform(-0.005, 0.005, (4, 2)) * (width, height) + middle
    scanned = warped(scanned, project(homography(corners, moved)), height, width)
    return recode(scanned, rng, codec="JPEG", quality=90)


def view(
    height: int, width: int, rng: np.random.Generator, pitch: float, tilt: float
) -> tuple[Mapping, int, int]:
    """Return where the camera's pixels look, and its height and width: all of it on the picture.

    The camera stands at 1.5 widths, `tilt` degrees to the left or right; corners are another 1.5 %
    off at random, and the lens has a barrel distortion of 1 %.
    """
    angle = math.radians(tilt)
    rows, columns = max(8, round(height * pitch)), max(8, round(width * pitch * math.cos(angle)))
    keystone = math.sin(angle) / 3
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], dtype=float)
    seen = np.array([(0, keystone / 2), (1, 0), (1, 1), (0, 1 - keystone / 2)])
    if rng.random() < 0.5:
        seen = np.array([1, 0]) + seen[[1, 0, 3, 2]] * [-1, 1]
    inward = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    seen = (seen + inward * rng.uniform(0, 0.015, (4, 2))) * (width, height)
    projected = project(homography(corners, seen))

    def mapping(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dx, dy = 2 * x / columns - 1, 2 * y / rows - 1
        barrel = 0.99 + 0.005 * (dx * dx + dy * dy)
        return projected((1 + dx * barrel) * columns / 2, (1 + dy * barrel) * rows / 2)

    return mapping, rows, columns


def grid(rows: slice, columns: int, mapping: Mapping, pitch: float) -> np.ndarray:
    """Return how bright the subpixels are that the camera sees, float32 ``[rows, columns, 3]``."""
    y, x = np.mgrid[rows, 0:columns].astype(np.float32) + np.float32(0.5)
    u, v = mapping(x, y)
    blur = math.exp(-2 * (math.pi * OPTICS / pitch) ** 2)
    stripes = [np.cos(2 * math.pi * (u - (channel + 0.5) / 3)) for channel in range(3)]
    across = 1 + ROWS * blur * np.cos(2 * math.pi * (v - 0.5))
    result: np.ndarray = (1 + STRIPES * blur * np.dstack(stripes)) * across[:, :, None]
    return result.astype(np.float32)


def demosaiced(light: np.ndarray) -> np.ndarray:
    """Keep the one primary of each pixel that a Bayer array has, and interpolate the others."""
    kernels = np.array([[[1, 2, 1], [2, 4, 2], [1, 2, 1]], [[0, 1, 0], [1, 4, 1], [0, 1, 0]]]) / 4
    places = {0: [(0, 0)], 1: [(0, 1), (1, 0)], 2: [(1, 1)]}
    result = np.empty_like(light)
    for channel, starts in places.items():
        kept = np.zeros(light.shape[:2], np.float32)
        for row, column in starts:
            kept[row::2, column::2] = light[row::2, column::2, channel]
        kernel = kernels[int(channel == 1)].astype(np.float32)
        result[:, :, channel] = convolve(kept, kernel, mode="mirror")
    return result


def photographed(
    rgb: np.ndarray, rng: np.random.Generator, pitch: float, tilt: float, *, lit: bool
) -> np.ndarray:
    """Photograph a screen (`lit`: with its grid) or a sheet: uint8 of the camera's size."""
    if min(rgb.shape[:2]) > SCREEN:
        scale = SCREEN / min(rgb.shape[:2])
        rgb = to_size(rgb, round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    mapping, height, width = view(rgb.shape[0], rgb.shape[1], rng, pitch, tilt)
    seen = rgb
    if pitch < 1:  # what the optics and the size of the camera's pixels do
        seen = to_size(rgb, round(rgb.shape[1] * pitch), round(rgb.shape[0] * pitch))
    ratio = seen.shape[1] / rgb.shape[1], seen.shape[0] / rgb.shape[0]

    def onto(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, v = mapping(x, y)
        return u * ratio[0], v * ratio[1]

    picture = warped(seen, onto, height, width)
    balance = 0.88 * (1 + rng.uniform(-0.05, 0.05, 3)).astype(np.float32)
    shift = rng.uniform(-0.3, 0.3, 2)
    across = (np.linspace(-1, 1, width) - shift[0]) ** 2
    down = (np.linspace(-1, 1, height) - shift[1]) ** 2
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        start = max(0, top - _MARGIN)
        rows = slice(start, min(height, top + _BAND + _MARGIN))
        light = to_linear(picture[rows])
        if lit:
            light *= grid(rows, width, mapping, pitch)
        vignette = 1 - 0.12 * (across[None, :] + down[rows, None])
        light = 0.015 + balance * vignette[:, :, None].astype(np.float32) * light
        noise = rng.standard_normal(light.shape, dtype=np.float32)
        light += np.sqrt(2e-6 + 2e-4 * np.clip(light, 0, 1)) * noise  # read and shot noise
        band = from_linear(demosaiced(light))
        result[top : top + _BAND] = band[top - start : top - start + _BAND]
    return result


def screen_photo(rgb: np.ndarray, rng: np.random.Generator, *, pitch: float) -> np.ndarray:
    """Photograph a screen from about the front, with `pitch` camera pixels a screen pixel."""
    photo = photographed(rgb, rng, pitch, 3.0, lit=True)
    return recode(photo, rng, codec="JPEG", quality=85)


def camcording(rgb: np.ndarray, rng: np.random.Generator, *, tilt: float) -> np.ndarray:
    """Film a screen from the side, `tilt` degrees off, and keep a frame: shaken, JPEG 50.

    With 1.2 camera pixels a screen pixel, as when 1080 rows of a screen fill 1300 of a camera.
    """
    frame = motion_blur(photographed(rgb, rng, 1.2, tilt, lit=True), rng, length=3)
    return recode(frame, rng, codec="JPEG", quality=50)


def print_photo(rgb: np.ndarray, rng: np.random.Generator, *, tilt: float) -> np.ndarray:
    """Print with 0.75 lines a pixel, and photograph the sheet `tilt` degrees off."""
    sheet = on_paper(rgb, rng, 0.75)
    return recode(photographed(sheet, rng, 1.2, tilt, lit=False), rng, codec="JPEG", quality=85)
