"""Figures as SVG that stands inside a page: matplotlib draws, the page colours.

matplotlib knows one set of colours and one font; a page has a light and a dark one, and its own
font. So everything is drawn in stand-in colours, which become CSS variables afterwards, text stays
text, and style attributes become plain ones, as the page forbids inline styles::

    <path style="fill: #a00001; opacity: 0.5"/>   ->   <path fill="var(--s1)" opacity="0.5"/>
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from waarmerk.bench.report.measures import Rate
from waarmerk.console import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GRID", "INK", "Look", "axes_of", "band", "drawing", "inline", "look", "swatch", "tidy"]

INK: Final = "#000001"
GRID: Final = "#000002"
_SERIES: Final = tuple(f"#a0000{number}" for number in range(1, 7))
_VARIABLES: Final = {
    INK: "var(--ink)",
    GRID: "var(--grid)",
    **{colour: f"var(--s{number})" for number, colour in enumerate(_SERIES, 1)},
}
# Numbers of elements that have no factor in common, so that 42 series look different.
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: Final = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 3)))

_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "waarmerk",  # the same ids every time
    "text.parse_math": False,  # a dollar sign in a name is one
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12,
    "axes.unicode_minus": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
}
_NOTHING: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
# What the style sheet of the page says of all figures, or what does nothing. Nothing is drawn
# outside its axes, so that nothing has to be clipped.
_DEFAULTS: Final = {
    **{"clip-path": None, "stroke-linejoin": None, "stroke-linecap": None, "font-family": None},
    **{"font-size": "12", "stroke-width": "0.8"},
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a series looks: its stand-in colour, marker and dashes."""

    colour: str
    marker: str
    dashes: Any


def look(number: int) -> Look:
    """Return the look of series `number`, from 0 on."""
    return Look(
        _SERIES[number % len(_SERIES)],
        _MARKERS[number % len(_MARKERS)],
        _DASHES[number % len(_DASHES)],
    )


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with our settings, whatever somebody's matplotlibrc says. Decorates what draws."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The page's font draws the text, so that it does not matter what matplotlib's lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def axes_of(
    size: tuple[float, float], margins: tuple[float, float, float, float], columns: int = 1
) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure and its axes, from left to right.

    Parameters
    ----------
    size
        Width and height in CSS pixels.
    margins
        In pixels as well: left, bottom, right, top. They are not left to matplotlib, as it does not
        know the font that the page will take.
    """
    width, height = size
    left, bottom, right, top = margins
    figure = Figure(figsize=(width / 72, height / 72), facecolor="none")
    FigureCanvasSVG(figure)
    axes = figure.subplots(1, columns, squeeze=False, sharey=True)[0]
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height, 0.14)
    for one in axes:
        one.set_facecolor("none")
        one.set_axisbelow(True)
    return figure, list(axes)


def band(axes: Axes, x: Sequence[float], rates: Sequence[Rate], colour: str) -> None:
    """Draw the intervals of rates along a curve, in per cent."""
    edge = [*((p, one["low"]) for p, one in zip(x, rates, strict=True))]
    edge += [(p, one["high"]) for p, one in reversed([*zip(x, rates, strict=True)])]
    axes.fill([p for p, _ in edge], [100 * y for _, y in edge], color=colour, alpha=0.14, lw=0)


def inline(figure: Figure, name: str, title: str, description: str) -> str:
    """Return a figure as an SVG element for a page.

    Parameters
    ----------
    name
        Unique on the page: goes before every id.
    title, description
        What is said to those who do not see it.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata=_NOTHING)
    root = ET.fromstring(out.getvalue())  # noqa: S314 - we wrote it
    root.tag = "svg"
    _clean(root)
    _rename(root, name)
    width, height = (float(root.get("viewBox", "").split()[index]) for index in (2, 3))
    root.attrib = {
        "viewBox": f"0 0 {width:g} {height:g}",
        "width": f"{width:g}",
        "height": f"{height:g}",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
    }
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{name}-{tag}"})
        element.text = tidy(text)
        root.insert(position, element)
    return ET.tostring(root, encoding="unicode")


@drawing()
def swatch(number: int) -> str:
    """Return a piece of the line of series `number`, for a legend."""
    figure, (axes,) = axes_of((44, 16), (1, 1, 1, 1))
    axes.set_axis_off()
    one = look(number)
    axes.plot([0, 1, 2], [0, 0, 0], color=one.colour, linestyle=one.dashes)
    axes.plot([1], [0], color=one.colour, marker=one.marker)
    svg = inline(figure, f"swatch-{number}", "", "")
    # The name stands beside it.
    svg = re.sub(r"<(title|desc) [^>]*/>", "", svg)
    return re.sub(r'role="img" aria-labelledby="[^"]*"', 'aria-hidden="true"', svg)


def tidy(text: str) -> str:
    """Return text of strangers that XML can hold."""
    return shown(text)


def _clean(parent: ET.Element) -> None:
    """Make what matplotlib writes shorter, free of styles, and ready to stand in HTML."""
    for child in list(parent):
        child.tag = child.tag.rpartition("}")[2]
        _to_attributes(child)
        _clean(child)
        empty = child.tag in ("g", "defs") and not len(child)
        unseen = child.tag == "path" and {child.get("fill"), child.get("stroke")} <= {"none", None}
        other = child.tag in ("metadata", "style", "clipPath")
        if other or empty or (unseen and parent.tag == "g"):
            parent.remove(child)
        elif child.tag == "g" and not set(child.attrib) - {"id"}:
            place = list(parent).index(child)
            parent.remove(child)
            for offset, inner in enumerate(list(child)):
                parent.insert(place + offset, inner)
    parent.text = parent.text if parent.tag in ("text", "tspan") else None
    for child in parent:
        child.tail = None


def _to_attributes(element: ET.Element) -> None:
    values = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    style = values.pop("style", "")
    values |= dict(item.split(": ", 1) for item in style.split("; ") if ": " in item)
    if (font := values.pop("font", None)) and (size := re.search(r"([\d.]+)px", font)):
        values["font-size"] = size.group(1)
    element.attrib.clear()
    for key, value in values.items():
        own = _VARIABLES.get(value, value).removesuffix("px")
        plain = key in _DEFAULTS and _DEFAULTS[key] in (None, own)
        upright = key == "transform" and own.startswith("rotate(-0 ")
        if not (plain or upright or (element.tag == "text" and own == "var(--ink)")):
            element.set(key, _shorter(own) if key in ("d", "transform", "x", "y") else own)


def _shorter(value: str) -> str:
    """Round to a tenth of a pixel."""
    rounded = _NUMBER.sub(lambda found: f"{float(found.group()):.1f}", value)
    return " ".join(rounded.replace(".0 ", " ").split())


def _rename(root: ET.Element, name: str) -> None:
    """Put `name` before all ids that something refers to, and drop the others."""
    used = sorted({value[1:] for one in root.iter() if (value := one.get("href"))})
    short = {old: f"{name}-{number}" for number, old in enumerate(used)}
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in short:
            element.set("id", short[own])
        if reference := element.get("href"):
            element.set("href", f"#{short[reference[1:]]}")
