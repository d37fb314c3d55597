"""Token schemes: marks that are made while a text is sampled. One file a family.

`SynthID`, `KGW` and `Gumbel` are the published ones, exactly as serving engines and libraries run
them; `TextMark` is the project's own, which can carry a mark id. All share the few methods of
`scheme.TextScheme`; `process` and `sampling` run them, `description` keeps them in files. Only
detection, the API and the command line import from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waarmerk.marking.text.description import load_scheme, new_scheme, save_scheme
    from waarmerk.marking.text.gumbel import Gumbel
    from waarmerk.marking.text.kgw import KGW
    from waarmerk.marking.text.process import Batch, Processor
    from waarmerk.marking.text.sampling import generate
    from waarmerk.marking.text.synthid import SynthID
    from waarmerk.marking.text.textmark import TextMark

__all__ = [
    "KGW",
    "Batch",
    "Gumbel",
    "Processor",
    "SynthID",
    "TextMark",
    "generate",
    "load_scheme",
    "new_scheme",
    "save_scheme",
]

_HOME = {
    "Batch": "process",
    "Gumbel": "gumbel",
    "KGW": "kgw",
    "Processor": "process",
    "SynthID": "synthid",
    "TextMark": "textmark",
    "generate": "sampling",
    "load_scheme": "description",
    "new_scheme": "description",
    "save_scheme": "description",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
