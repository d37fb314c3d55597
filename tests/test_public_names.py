"""The public face: every name is there, and importing it costs nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import waarmerk
from tests import rendered_sound

ROOT = Path(waarmerk.__file__).parent.parent
HEAVY = ("PIL", "av", "c2pa", "cryptography", "numba", "numpy", "scipy", "soundfile", "soxr")


def heavy_modules_after(code: str) -> set[str]:
    """Run code in a new process and return which heavy modules it loaded."""
    probe = f"{code}\nimport sys\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_every_public_name_is_there() -> None:
    for name in waarmerk.__all__:
        assert getattr(waarmerk, name) is not None
    assert set(waarmerk.__all__) <= set(dir(waarmerk))


def test_the_names_are_sorted() -> None:
    assert waarmerk.__all__ == sorted(waarmerk.__all__)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'unmark'"):
        _ = waarmerk.unmark  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import waarmerk") == set()


def test_a_key_loads_no_arrays() -> None:
    code = "from waarmerk import MarkingKey; MarkingKey.generate().key_id"
    assert heavy_modules_after(code) == {"cryptography"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], [], ["mark", "--help"], ["detect", "-h"], ["nonsense"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"from waarmerk.cli import run; run({arguments!r})"
    assert heavy_modules_after(code) == set()


def test_reading_a_manifest_never_loads_numba(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (64, 64), "gray").save(path)
    code = f"from waarmerk.cli import run; run(['detect', {str(path)!r}])"
    loaded = heavy_modules_after(code)
    assert "c2pa" in loaded
    assert not loaded & {"numba", "scipy"}


def test_reading_the_manifest_of_a_sound_never_loads_numba(tmp_path: Path) -> None:
    path = rendered_sound.file(tmp_path / "a.ogg", "OGG")
    code = f"from waarmerk.cli import run; run(['detect', {str(path)!r}])"
    loaded = heavy_modules_after(code)
    assert "soundfile" in loaded
    assert not loaded & {"numba", "scipy"}
