"""Results of the lyapunov stage made by hand."""

from __future__ import annotations

from typing import Any

from panic_tda.store.lyapunov import RunGroup, StoredLyapunov


def lyapunov_result(group: RunGroup, version: str, **changes: Any) -> StoredLyapunov:
    """A result of three runs of five steps each."""
    facts: dict[str, Any] = {
        **dict.fromkeys(("exponent", "early_exponent"), 0.05),
        **dict.fromkeys(("exponent_low", "early_low"), 0.04),
        **dict.fromkeys(("exponent_high", "early_high"), 0.06),
        **dict.fromkeys(("r_squared", "early_r_squared"), 0.99),
        "standard_error": 0.005,
        "saturation_step": None,
        "divergence_curve": [0.1, 0.2],
        "log_divergence_curve": [-2.3, -1.6],
        "num_pairs": 3,
        "merged_pairs": 0,
        "num_timesteps": 2,
        "num_runs": 3,
        "num_invocations": 15,
        "num_points": 6,
        "unmeasured": 0,
        "cautions": ["only 3 pairs"],
        "absence": None,
        "seconds": 0.5,
    }
    return StoredLyapunov(group, version, **facts | changes)
