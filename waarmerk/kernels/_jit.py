"""The one decorator every kernel wears.

`kernel` is ``numba.njit(cache=True, nogil=True)`` with the decisions of this project in it:

- **cached**, so that a process pays for compilation once in its life and not at every start;
- **nogil**, so that threads of a scan really run side by side; never ``parallel=True``, whose
  thread pools do not survive a fork and whose sums depend on the number of threads;
- **divisions as in NumPy** (``error_model="numpy"``): Python's check for a zero divisor keeps a
  loop from being vectorised, which made the residual of a picture seven times slower;
- **exact arithmetic** unless a kernel asks for ``fastmath``: scores must be the same everywhere.

Numba looks for a place for its cache when the function is decorated: ``NUMBA_CACHE_DIR``, the
``__pycache__`` beside the source, the user's cache directory. Where none of them can be written (an
installation owned by root in a container without a home) it raises, and `import` would fail. Then
the kernel is compiled in memory: slower to start, otherwise the same.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

import numba

__all__ = ["kernel"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def kernel(func: F, /) -> F: ...


@overload
def kernel(*, fastmath: bool | set[str] = False) -> Callable[[F], F]: ...


def kernel(func: F | None = None, /, *, fastmath: bool | set[str] = False) -> F | Callable[[F], F]:
    """Compile a function with Numba, cached where a cache can be written.

    Parameters
    ----------
    func : callable
        The kernel: a plain function of arrays and scalars. Compiled at its first call, once for
        every combination of argument types.
    fastmath : bool or set of str, optional
        Passed to Numba. Only for kernels without NaN and infinity whose tests allow a tolerance;
        a set such as ``{"contract", "reassoc"}`` allows only what it names.

    Returns
    -------
    callable
        The compiled kernel; with keywords only, a decorator that gives it.

    Examples
    --------
    >>> @kernel
    ... def double(values):
    ...     return values * 2
    >>> @kernel(fastmath={"reassoc"})
    ... def total(values):
    ...     return values.sum()
    """

    def compiled(plain: F) -> F:
        options: dict[str, Any] = {
            "nogil": True,
            "fastmath": fastmath,
            "error_model": "numpy",
        }
        try:
            result: F = numba.njit(plain, cache=True, **options)
        except RuntimeError as error:
            # Numba has no exception of its own for this; any other RuntimeError is a bug to see.
            if "no locator available" not in str(error):
                raise
            result = numba.njit(plain, **options)
        return result

    return compiled if func is None else compiled(func)
