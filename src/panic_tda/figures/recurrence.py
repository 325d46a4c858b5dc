"""Has the run been here before? The distance between every two of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from panic_tda.answers.trajectory import Cloud, clouds, evenly, run_rows, trajectories
from panic_tda.answers.words import count, run_names
from panic_tda.figures.drawing import INK, TEXT, VERMILLION, name_axes, panels

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

_LARGEST_SIDE = 400


def recurrence_plots(
    runs: pl.DataFrame, invocations: pl.DataFrame, embeddings: pl.DataFrame, *, columns: int = 3
) -> Figure:
    """A heat map of the distances between all embedded outputs of a run, one panel for each (run, embedder).

    Outputs that are equal bit for bit are marked, so that a loop shows as diagonal stripes. At most 400 outputs
    of a run are drawn, evenly spread; the title says so.
    """
    names = run_names(run_rows(runs))
    hashes = {
        each.run.run_id: {step.sequence_number: step.sha256 for step in each.steps}
        for each in trajectories(runs, invocations)
    }
    found = clouds(runs, embeddings)
    figure, axes = panels(len(found), columns=columns, width=3.9, height=4.1)
    for each, cloud in zip(axes, found, strict=True):
        chosen = evenly(len(cloud.steps), _LARGEST_SIDE)
        sampled = f" ({len(chosen)} of {len(cloud.steps)} outputs)" if len(chosen) < len(cloud.steps) else ""
        thinned = Cloud(cloud.run_id, cloud.model, cloud.steps[chosen], cloud.vectors[chosen])
        _heat_map(each, thinned, [hashes[cloud.run_id].get(int(step)) for step in thinned.steps])
        name_axes(each, f"{names[cloud.run_id]}, seen by {cloud.model}{sampled}", "Step", "Step")
    return figure


def exact_repeats(hashes: list[str | None]) -> NDArray[np.bool_]:
    """Which two different steps have equal outputs, shape (n, n); the diagonal is not marked."""
    import numpy as np

    codes = {name: code for code, name in enumerate(dict.fromkeys(hashes))}
    numbers = np.array([codes[name] for name in hashes])
    known = np.array([name is not None for name in hashes])
    same: NDArray[np.bool_] = (numbers[:, None] == numbers[None, :]) & known[:, None] & known[None, :]
    np.fill_diagonal(same, False)
    return same


def _heat_map(axes: Axes, cloud: Cloud, hashes: list[str | None]) -> None:
    from matplotlib.colors import to_rgba_array
    from matplotlib.patches import Patch

    from panic_tda.analysis.distances import euclidean_distances

    repeats = exact_repeats(hashes)
    distances = euclidean_distances(cloud.vectors)
    shown = axes.imshow(
        distances, origin="lower", cmap="cividis", vmin=0, vmax=max(0.1, distances.max()), interpolation="none"
    )
    overlay = to_rgba_array(VERMILLION)[0] * repeats[..., None]
    axes.imshow(overlay, origin="lower", interpolation="none")
    _colour_bar(axes, shown)
    _step_ticks(axes, cloud)
    pairs = int(repeats.sum()) // 2
    if pairs:
        named = Patch(color=VERMILLION, label=f"exact repeat ({count(pairs, 'pair')})")
        axes.legend(handles=[named], loc="upper left", bbox_to_anchor=(0, -0.16), frameon=False, fontsize=TEXT - 1,
                    labelcolor=INK)  # fmt: skip


def _colour_bar(axes: Axes, shown: AxesImage) -> None:
    """Beside the heat map and as high as it."""
    from matplotlib.colorbar import Colorbar

    bar = Colorbar(axes.inset_axes((1.04, 0, 0.05, 1)), shown)
    bar.set_label("Distance (0 to 2)", fontsize=TEXT, color=INK)
    bar.ax.tick_params(labelsize=TEXT - 1, colors=INK, width=0.6)
    bar.outline.set_visible(False)


def _step_ticks(axes: Axes, cloud: Cloud) -> None:
    places = evenly(len(cloud.steps), 5)
    labels = [str(int(cloud.steps[place])) for place in places]
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels)
