"""``panic-tda cluster``: the states that outputs fall into; compute, list, show and delete clusterings."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.aliases import resolved_embedders
from panic_tda.cli.context import Context
from panic_tda.cli.output import counted, duration, print_json, print_table

if TYPE_CHECKING:
    from panic_tda.lab.cluster_outputs import ClusterRequest
    from panic_tda.lab.progress import Progress
    from panic_tda.store.database import Record

app = typer.Typer(help="Group outputs into states by their vectors.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Clustering: id, unambiguous prefix, or 'latest'.")]


@app.command()
def compute(
    context: typer.Context,
    embedder: Annotated[str, typer.Option(help="Name of an embedder, NAME@VERSION or NAME@champion.")],
    experiment: Annotated[
        list[str] | None, typer.Option(help="Only this experiment's outputs; may be repeated.", show_default="all")
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(help="'hdbscan', 'evoc' or 'optics'.", show_default="hdbscan up to 30,000 outputs, then evoc"),
    ] = None,
    min_cluster_size: Annotated[int, typer.Option(min=2, help="Outputs in the smallest cluster.")] = 5,
    min_samples: Annotated[int, typer.Option(min=2, help="Outputs in the neighbourhood a density rests on.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of EVoC, the only one that draws.")] = 0,
) -> None:
    """Cluster outputs and store the result, in place of an earlier one of the same kind."""
    from panic_tda.analysis.clustering import Sizes, algorithm_named
    from panic_tda.lab.cluster_outputs import ClusterRequest
    from panic_tda.store.experiments import experiment_ids

    options: Context = context.obj
    chosen = None if algorithm is None else algorithm_named(algorithm)
    [embedder] = resolved_embedders(options, [embedder])
    with options.record() as record:
        with record.reading() as connection:
            keys = tuple(experiment_ids(connection, experiment or []))
        sizes = Sizes(min_cluster_size, min_samples)
        _compute(options, record, ClusterRequest(embedder, keys, chosen, sizes, seed))


def _compute(options: Context, record: Record, request: ClusterRequest) -> None:
    from panic_tda.cli.interrupts import graceful
    from panic_tda.cli.progress import shown_progress
    from panic_tda.lab.cluster_shapes import layer_shapes, show_clustering
    from panic_tda.lab.clustering import compute_clustering

    begun = time.perf_counter()
    with graceful(quiet=options.quiet) as stop, shown_progress(quiet=options.quiet) as show_progress:

        def progress(each: Progress) -> None:
            show_progress(each)
            if stop.is_set() and (each.stage != "store" or each.done < each.total):
                options.say("interrupted; nothing was stored")
                raise typer.Exit(130)

        stored = compute_clustering(record, request, progress=progress, say=options.say)
    seconds = time.perf_counter() - begun
    best = next(each.id for each in stored if each.most_persistent)
    with record.reading() as connection:
        layers, shown = layer_shapes(connection, stored), show_clustering(connection, best)
    if options.json:
        print_json({"id": best, "layers": layers, "cautions": shown["cautions"], "seconds": seconds})
        return
    print(f"clustering {best}")
    print(f"{counted(shown['outputs'], 'output')} in {counted(shown['clusters'], 'cluster')}, {duration(seconds)}")
    if len(layers) > 1:
        _print_layers(layers)
    _print_cautions(shown["cautions"])


@app.command("list")
def list_(context: typer.Context) -> None:
    """Every layer of every clustering, the last one first."""
    from panic_tda.lab.cluster_shapes import list_clusterings

    options: Context = context.obj
    with options.record() as record, record.reading() as connection:
        layers = list_clusterings(connection)
    if options.json:
        print_json(layers)
        return
    _print_layers(layers)


def _print_layers(layers: Sequence[dict[str, Any]]) -> None:
    headings = ("id", "embedder", "experiments", "algorithm", "layer", "clusters", "outputs", "outliers")
    rows = [
        (
            each["id"],
            each["embedder"],
            ", ".join(key[:13] for key in each["experiments"]) or "all",
            each["algorithm"],
            _layer(each),
            each["clusters"],
            each["outputs"],
            each["outliers"],
        )
        for each in layers
    ]
    print_table(headings, rows, right=("clusters", "outputs", "outliers"))


def _layer(each: dict[str, Any]) -> str:
    """``0 of 3, finest``, ``1 of 3, most persistent``; empty for a layer that is alone."""
    if each["layers"] == 1:
        return ""
    names = {"finest": each["layer"] == 0, "most persistent": each["most_persistent"]}
    place = f"{each['layer']} of {each['layers']}"
    return ", ".join([place, *(name for name, applies in names.items() if applies)])


@app.command()
def show(context: typer.Context, id: Id) -> None:
    """The clusters of a layer: their sizes, and the output in the middle of each."""
    from panic_tda.lab.cluster_shapes import show_clustering

    options: Context = context.obj
    with options.record() as record, record.reading() as connection:
        shown = show_clustering(connection, id)
    if options.json:
        print_json(shown)
        return
    scope = ", ".join(key[:13] for key in shown["experiments"]) or "all experiments"
    parameters = ", ".join(f"{name} {value}" for name, value in shown["parameters"].items())
    print(f"clustering {shown['id']}: {shown['algorithm']} ({parameters})")
    print(f"  of        {shown['embedder']}@{shown['version']}, {scope}")
    if shown["layers"] > 1:
        print(f"  layer     {_layer(shown)}")
    print(f"  outputs   {shown['outputs']} in {counted(shown['clusters'], 'cluster')}, {shown['outliers']} outliers")
    _print_cautions(shown["cautions"])
    _print_members(shown["members"])


def _print_members(members: Sequence[dict[str, Any]]) -> None:
    clusters = sorted(members, key=lambda each: (each["cluster"] < 0, each["cluster"]))
    rows = [
        (
            "outliers" if each["cluster"] < 0 else each["cluster"],
            each["outputs"],
            each["visits"],
            f"{100 * each['share']:.1f} %",
            _medoid(each["medoid"]),
        )
        for each in clusters
    ]
    print_table(("cluster", "outputs", "visits", "share", "medoid"), rows, right=("outputs", "visits", "share"))


def _medoid(medoid: dict[str, Any] | None) -> str:
    from panic_tda.answers.words import shorten

    if medoid is None:
        return ""
    return shorten(medoid["text"], 100) if medoid["type"] == "text" else f"image {medoid['image_sha256'][:12]}"


def _print_cautions(cautions: Sequence[str]) -> None:
    for caution in cautions:
        print(f"  caution   {caution}")


@app.command()
def delete(
    context: typer.Context, id: Id, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete a clustering with all its layers; the outputs stay."""
    from panic_tda.errors import RequestError
    from panic_tda.store.clusterings import delete_clustering, find_clustering

    options: Context = context.obj
    with options.record() as record:
        with record.reading() as connection:
            stored = find_clustering(connection, id)
        what = f"clustering {stored.id} ({stored.algorithm} of {stored.embedder.name})"
        layers = counted(len(stored.layers), "layer")
        if not yes:
            if not sys.stdin.isatty() or options.json:
                raise RequestError(f"deleting {what} needs --yes when nobody can be asked")
            typer.confirm(f"Delete {what} with {layers}?", abort=True)
        with record.writing() as connection:
            delete_clustering(connection, stored)
    if options.json:
        print_json({"deleted": list(stored.layers)})
    else:
        print(f"deleted {what}: {layers}")
