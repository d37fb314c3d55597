"""Renders the pictures of `waarmerk demo` from nothing: no photograph, no model, no download.

    python scripts/render_demo_pictures.py [FOLDER]

The scenes are made of gradient noise, a height field seen in perspective, and Lambert shading;
they have what photographs have (texture at all scales, smooth skies, depth, reflections), so that
the demo shows what marking does to real content. They are ours and dedicated to the public domain
(CC0 1.0). Takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float64]

FOLDER = Path(__file__).parent.parent / "waarmerk" / "demo_data"


# Noise


def _hash(x: NDArray[np.int64], y: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """Return 32 well mixed bits for every lattice point."""
    mask = np.uint64(0xFFFFFFFF)
    h = (x.astype(np.uint64) * np.uint64(0x9E3779B1)) & mask
    h ^= (y.astype(np.uint64) * np.uint64(0x85EBCA77)) & mask
    h ^= np.uint64((seed * 0xC2B2AE3D) & 0xFFFFFFFF)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 0)):
        h ^= h >> np.uint64(shift)
        if factor:
            h = (h * np.uint64(factor)) & mask
    return h


def noise(x: Field, y: Field, seed: int) -> Field:
    """Return gradient noise, about -0.7 to 0.7, of one feature per unit."""
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = x - x0, y - y0
    u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
    v = fy * fy * fy * (fy * (fy * 6 - 15) + 10)

    def corner(i: int, j: int) -> Field:
        angle = _hash(x0 + i, y0 + j, seed) * (2 * np.pi / 2**32)
        return np.cos(angle) * (fx - i) + np.sin(angle) * (fy - j)

    top = corner(0, 0) * (1 - u) + corner(1, 0) * u
    bottom = corner(0, 1) * (1 - u) + corner(1, 1) * u
    return top * (1 - v) + bottom * v


def fractal(  # noqa: PLR0917
    x: Field, y: Field, octaves: int, seed: int, gain: float = 0.5, ridged: bool = False
) -> Field:
    """Return several octaves of noise, each turned against the last so that no grid shows."""
    total, amplitude = np.zeros(np.broadcast(x, y).shape), 1.0
    cos, sin = np.cos(0.7), np.sin(0.7)
    for octave in range(octaves):
        n = noise(x, y, seed + 101 * octave)
        total = total + amplitude * ((0.5 - np.abs(n) * 1.6) if ridged else n)
        amplitude *= gain
        x, y = 2.03 * (cos * x - sin * y) + 17.3, 2.03 * (sin * x + cos * y) - 5.1
    return total


def cells(x: Field, y: Field, seed: int, jitter: float = 0.9) -> tuple[Field, Field, Field]:
    """Return distances to the nearest and second nearest random point, and a number per cell."""
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    nearest = np.full(x.shape, 9.0)
    second = np.full(x.shape, 9.0)
    owner = np.zeros(x.shape)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            h = _hash(x0 + i, y0 + j, seed)
            px = x0 + i + 0.5 + jitter * ((h & np.uint64(0xFFF)) / 4096.0 - 0.5)
            py = y0 + j + 0.5 + jitter * (((h >> np.uint64(12)) & np.uint64(0xFFF)) / 4096.0 - 0.5)
            d = np.hypot(x - px, y - py)
            closer = d < nearest
            second = np.where(closer, nearest, np.minimum(second, d))
            owner = np.where(closer, (_hash(x0 + i, y0 + j, seed + 1) & np.uint64(0xFFFF)), owner)
            nearest = np.where(closer, d, nearest)
    return nearest, second, owner / 65536.0


def smoothstep(low: float, high: float, x: Field) -> Field:
    """Return 0 below `low`, 1 above `high`, and a smooth way between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Field, b: Field, t: Field) -> Field:
    """Return a colour between two others; `t` is one number per pixel."""
    return a + (b - a) * t[..., None]


def rgb(*values: float) -> Field:
    """Return a colour."""
    return np.array(values, dtype=np.float64)


# Skies


def clouds(  # noqa: PLR0917
    u: Field, v: Field, sun: tuple[float, float], colours: dict[str, Field], cover: float, seed: int
) -> Field:
    """Return a sky; `u` runs across, `v` from 0 at the horizon upwards (radians)."""
    sky = mix(colours["horizon"], colours["zenith"], 1 - np.exp(-3.2 * np.maximum(v, 0)))
    glow = np.exp(-7 * np.hypot(u - sun[0], 1.6 * (v - sun[1])))
    sky = sky + colours["glow"] * glow[..., None]
    # A flat layer of cloud seen from below: its plane runs away towards the horizon.
    distance = 1 / np.maximum(v + 0.07, 0.02)
    x, y = u * distance * 1.1, distance
    warp = fractal(x * 0.35, y * 0.35, 4, seed + 7)
    density = fractal(x * 0.5 + warp, y * 0.5 + 0.7 * warp, 8, seed, gain=0.55)
    toward = fractal(x * 0.5 + warp + 0.05, y * 0.5 + 0.7 * warp - 0.08, 6, seed, gain=0.55)
    cloud = smoothstep(-cover, 0.55 - cover, density) * np.exp(-0.035 * distance)
    lit = np.clip(0.55 + 2.2 * (density - toward) - 0.5 * np.maximum(density, 0), 0, 1)
    body = mix(colours["shadow"], colours["light"], lit) + 0.35 * colours["glow"] * glow[..., None]
    return mix(sky, body, 0.93 * cloud)


# A landscape


def lake(width: int, height: int) -> Field:  # noqa: PLR0915
    """Render mountains and a forest behind a lake, with their reflection."""
    horizon = int(height * 0.53)
    focal = 0.95 * width
    camera = 0.55
    column = (np.arange(width) - width / 2) / focal

    def ground(x: Field, z: Field) -> tuple[Field, Field]:
        """Return the height of the ground, and of the trees on it."""
        far = smoothstep(9, 40, z)
        shore = fractal(x * 0.16 + 3.1, z * 0.16, 5, 5)
        ridge = fractal(x * 0.075, z * 0.075 + 4, 9, 21, gain=0.48, ridged=True)
        hills = 1.6 * shore + 0.09 * (z - 15.5) + 0.012 * x * x / (1 + 0.02 * z)
        h = np.maximum(hills, -0.5) * 0.6 + far * (7.5 * np.maximum(ridge + 0.12, -0.05))
        size = 0.17
        d, _, owner = cells(x / size, z / size, 77)
        wood = smoothstep(-0.12, 0.1, fractal(x * 0.35, z * 0.35, 4, 31) + 0.16)
        wood = wood * smoothstep(0.02, 0.12, h) * (1 - smoothstep(2.2, 3.4, h))
        cone = np.maximum(1 - d / 0.62, 0) ** 0.9
        return h, cone * wood * (0.22 + 0.2 * owner)

    shape = (height, width)
    depth = np.full(shape, np.inf)
    limit = np.full(width, height, dtype=np.float64)
    rows = np.arange(height)[:, None]
    z = 3.0
    while z < 95:
        h, tree = ground(column * z, np.full(width, z))
        top = horizon - (np.maximum(h + tree, 0.0) - camera) * focal / z
        solid = h > 0
        new = solid & (top < limit)
        if new.any():
            depth[(rows >= top) & (rows < limit) & new] = z
        limit = np.minimum(limit, top)  # water hides what lies behind it as land does
        z += 0.004 + 0.0035 * z

    land = np.isfinite(depth)
    z_hit = np.where(land, depth, 1.0)
    x_hit = column[None, :] * z_hit
    # Shading from the slope, taken over a distance that grows with the footprint of a pixel.
    step = 0.004 + 0.0012 * z_hit
    h, tree = ground(x_hit, z_hit)
    full = h + tree
    right = np.add(*ground(x_hit + step, z_hit))
    back = np.add(*ground(x_hit, z_hit + step))
    normal = np.stack([full - right, step, full - back], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = rgb(-0.62, 0.52, -0.58)
    lambert = np.clip(normal @ light / np.linalg.norm(light), 0, 1)
    # Sun blocked by what stands towards it.
    for reach in (0.08, 0.25, 0.8):
        blocker = np.add(*ground(x_hit - 0.75 * reach, z_hit - 0.7 * reach))
        lambert *= 1 - 0.75 * smoothstep(0, 0.25 * reach, blocker - full - 0.55 * reach)

    # With the height among the coordinates, steep faces are not painted in vertical streaks.
    grain = fractal(x_hit * 9 + 4 * h, z_hit * 9 + 8 * h, 5, 3, gain=0.65)
    fine = fractal(x_hit * 60 + 20 * h, z_hit * 60 + 50 * h, 3, 13, gain=0.7)
    slope = 1 - normal[..., 1]
    grass = mix(rgb(0.20, 0.24, 0.07), rgb(0.42, 0.38, 0.16), np.clip(0.5 + grain + fine, 0, 1))
    rock = mix(rgb(0.24, 0.22, 0.21), rgb(0.50, 0.46, 0.42), np.clip(0.45 + grain + fine, 0, 1))
    colour = mix(grass, rock, smoothstep(0.25, 0.5, slope + 0.25 * grain + 0.10 * (h - 1.6)))
    snow = smoothstep(3.9, 4.8, h + 1.3 * grain) * smoothstep(0.72, 0.45, slope)
    colour = mix(colour, rgb(0.93, 0.95, 1.0) * np.ones((*shape, 3)), snow)
    needles = fractal(x_hit * 40, z_hit * 23, 3, 43, gain=0.8)
    green = mix(rgb(0.035, 0.065, 0.03), rgb(0.12, 0.17, 0.055), np.clip(0.4 + needles, 0, 1))
    colour = mix(colour, green, smoothstep(0.015, 0.05, tree))
    beach = smoothstep(0.09, 0.03, h) * (tree < 0.02)
    colour = mix(colour, rgb(0.46, 0.41, 0.34) * (1 + 0.5 * grain + 0.6 * fine)[..., None], beach)
    sunlight, skylight = rgb(1.25, 1.12, 0.92), rgb(0.30, 0.37, 0.48)
    shaded = colour * (sunlight * lambert[..., None] + skylight * (0.45 + 0.55 * normal[..., 1:2]))
    haze = 1 - np.exp(-0.013 * np.maximum(z_hit - 6, 0))
    shaded = mix(shaded, rgb(0.66, 0.75, 0.86) * np.ones((*shape, 3)), haze)

    u = column[None, :] * np.ones(shape)
    v = (horizon - rows) / focal * np.ones(shape)
    colours = {
        "horizon": rgb(0.78, 0.84, 0.90),
        "zenith": rgb(0.20, 0.40, 0.70),
        "glow": rgb(0.10, 0.09, 0.06),
        "shadow": rgb(0.56, 0.60, 0.68),
        "light": rgb(0.98, 0.97, 0.95),
    }
    picture = np.where(land[..., None], shaded, clouds(u, v, (-0.4, 0.5), colours, 0.03, 63))

    # Water: the scene above it, mirrored at the horizon and stirred by ripples.
    water = ~land & (rows > horizon)
    near = camera * focal / np.maximum(rows - horizon, 1)
    wx, wz = u * near, near * np.ones(shape)
    calm = smoothstep(-0.25, 0.3, fractal(wx * 0.3, wz * 0.12, 3, 97))
    ripple = fractal(wx * 7, wz * 3.2, 5, 91, gain=0.6) * (0.3 + 0.7 * calm)
    fade = np.exp(-0.06 * wz)
    mirror = 2 * horizon - rows - ripple * (10 + 40 * fade) * height / 683 - 1
    across = np.arange(width)[None, :] + ripple * 9 * width / 1024
    mirror = np.clip(np.round(mirror), 0, horizon - 1).astype(int)
    across = np.clip(np.round(across), 0, width - 1).astype(int)
    # What stands on the near shore has no picture above the horizon: the sky stands in for it.
    reflected = picture[mirror, across]
    grazing = 0.25 + 0.75 * np.exp(-2.6 * (rows - horizon) / (height - horizon))
    deep = rgb(0.035, 0.085, 0.095) + 0.05 * ripple[..., None]
    surface = mix(deep * np.ones((*shape, 3)), reflected * 0.92, grazing * np.ones(shape))
    glint = smoothstep(0.33, 0.55, ripple) * 0.10 * fade
    surface = surface + glint[..., None]
    return np.where(water[..., None], surface, picture)


# Stones


def pebbles(width: int, height: int) -> Field:
    """Render a beach of rounded stones from above, large ones lying on small ones."""
    y, x = np.mgrid[0:height, 0:width] / (height / 6.0)
    warp = 0.12 * fractal(x * 1.3, y * 1.3, 3, 2)
    level = np.full(x.shape, -0.3) + 0.08 * fractal(x * 14, y * 14, 4, 8)
    sand = np.clip(0.5 + 0.5 * fractal(x * 50, y * 50, 3, 9, gain=0.8), 0, 1)
    colour = mix(rgb(0.23, 0.19, 0.15), rgb(0.48, 0.42, 0.34), sand)
    for scale, seed, share in ((0.17, 300, 1.0), (0.30, 200, 0.75), (0.62, 100, 0.55)):
        sx, sy = (x + warp) / scale, (y - 0.8 * warp) / scale
        nearest, second, owner = cells(sx, sy, seed, jitter=0.85)
        edge = (second - nearest) / (second + nearest)
        dome = np.sqrt(np.clip(1 - (1 - np.clip(edge * 2.6, 0, 1)) ** 2, 0, 1))
        present = owner < share
        bump = 0.05 * fractal(x * 3.1 / scale, y * 3.1 / scale, 5, seed + 3)
        h = scale * (0.62 * dome + bump) + 0.14 * scale * (owner - 0.5)
        above = present & (edge > 0.06) & (h > level)
        pick = (owner * 7.13) % 1.0
        tint = mix(rgb(0.34, 0.35, 0.37), rgb(0.62, 0.56, 0.48), smoothstep(0.2, 0.8, pick))
        tint = mix(tint, rgb(0.55, 0.36, 0.28) * np.ones((*x.shape, 3)), 0.8 * (pick > 0.86))
        tint = mix(tint, rgb(0.84, 0.82, 0.78) * np.ones((*x.shape, 3)), 0.85 * (pick < 0.10))
        turn = owner * 40
        along = np.cos(turn) * x + np.sin(turn) * y
        other = -np.sin(turn) * x + np.cos(turn) * y
        veins = fractal(along * 1.5 / scale + 31 * owner, other * 6 / scale, 4, seed + 5)
        speckle = fractal(x * 44, y * 44, 4, seed + 6, gain=0.85)
        tint = tint * (1 + 0.42 * veins + 0.30 * speckle)[..., None]
        white = smoothstep(0.04, 0.0, np.abs(veins - 0.22)) * ((owner * 3.7) % 1 > 0.6)
        tint = mix(tint, rgb(0.80, 0.78, 0.74) * np.ones((*x.shape, 3)), 0.6 * white)
        colour = np.where(above[..., None], tint, colour)
        level = np.where(above, h, level)
    gy, gx = np.gradient(level, 6.0 / height)
    normal = np.stack([-gx, -gy, np.full(gx.shape, 1.1)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = rgb(-0.55, -0.5, 0.67)
    lambert = np.clip(normal @ light, 0, 1)
    shadow = np.zeros(level.shape)
    for reach in range(1, 14):
        offset = reach * height // 260
        moved = np.roll(level, (offset, offset), axis=(0, 1))
        shadow = np.maximum(shadow, moved - level - 1.25 * offset * 6.0 / height)
    lambert *= 1 - 0.8 * smoothstep(0.0, 0.035, shadow)
    around = _blurred(level, height // 50)
    open_sky = np.clip(0.75 + 2.3 * (level - around), 0.22, 1.1)
    half = light + rgb(0, 0, 1)
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 30
    lit = colour * (1.15 * lambert[..., None] * rgb(1.08, 1.0, 0.9) + 0.42 * open_sky[..., None])
    return lit + 0.10 * (shine * lambert)[..., None]


def _blurred(field: Field, sigma: int) -> Field:
    fy = np.fft.fftfreq(field.shape[0])[:, None]
    fx = np.fft.rfftfreq(field.shape[1])[None, :]
    kernel = np.exp(-2 * (np.pi * sigma) ** 2 * (fx * fx + fy * fy))
    return np.fft.irfft2(np.fft.rfft2(field) * kernel, s=field.shape)


# The sea


def sea(width: int, height: int) -> Field:
    """Render the open sea under evening clouds."""
    horizon = int(height * 0.60)
    focal = 1.1 * width
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = (columns - width / 2) / focal, (horizon - rows) / focal
    sun = (0.10, 0.045)
    colours = {
        "horizon": rgb(0.96, 0.62, 0.36),
        "zenith": rgb(0.22, 0.30, 0.50),
        "glow": rgb(0.85, 0.50, 0.22),
        "shadow": rgb(0.33, 0.31, 0.40),
        "light": rgb(1.00, 0.72, 0.50),
    }
    sky = clouds(u, v, sun, colours, 0.10, 411)
    disc = smoothstep(0.0135, 0.0125, np.hypot(u - sun[0], v - sun[1]))
    sky = mix(sky, rgb(1.0, 0.93, 0.72) * np.ones((height, width, 3)), 0.85 * disc)

    below = np.maximum(rows - horizon, 0.5)
    z = 1.3 * focal / below / 40
    x = u * z
    footprint = z * z * 40 / (1.3 * focal)  # how much of the sea one row covers
    slope_x, slope_z = np.zeros(u.shape), np.zeros(u.shape)
    rng = np.random.default_rng(5)
    for _ in range(110):
        length = 0.006 * 2 ** rng.uniform(0, 7.5)
        angle = rng.normal(-np.pi / 2, 0.45)
        kx, kz = np.cos(angle) * 2 * np.pi / length, np.sin(angle) * 2 * np.pi / length
        phase = kx * x + kz * z + rng.uniform(0, 2 * np.pi)
        phase = phase + 1.6 * noise(x / length / 3, z / length / 3, int(rng.integers(1000)))
        steepness = 0.024 * np.exp(-((footprint / length) ** 2) * 1.2)
        crest = np.cos(phase) + 0.35 * np.cos(2 * phase)
        slope_x += steepness * np.cos(angle) * crest
        slope_z += steepness * np.sin(angle) * crest
    rough = fractal(x * 30, z * 14, 4, 451, gain=0.7) * np.exp(-8 * footprint)
    slope_x, slope_z = slope_x + 0.05 * rough, slope_z + 0.07 * rough

    # Each facet mirrors the part of the sky that its slope points at.
    ray = np.stack([u, v, np.ones(u.shape)], axis=-1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    normal = np.stack([-slope_x, np.ones(u.shape), -slope_z], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    mirrored = ray - 2 * np.sum(ray * normal, axis=-1, keepdims=True) * normal
    mu = mirrored[..., 0] / np.maximum(mirrored[..., 2], 0.2)
    mv = np.abs(mirrored[..., 1]) / np.maximum(mirrored[..., 2], 0.2)
    sampled = sky[
        np.clip(horizon - mv * focal, 0, horizon - 1).astype(int),
        np.clip(mu * focal + width / 2, 0, width - 1).astype(int),
    ]
    facing = np.clip(-np.sum(ray * normal, axis=-1), 0, 1)
    fresnel = 0.02 + 0.98 * (1 - facing) ** 5
    deep = rgb(0.035, 0.085, 0.105) * (1 + 2.2 * slope_z)[..., None]
    water = mix(deep, sampled, np.clip(fresnel * 1.15, 0, 1))
    towards = np.hypot((mu - sun[0]) * 1.0, (mv - sun[1]) * 0.55)
    water = water + rgb(1.0, 0.72, 0.42) * (1.2 * np.exp(-((towards / 0.05) ** 2)))[..., None]
    mist = np.exp(-below / (0.018 * height))
    water = mix(water, sky[horizon - 2][None, :, :] * np.ones(water.shape), 0.55 * mist)
    return np.where((rows > horizon)[..., None], water, sky)


# From light to a file


def finish(scene: Field, seed: int, oversampled: int = 2) -> Image.Image:
    """Return a picture: averaged down, through a film curve, with a trace of sensor noise."""
    h, w, _ = scene.shape
    scene = np.clip(scene, 0, None)
    small = scene.reshape(h // oversampled, oversampled, w // oversampled, oversampled, 3)
    small = small.mean(axis=(1, 3))
    tone = 1 - np.exp(-1.35 * small)
    tone = np.clip(tone / (1 - np.exp(-1.35)), 0, 1) ** (1 / 1.25)
    grain = np.random.default_rng(seed).normal(0, 0.006, tone.shape[:2])[..., None]
    return Image.fromarray(np.uint8(np.clip(tone + grain, 0, 1) * 255 + 0.5))


def main() -> None:
    """Render all pictures into a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, render, size, options in (
        ("lake.jpg", lake, (960, 640), {"quality": 92, "subsampling": 2}),
        ("pebbles.jpg", pebbles, (640, 480), {"quality": 92, "subsampling": 2}),
        ("sea.webp", sea, (768, 1024), {"quality": 94, "method": 6}),
    ):
        picture = finish(render(2 * size[0], 2 * size[1]), seed=len(name))
        picture.save(folder / name, **options)
        kilobytes = (folder / name).stat().st_size / 1000
        sys.stdout.write(f"{folder / name}: {size[0]} x {size[1]}, {kilobytes:.0f} kB\n")


if __name__ == "__main__":
    main()
