"""The interval of a share.

Resampling runs of which none (or all) did something says that none ever will; the score interval does not. Wilson,
"Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22 (1927).
"""

from __future__ import annotations

import math
from statistics import NormalDist

from panic_tda.analysis.bootstrap import Interval
from panic_tda.errors import RequestError


def share_interval(hits: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of the share ``hits`` / ``n``; of no runs at all nothing is known: [0, 1].

    Raises ``RequestError`` unless 0 ≤ hits ≤ n and 0 < level < 1.
    """
    if not 0 <= hits <= n or not 0.0 < level < 1.0:
        raise RequestError(f"a share needs 0 ≤ hits ≤ n and a level between 0 and 1, got {hits}, {n} and {level}")
    if not n:
        return Interval(math.nan, 0.0, 1.0, level, 0)
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    share, weight = hits / n, z * z / n
    centre = (share + weight / 2.0) / (1.0 + weight)
    half = z * math.sqrt(share * (1.0 - share) / n + weight / (4.0 * n)) / (1.0 + weight)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), level, n)
