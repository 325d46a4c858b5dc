"""What tells runs apart: network or the models in it, prompt, and seed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from panic_tda.answers.trajectory import Trajectory, cycle_length


def factors_of(trajectories: Sequence[Trajectory]) -> dict[str, list[Hashable]]:
    """For each factor that differs between these runs the level of each run.

    Networks whose cycles go through the same types are told apart by the model at each place of the cycle where they
    differ, others as a whole. Seeds count only where every run was given one: a drawn seed is nothing runs share.
    """
    runs = [each.run for each in trajectories]
    found: dict[str, list[Hashable]] = dict(_models(trajectories))
    found["prompt"] = [run.prompt_sha256 for run in runs]
    if all(run.seed >= 0 for run in runs):
        found["seed"] = [run.seed for run in runs]
    return {name: levels for name, levels in found.items() if len(set(levels)) > 1}


def _models(trajectories: Sequence[Trajectory]) -> dict[str, list[Hashable]]:
    networks: list[Hashable] = [each.run.network for each in trajectories]
    cycles = [_cycle(each) for each in trajectories]
    kinds = {tuple(kind for kind, _ in cycle) for cycle in cycles}
    if len(set(networks)) < 2 or len(kinds) > 1:
        return {"network": networks}
    (made,) = kinds
    names = [f"{made[place - 1] if place else made[-1]}-to-{kind} model" for place, kind in enumerate(made)]
    columns: dict[str, list[Hashable]] = {}
    for place, name in enumerate(names):
        told = name if names.count(name) == 1 else f"{name} at place {place + 1}"
        columns[told] = [cycle[place][1] for cycle in cycles]
    varying = {name: models for name, models in columns.items() if len(set(models)) > 1}
    return varying if len(set(zip(*varying.values(), strict=True))) == len(set(networks)) else {"network": networks}


def _cycle(trajectory: Trajectory) -> list[tuple[str, str]]:
    """What each place of the cycle makes, and the model there."""
    seen = {step.position: (step.type, step.model) for step in trajectory.steps}
    return [seen.get(place, ("", "")) for place in range(cycle_length(trajectory))]
