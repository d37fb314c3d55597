import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import waarmerk
from waarmerk.kernels._jit import kernel

SCRIPT = """
import numba
import numpy as np
from waarmerk.kernels._jit import kernel

def plain(values):
    total = 0.0
    for value in values:
        total += value
    return total

try:
    numba.njit(plain, cache=True)
    print("cache")
except RuntimeError as error:
    print("no cache")

bare = kernel(plain)
with_keywords = kernel(fastmath=True)(plain)
print(bare(np.arange(5.0)), with_keywords(np.arange(5.0)))
print(sum(bare.stats.cache_hits.values()), sum(bare.stats.cache_misses.values()))
"""


def run(folder: Path, **variables: str) -> list[str]:
    script = folder / "script.py"
    if not script.exists():
        script.write_text(SCRIPT)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_"))}
    environment["PYTHONPATH"] = str(Path(waarmerk.__file__).parents[1])
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", str(script)],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_compiles_in_memory_where_no_cache_can_be_written(tmp_path):
    # A file where the cache folder should be keeps even root from writing there.
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    home = str(tmp_path / "home" / "user")
    lines = run(tmp_path, HOME=home, XDG_CACHE_HOME=home, LOCALAPPDATA=home)
    assert lines == ["no cache", "10.0 10.0", "0 1"]


def test_is_compiled_once_and_then_found_in_the_cache(tmp_path):
    folder = str(tmp_path / "cache")
    assert run(tmp_path, NUMBA_CACHE_DIR=folder) == ["cache", "10.0 10.0", "0 1"]
    assert run(tmp_path, NUMBA_CACHE_DIR=folder) == ["cache", "10.0 10.0", "1 0"]


def test_a_kernel_keeps_its_name_and_its_exact_sums():
    @kernel
    def total(values):
        """Add up."""
        result = 0.0
        for value in values:
            result += value
        return result

    assert total.__name__ == "total"
    assert total.__doc__ == "Add up."
    values = np.array([1e16, 1.0, -1e16, 1.0])
    assert total(values) == ((1e16 + 1.0) - 1e16) + 1.0
