"""How a family of changes of a picture is made of a function and the parameter that its axis is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from waarmerk.bench.protocol import Category, Tools, Transformation

__all__ = ["ANGLE", "AREA", "FACTOR", "KEPT", "NO_AXIS", "families", "on", "percent"]

Change = Callable[[np.ndarray, float, Tools], np.ndarray]
Row = tuple[str, str, str, tuple[float, ...], tuple[float, ...], Change]
"""Name, title, axis, strengths, those of the quick profile, and what changes the picture."""

NO_AXIS = (0.0,)
AREA = "share of the area, %"
KEPT = "share of the area kept, %"
ANGLE = "angle, degrees"
FACTOR = "factor"


def _change(
    value: np.ndarray,
    strength: float,
    tools: Tools,
    *,
    function: Callable[..., np.ndarray],
    parameter: Callable[[float], dict[str, Any]],
    whole_tools: bool,
) -> np.ndarray:
    result = function(value, tools if whole_tools else tools.rng, **parameter(strength))
    # Views of the input, as mirrors are, become arrays of their own.
    return result.copy() if np.shares_memory(result, value) else np.ascontiguousarray(result)


def _as(name: str, scale: float, strength: float) -> dict[str, Any]:
    return {name: strength * scale}


def _whole(name: str, _scale: float, strength: float) -> dict[str, Any]:
    return {name: round(strength)}


def _nothing(_name: str, _scale: float, _strength: float) -> dict[str, Any]:
    return {}


def on(
    function: Callable[..., np.ndarray],
    name: str = "",
    *,
    scale: float = 1.0,
    whole: bool = False,
    tools: bool = False,
    **fixed: Any,
) -> Change:
    """Return a change that calls `function` with the strength, `scale` times, as `name`.

    A `whole` strength is passed as an integer; a function that needs `tools` gets them in the
    place of the random generator.
    """
    convert = _nothing if not name else _whole if whole else _as
    return partial(
        _change,
        function=partial(function, **fixed),
        parameter=partial(convert, name, scale),
        whole_tools=tools,
    )


percent = partial(on, scale=0.01)
"""As `on`, for a function that wants a share where the axis is in per cent."""


def families(category: Category, *rows: Row, forges: bool = False) -> tuple[Transformation, ...]:
    """Return a family for each row of a table."""
    return tuple(
        Transformation(
            name,
            "image",
            category,
            title,
            axis,
            tuple(map(float, strengths)),
            change,
            quick=tuple(map(float, quick)),
            forges=forges,
        )
        for name, title, axis, strengths, quick, change in rows
    )
