"""``IMAGE``: what may happen to a marked picture, as families with a strength axis.

Each row names the function that does it and the parameter that its axis is; the functions are those
of `image` and of the modules image_local, image_geometry, image_analogue, image_malicious and
image_estimates; changes in place have a table of their own in image_in_place. Strengths go from the
weakest change to the strongest, and reach from what most marks survive to what few do.
"""

from waarmerk.bench.protocol import Transformation
from waarmerk.bench.transformations import image as basic
from waarmerk.bench.transformations import image_analogue as analogue
from waarmerk.bench.transformations import image_estimates as estimates
from waarmerk.bench.transformations import image_geometry as geometry
from waarmerk.bench.transformations import image_local as local
from waarmerk.bench.transformations import image_malicious as malicious
from waarmerk.bench.transformations import image_signal as signal
from waarmerk.bench.transformations.image_axes import (
    ANGLE,
    AREA,
    FACTOR,
    KEPT,
    NO_AXIS,
    families,
    on,
    percent,
)
from waarmerk.bench.transformations.image_in_place import IN_PLACE

__all__ = ["IMAGE"]

_LOCALISED = families(
    "localised",
    (
        "blurred_faces",
        "six ellipses blurred, as faces are",
        AREA,
        (2, 5, 10, 20, 30, 50),
        (10,),
        percent(local.blur_faces, "share"),
    ),
    (
        "overlay",
        "text banner and logo",
        AREA,
        (5, 10, 20, 30, 50, 70),
        (),
        percent(basic.overlay, "share"),
    ),
    (
        "erase",
        "rectangles of flat colour",
        AREA,
        (5, 10, 20, 40, 60, 80),
        (),
        percent(local.erase, "share"),
    ),
    (
        "inpaint",
        "rectangles filled from their surroundings",
        AREA,
        (5, 10, 20, 40, 60, 80),
        (20,),
        percent(local.inpaint, "share"),
    ),
    ("emoji", "emoji", AREA, (2, 5, 10, 20, 30), (), percent(local.emoji, "share")),
    (
        "paste",
        "part of another picture pasted in",
        AREA,
        (5, 10, 25, 50, 75, 90),
        (),
        percent(local.paste_other, "share", tools=True),
    ),
)

_DESYNCHRONISED = families(
    "desynchronisation",
    ("mirror", "mirror", "", NO_AXIS, NO_AXIS, on(basic.mirror)),
    *(
        (
            f"crop_{place}",
            f"{place} crop",
            KEPT,
            (90, 75, 50, 35, 25, 15, 10, 5),
            quick,
            percent(basic.crop, "area", random=place == "random"),
        )
        for place, quick in (("centre", ()), ("random", (50, 25)))
    ),
    (
        "border",
        "cut off every edge, resized back",
        "cut off the side at each edge, %",
        (1, 2, 5, 10, 15, 20, 30),
        (),
        percent(basic.border, "share"),
    ),
    (
        "resize_down",
        "scaled down",
        FACTOR,
        (0.9, 0.75, 0.6, 0.5, 0.4, 0.3, 0.25),
        (0.5,),
        on(basic.resize, "factor"),
    ),
    (
        "resize_up",
        "scaled up",
        FACTOR,
        (1.25, 1.5, 2, 3, 4),
        (),
        on(geometry.enlarge, "factor"),
    ),
    (
        "aspect",
        "squeezed to another aspect ratio",
        "factor of the width",
        (0.98, 0.95, 0.9, 0.8, 0.7, 0.5),
        (0.9,),
        on(geometry.squeeze, "factor"),
    ),
    *(
        (name, title, ANGLE, (0.5, 1, 2, 5, 10, 15, 30, 45), quick, function)
        for name, title, quick, function in [
            ("rotate", "rotated, frame kept", (), on(basic.rotate, "angle")),
            (
                "rotate_expand",
                "rotated, frame enlarged",
                (),
                on(basic.rotate, "angle", expand=True),
            ),
            ("rotate_crop", "rotated, inner crop", (5,), on(basic.rotate_crop, "angle")),
        ]
    ),
    (
        "rotate_90",
        "rotated by right angles",
        ANGLE,
        (90, 180, 270),
        (),
        on(basic.rotate_right_angle, "degrees", whole=True),
    ),
    (
        "perspective",
        "perspective",
        "corners move by up to, % of the side",
        (0.5, 1, 2, 4, 6, 8, 12, 16),
        (),
        percent(basic.perspective, "share"),
    ),
    ("shear", "sheared", ANGLE, (0.5, 1, 2, 5, 10, 20), (), on(geometry.shear, "degrees")),
    (
        "bend",
        "bent smoothly at random",
        "rms, pixels of 512",
        (0.5, 1, 2, 3, 4, 6, 9),
        (),
        on(geometry.bend, "rms"),
    ),
    (
        "stirmark",
        "random bending after StirMark, JPEG 90",
        "corners move by up to, % of the side",
        (0.5, 1, 2, 3, 5, 8),
        (2,),
        percent(geometry.random_bending, "share"),
    ),
    (
        "remove_lines",
        "random rows and columns removed",
        "share of the side, %",
        (0.2, 0.5, 1, 2, 5, 10, 20),
        (),
        percent(geometry.remove_lines, "share"),
    ),
    (
        "picture_in_picture",
        "scaled down into another picture",
        KEPT,
        (90, 75, 50, 35, 25, 15),
        (),
        percent(local.picture_in_picture, "share", tools=True),
    ),
    (
        "combination",
        "random crop, 0.8x, JPEG 70",
        KEPT,
        (90, 75, 50, 35, 25, 15),
        (50,),
        percent(basic.combination, "area"),
    ),
)

_ANALOGUE = families(
    "analogue hole",
    (
        "print_scan",
        "printed and scanned (simulated)",
        "screen lines a picture pixel",
        (0.75, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15),
        (0.5,),
        on(analogue.print_scan, "lines"),
    ),
    (
        "print_photo",
        "print photographed (simulated)",
        "tilt, degrees",
        (0, 5, 10, 20, 30),
        (),
        on(analogue.print_photo, "tilt"),
    ),
    (
        "screen_photo",
        "screen photographed (simulated)",
        "camera pixels a screen pixel",
        (1.8, 1.5, 1.2, 1, 0.75, 0.6, 0.5),
        (1.2,),
        on(analogue.screen_photo, "pitch"),
    ),
    (
        "camcording",
        "screen filmed (simulated)",
        "tilt, degrees",
        (0, 5, 10, 15, 20, 30),
        (),
        on(analogue.camcording, "tilt"),
    ),
)

_MALICIOUS = families(
    "malicious",
    (
        "remove_denoise",
        "removal by non-local means",
        "sigma taken for noise, grey levels",
        (3, 6, 10, 15, 25, 40),
        (15,),
        on(signal.non_local_means, "sigma"),
    ),
    (
        "resynthesise",
        "detail made up anew (no model)",
        "resolution kept, % of the side",
        (75, 50, 35, 25, 15, 10),
        (35,),
        percent(malicious.resynthesise, "share"),
    ),
    (
        "rebuild_patches",
        "rebuilt of another picture's patches",
        "side of a patch, pixels of 512",
        (2, 4, 6, 8, 12, 16),
        (),
        on(malicious.rebuild_patches, "side", whole=True, tools=True),
    ),
    *(
        (
            f"average_{kind}",
            title,
            "works",
            (5, 20, 50),
            (20,) if kind == "residual" else (),
            on(estimates.subtract_average, "count", whole=True, tools=True, kind=kind),
        )
        for kind, title in [
            ("residual", "average of marked minus original subtracted"),
            ("highpass", "average of high-passed marked works subtracted"),
        ]
    ),
    *(
        (
            f"collude_{how}",
            f"{how} of copies with other payloads",
            "copies",
            (2, 3, 5, 8),
            quick,
            on(function, "count", whole=True, tools=True),
        )
        for how, quick, function in [
            ("mean", (3,), malicious.collude_mean),
            ("median", (), malicious.collude_median),
            ("mosaic", (), malicious.collude_mosaic),
        ]
    ),
    (
        "overwrite",
        "marked over with another key",
        AREA,
        (10, 25, 50, 75, 100),
        (100,),
        percent(malicious.overwrite, "share", tools=True),
    ),
    (
        "subtract_own",
        "mark of another key subtracted",
        "gain",
        (0.5, 1, 2, 4, 8),
        (),
        on(malicious.subtract_own, "gain", tools=True),
    ),
)

_FORGED = families(
    "malicious",
    (
        "copy_mark",
        "mark copied onto other content",
        "gain",
        (0.5, 1, 2, 4),
        (1,),
        on(estimates.copy_mark, "gain", tools=True),
    ),
    (
        "copy_average",
        "average mark put onto other content",
        "works",
        (5, 20, 50),
        (),
        on(estimates.copy_average, "count", whole=True, tools=True),
    ),
    forges=True,
)

IMAGE: tuple[Transformation, ...] = (
    *families("none", ("none", "no change", "", NO_AXIS, NO_AXIS, on(basic.identity))),
    *IN_PLACE,
    *_LOCALISED,
    *_DESYNCHRONISED,
    *_ANALOGUE,
    *_MALICIOUS,
    *_FORGED,
)
"""Every family of changes of a picture."""
