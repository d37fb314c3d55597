"""What a sum of scores is worth: the probability that chance alone gives as much.

Scores of counted tokens are independent and follow a known law where the key had no part in the
text (`waarmerk.marking.text.scheme.Law`), so the tail of their sum is known too. Two ways to it:

- `Tail.bounds`, for many sums at once: Chernoff's bound ``exp(n K(s) - s t)`` with K the logarithm
  of the law's moment generating function. Every s > 0 gives a valid bound; the best of a table
  of s is taken, so that a bound costs a few multiplications.
- `Tail.exact`, for one sum: the binomial and gamma tails as series in logarithms, which do not
  underflow, and for any other law the tilted convolution. With q_s the law tilted by s so that its
  mean is t / n,

      P(S >= t) = exp(n K(s) - s t) * sum over j >= 0 of q_s^{*n}(t + j) exp(-s j),

  and the convolution q_s^{*n} near its mean comes out of one Fourier transform with an error in
  the last digits, however small the probability itself is.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from waarmerk.marking.text.scheme import Bernoulli, Exponentials, Lattice, Law

__all__ = ["Tail", "tail_of"]

_LN10 = math.log(10.0)
_STEPS = 400
_MOST_POINTS = 1 << 22

Floats = NDArray[np.float64]


class Tail:
    """Tails of sums of independent scores that follow one law."""

    def __init__(self, law: Law) -> None:
        self._law = law

    @cached_property
    def mean(self) -> float:
        """What a score is on average."""
        law = self._law
        if isinstance(law, Bernoulli):
            return law.probability
        if isinstance(law, Exponentials):
            return sum(law.weights)
        return float(law.probabilities @ _values(law))

    @cached_property
    def table(self) -> tuple[Floats, Floats, Floats]:
        """A grid of s, with K(s) and its derivative, each float64 [steps] and rising."""
        law = self._law
        if isinstance(law, Bernoulli):
            p = law.probability
            s = np.geomspace(1e-3, 40.0, _STEPS)
            tilted = p * np.exp(s)
            return s, np.log1p(p * np.expm1(s)), tilted / (1.0 - p + tilted)
        if isinstance(law, Exponentials):
            heaviest = max(law.weights)
            s = (1.0 - np.geomspace(0.999, 1e-4, _STEPS)) / heaviest
            w = np.array(law.weights)[:, None]
            return s, -np.log1p(-w * s).sum(axis=0), (w / (1.0 - w * s)).sum(axis=0)
        values = _values(law)
        deviation = math.sqrt(float(law.probabilities @ (values - self.mean) ** 2))
        s = np.geomspace(1e-3, 30.0, _STEPS) / deviation
        top = values.max()
        # Relative to the largest value, so that nothing overflows.
        powers = law.probabilities * np.exp(np.outer(s, values - top))
        total = powers.sum(axis=1)
        return s, np.log(total) + s * top, (powers @ values) / total

    def bounds(self, totals: Floats, counts: NDArray[np.integer]) -> Floats:
        """Bound many tails.

        Parameters
        ----------
        totals
            float64 [k], the sums.
        counts
            int [k], of how many scores.

        Returns
        -------
        float64 [k]
            log10 of a bound on the probability of a sum at least as large; 0 or less.
        """
        s, log_mgf, means = self.table
        share = totals / np.maximum(counts, 1)
        # The s whose tilted mean is the one observed is best; its neighbour is nearly so.
        at = np.minimum(np.searchsorted(means, share), s.size - 1)
        below = np.maximum(at - 1, 0)
        best = np.minimum(
            counts * log_mgf[at] - s[at] * totals, counts * log_mgf[below] - s[below] * totals
        )
        return np.where(counts > 0, np.minimum(best, 0.0), 0.0) / _LN10

    def exact(self, total: float, count: int) -> float:
        """Return log10 of the probability of a sum at least this large; 0 or less."""
        if count <= 0 or (total <= 0 and not isinstance(self._law, Lattice)):
            return 0.0
        law = self._law
        if isinstance(law, Bernoulli):
            return _binomial(math.ceil(total - 1e-6), count, law.probability)
        if isinstance(law, Exponentials):
            if law.weights == (1.0,):
                return _gamma(total, count)
            return float(self.bounds(np.array([total]), np.array([count]))[0])
        return self._convolved(math.ceil(total - 1e-6), count, law)

    def _convolved(self, total: int, count: int, law: Lattice) -> float:
        s, _, means = self.table
        share = total / count
        top = law.low + law.probabilities.size - 1
        if share > top:
            return -math.inf
        if share <= self.mean:
            return 0.0  # more likely than not; nobody needs its digits
        tilt = float(s[-1]) if share >= means[-1] else float(np.interp(share, means, s))
        values = _values(law)
        powers = law.probabilities * np.exp(tilt * (values - top))
        mass = float(powers.sum())
        tilted = powers / mass
        exponent = count * (math.log(mass) + tilt * top) - tilt * total
        mean = float(tilted @ values)
        deviation = math.sqrt(count * float(tilted @ (values - mean) ** 2))
        # What lies 14 deviations away does not come round again to where it would be seen.
        reach = int(14 * deviation) + 2 * law.probabilities.size + abs(int(count * mean) - total)
        points = 1 << (2 * reach - 1).bit_length()
        if points > _MOST_POINTS:
            return min(0.0, exponent / _LN10)  # Chernoff's bound itself, a decade or two above
        law_of_sum = np.fft.irfft(_power(np.fft.rfft(tilted, points), count), points)
        shift = total - count * law.low  # the first of the values that count, where 0 is n * low
        ahead = np.arange(min(reach, int(60.0 / tilt) + 1))  # what is further is exp(-60) of it
        chance = np.maximum(law_of_sum[(shift + ahead) % points], 0.0)
        factor = float(chance @ np.exp(-tilt * ahead))
        if factor <= 0.0:
            return min(0.0, exponent / _LN10)
        return min(0.0, (exponent + math.log(factor)) / _LN10)


def _power(values: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """Return values ** exponent, for whole exponents from 1: several times as fast as NumPy's."""
    out = None
    while exponent:
        if exponent & 1:
            out = values if out is None else out * values
        exponent >>= 1
        if exponent:
            values = values * values
    assert out is not None  # noqa: S101 - for the type checker
    return out


@lru_cache(maxsize=256)
def _cached(kind: str, numbers: tuple[float, ...]) -> Tail:
    return Tail(Bernoulli(numbers[0]) if kind == "bernoulli" else Exponentials(numbers))


_LATTICES: dict[tuple[int, bytes], Tail] = {}


def tail_of(law: Law) -> Tail:
    """Return the tail of a law; its tables are kept."""
    if isinstance(law, Bernoulli):
        return _cached("bernoulli", (law.probability,))
    if isinstance(law, Exponentials):
        return _cached("exponentials", law.weights)
    key = (law.low, law.probabilities.tobytes())
    if key not in _LATTICES:
        if len(_LATTICES) >= 256:
            _LATTICES.clear()
        _LATTICES[key] = Tail(law)
    return _LATTICES[key]


def _values(law: Lattice) -> Floats:
    return law.low + np.arange(law.probabilities.size, dtype=np.float64)


def _binomial(k: int, n: int, p: float) -> float:
    """Return log10 P(X >= k) for X binomial: its largest term, and the series behind it."""
    if k <= 0:
        return 0.0
    if k > n:
        return -math.inf
    if k <= n * p:
        return 0.0
    first = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    first += k * math.log(p) + (n - k) * math.log1p(-p)
    j = np.arange(k, n, dtype=np.float64)
    ratios = (n - j) / (j + 1.0) * (p / (1.0 - p))  # each below 1, and falling
    series = 1.0 + float(np.cumprod(ratios).sum())
    return min(0.0, (float(first) + math.log(series)) / _LN10)


def _gamma(x: float, n: int) -> float:
    """Return log10 P(X >= x) for X a sum of n exponentials: a Poisson sum, largest term first."""
    if x <= n:
        return 0.0
    # P(X >= x) = sum over k < n of exp(-x) x^k / k!
    first = -x + (n - 1) * math.log(x) - float(gammaln(n))
    ratios = np.arange(n - 1, 0, -1, dtype=np.float64) / x
    series = 1.0 + float(np.cumprod(ratios).sum())
    return min(0.0, (first + math.log(series)) / _LN10)
