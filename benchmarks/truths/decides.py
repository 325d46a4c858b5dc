"""Which part decides: factors of known effect, and factors that do nothing, beside others that do much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.permanova import Effect, permanova
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]
Factors = Mapping[str, Sequence[int]]
SPECTRUM = np.arange(1, 51) ** -0.5
"""Standard deviations of noise in 50 coordinates, as uneven as those of embeddings."""


def _crossed(**levels: int) -> dict[str, list[int]]:
    """Every combination of the levels once."""
    grids = np.meshgrid(*(np.arange(count) for count in levels.values()), indexing="ij")
    return {name: grid.ravel().tolist() for name, grid in zip(levels, grids, strict=True)}


def _effects(distances: Floats, factors: Factors, rng: np.random.Generator, permutations: int) -> dict[str, Effect]:
    found = permanova(distances, factors, rng, permutations=permutations, resamples=1)
    return {effect.factor: effect for effect in found.effects}


def _null(draw: Callable[[np.random.Generator], tuple[Floats, Factors]], factor: str) -> Callable[[Effort], Recovered]:
    def check(effort: Effort) -> Recovered:
        rng, trials, false = np.random.default_rng(1), effort.trials(1_000), 0
        for _ in range(trials):
            distances, factors = draw(rng)
            false += _effects(distances, factors, rng, 199)[factor].p_value <= 0.05
        share = Share(false, trials)
        return Recovered("", share.within(0.03, 0.07, full=1_000), None, share)

    return check


def _nothing(rng: np.random.Generator) -> tuple[Floats, Factors]:
    return euclidean_distances(rng.normal(size=(40, 50)) * SPECTRUM), {"seed": _crossed(seed=4, repeat=10)["seed"]}


def _strong_prompt(rng: np.random.Generator) -> tuple[Floats, Factors]:
    factors = _crossed(prompt=10, seed=6)
    means = 3.0 * rng.normal(size=(10, 50)) * SPECTRUM
    return euclidean_distances(means[factors["prompt"]] + rng.normal(size=(60, 50)) * SPECTRUM), factors


def _tied_prompt(rng: np.random.Generator) -> tuple[Floats, Factors]:
    """The model depends on the prompt in six cases of ten, and the numbers of runs are uneven."""
    prompt = rng.integers(8, size=60)
    model = np.where(rng.random(60) < 0.6, prompt % 3, rng.integers(3, size=60))
    means = 3.0 * rng.normal(size=(8, 50)) * SPECTRUM
    points = means[prompt] + rng.normal(size=(60, 50)) * SPECTRUM
    return euclidean_distances(points), {"prompt": prompt.tolist(), "model": model.tolist()}


def _latin_square(rng: np.random.Generator) -> tuple[Floats, Factors]:
    """Each pair of prompt and seed has one model, so that only residuals can be dealt."""
    factors = _crossed(prompt=6, seed=6)
    model = [(prompt + seed) % 6 for prompt, seed in zip(factors["prompt"], factors["seed"], strict=True)]
    means = 3.0 * rng.normal(size=(6, 50)) * SPECTRUM
    points = means[factors["prompt"]] + rng.normal(size=(36, 50)) * SPECTRUM
    return euclidean_distances(points), factors | {"model": model}


def _motif(rng: np.random.Generator) -> tuple[Floats, Factors]:
    """Final motifs: the prompt favours some of six, the seed none."""
    factors = _crossed(prompt=10, seed=8)
    favour = rng.dirichlet(np.full(6, 0.5), size=10)
    motif = np.array([rng.choice(6, p=favour[prompt]) for prompt in factors["prompt"]])
    return (motif[:, None] != motif[None, :]).astype(np.float64), factors


def _steps(rng: np.random.Generator) -> tuple[Floats, Factors]:
    """Skewed numbers, such as steps until a run is stuck."""
    factors = _crossed(prompt=10, seed=6)
    steps = rng.geometric(rng.uniform(0.05, 0.5, size=10)[factors["prompt"]])
    return np.abs(np.subtract.outer(steps, steps)).astype(np.float64), factors


def _ranking(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(2), effort.trials(500)
    planted = {"prompt": 0.4, "text_to_image": 0.15, "image_to_text": 0.05, "seed": 0.0}
    factors = _crossed(prompt=6, text_to_image=3, image_to_text=3, seed=3)
    ranked = seen = 0
    for _ in range(trials):
        effects = _effects(euclidean_distances(_planted(factors, planted, rng)), factors, rng, 99)
        shares = [effects[name].share.estimate for name in planted]
        ranked += shares == sorted(shares, reverse=True)
        seen += all(effects[name].p_value <= 0.05 for name in planted if planted[name])
    power = Share(seen, trials)
    held = ranked >= 0.95 * trials and power.value >= 0.8
    return Recovered(f"ranked in {100 * ranked / trials:.1f} %", held, None, None, power)


def _planted(factors: Factors, shares: Mapping[str, float], rng: np.random.Generator) -> Floats:
    """Points (n, 50) whose factors have exactly these shares of the variance, and noise the rest."""
    scale = SPECTRUM / np.linalg.norm(SPECTRUM)
    n = len(next(iter(factors.values())))
    points: Floats = rng.normal(size=(n, 50)) * scale * np.sqrt(1.0 - sum(shares.values()))
    for name, share in shares.items():
        means = rng.normal(size=(max(factors[name]) + 1, 50)) * scale
        means -= means.mean(axis=0)
        means *= np.sqrt(share / (means**2).sum(axis=1).mean())
        points = points + means[factors[name]]
    return points


def _shares(effort: Effort) -> Recovered:
    rng, trials, hits = np.random.default_rng(3), effort.trials(500), 0
    planted, factors = {"prompt": 0.4, "seed": 0.1}, _crossed(prompt=10, seed=6)
    estimates = []
    for _ in range(trials):
        distances = euclidean_distances(_planted(factors, planted, rng))
        prompt = permanova(distances, factors, rng, permutations=1, resamples=300).effects[0]
        estimates.append(prompt.share.estimate)
        hits += prompt.share.low <= 0.4 <= prompt.share.high
    covered, mean = Share(hits, trials), float(np.mean(estimates))
    held = covered.within(0.91, 0.98, full=500) and abs(mean - 0.4) < 0.02
    return Recovered(f"{mean:.3f} on average", held, covered)


def _spread(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(4), effort.trials(1_000)
    factors = _crossed(prompt=10, network=2, seed=4)

    def doubted(ratio: float) -> Share:
        alarms = 0
        for _ in range(trials):
            widths = np.where(np.array(factors["network"]) == 1, ratio, 1.0)[:, None]
            means = 3.0 * rng.normal(size=(10, 50)) * SPECTRUM
            points = means[factors["prompt"]] + widths * rng.normal(size=(80, 50)) * SPECTRUM
            effect = _effects(euclidean_distances(points), {n: factors[n] for n in ("prompt", "network")}, rng, 1)
            alarms += effect["network"].dispersion_p <= 0.05
        return Share(alarms, trials)

    false, power = doubted(1.0), doubted(1.5)
    return Recovered("", false.within(0.03, 0.07, full=1_000) and power.value >= 0.8, None, false, power)


TRUTHS = [
    Truth("decides: shares of the factors", "40, 15, 5 and 0 % of 162 runs", "ranked in 95 %, power ≥ 0.8", _ranking),
    Truth("decides: interval of a share", "40 %", "91–98 % in, mean within 2", _shares),
    Truth("decides: null factor", "nothing at all", "3–7 %", _null(_nothing, "seed")),
    Truth("decides: null factor", "beside a strong prompt", "3–7 %", _null(_strong_prompt, "seed")),
    Truth("decides: null factor", "tied to a strong prompt, uneven", "3–7 %", _null(_tied_prompt, "model")),
    Truth("decides: null factor", "Latin square with a strong prompt", "3–7 %", _null(_latin_square, "model")),
    Truth("decides: null factor", "final motif, strong prompt", "3–7 %", _null(_motif, "seed")),
    Truth("decides: null factor", "skewed numbers, strong prompt", "3–7 %", _null(_steps, "seed")),
    Truth("decides: spread of a factor", "one network 1.5 times as wide", "3–7 %, power ≥ 0.8", _spread),
]
