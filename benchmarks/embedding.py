"""Texts and images a second: MiniLM in 8 bits, exported and by torch, beside SentenceTransformer; towers of SigLIP.

python benchmarks/embedding.py [--texts N] [--repeats N] [--threads N] [--no-tower]

Every row is measured in turn, as often as there are repeats, so that a busy neighbour disturbs all of them alike.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, cast

from panic_tda.content import Content, Image, Text
from panic_tda.models.adding import completed
from panic_tda.models.catalogue import published
from panic_tda.models.model import Embedder, ModelSpec, Placement, Tier
from panic_tda.models.onnx import added
from panic_tda.models.onnx.exporting import export
from panic_tda.models.shelf import Added
from panic_tda.models.weights import require

WORDS = [
    "a",
    "red",
    "apple",
    "on",
    "the",
    "table",
    "near",
    "window",
    "with",
    "large",
    "bright",
    "blue",
    "sky",
    "ship",
    "harbour",
    "dawn",
    "old",
    "man",
    "dog",
    "street",
]
BATCHES = (32, 128)


def captions(count: int) -> list[Content]:
    """Short captions: 3 to 10 words."""
    draw = random.Random(0)
    return [Text(" ".join(draw.choices(WORDS, k=draw.randint(3, 10)))) for _ in range(count)]


def pictures(count: int) -> list[Content]:
    """Noise, 384 × 384."""
    draw = random.Random(0)
    return [Image("RGB", 384, 384, draw.randbytes(384 * 384 * 3)) for _ in range(count)]


def exported(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The entry of a model once exported."""
    export(spec, folder, report=lambda line: print(line, file=sys.stderr))
    return added(spec.name, Added("onnx", str(folder), completed("onnx", folder, {})))


def in_batches(spec: ModelSpec, contents: Sequence[Content], rows: int, threads: int) -> Callable[[], None]:
    """Embeds all contents, so many in a call."""
    model = cast("Embedder", replace(spec, batch_size=rows).load(Placement(threads=threads)))

    def run() -> None:
        for start in range(0, len(contents), rows):
            model.embed(contents[start : start + rows])

    return run


def defaults(contents: Sequence[Content], threads: int) -> Callable[[], None]:
    """``SentenceTransformer.encode`` as it is, on the same weights."""
    import torch
    from sentence_transformers import SentenceTransformer

    folder = require(published()["MiniLMTorch"].weights[0], model="MiniLMTorch").parent
    model, texts = SentenceTransformer(str(folder), device="cpu"), [cast("Text", each).value for each in contents]

    def run() -> None:
        torch.set_num_threads(threads)
        model.encode(texts, show_progress_bar=False)

    return run


def seconds(rows: Mapping[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """The median of the processor's seconds, all threads together, of each row; once before to warm up."""
    found: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(repeats + 1):
        for name, run in rows.items():
            started = time.process_time()
            run()
            found[name].append(time.process_time() - started)
    return {name: median(each[1:]) for name, each in found.items()}


def print_rates(rows: Mapping[str, Callable[[], None]], count: int, repeats: int, against: str) -> None:
    """A table: what, items a second, and how many times the rate of one row."""
    took = seconds(rows, repeats)
    print(
        f"\n| {count} items, medians of {repeats} | per second of processor | against {against} |\n| --- | --- | --- |"
    )
    for name, each in took.items():
        print(f"| {name} | {count / each:.3g} | {took[against] / each:.2f} × |", flush=True)


def minilm(folder: Path, count: int, repeats: int, threads: int) -> None:
    """All ways to MiniLM."""
    contents, against = captions(count), "SentenceTransformer.encode"
    specs = {
        "MiniLM (int8)": published()["MiniLM"],
        "MiniLM exported (float)": exported(published()["MiniLMTorch"], folder / "minilm"),
        "MiniLMTorch": published()["MiniLMTorch"],
    }
    rows = {against: defaults(contents, threads)}
    for name, spec in specs.items():
        for tier in (Tier.EXACT, Tier.SEEDED):
            for size in BATCHES:
                run = in_batches(replace(spec, tier=tier), contents, size, threads)
                rows[f"{name}, {tier}, batch {size}"] = run
    print_rates(rows, count, repeats, against)


def tower(folder: Path, repeats: int, threads: int) -> None:
    """A vision tower of SigLIP at base size, 384 pixels, with random weights."""
    spec = siglip_base(folder / "siglip")
    contents = pictures(4)
    rows = {
        "torch": in_batches(spec, contents, 4, threads),
        "onnx, exact": in_batches(here := exported(spec, folder / "tower"), contents, 4, threads),
        "onnx, seeded": in_batches(replace(here, tier=Tier.SEEDED), contents, 4, threads),
    }
    print_rates(rows, len(contents), repeats, "torch")


def siglip_base(folder: Path) -> ModelSpec:
    """The row with such a checkpoint; its tower for texts is kept small, since only images are measured."""
    import torch
    from transformers import CLIPTokenizer, SiglipConfig, SiglipModel, SiglipProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    texts: dict[str, Any] = {**ends, "vocab_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    torch.manual_seed(0)
    SiglipModel(SiglipConfig(text_config=texts, vision_config={"image_size": 384, "patch_size": 16})).save_pretrained(
        folder
    )
    tokenizer = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2}, merges=[])
    processor = SiglipImageProcessorPil(size={"height": 384, "width": 384})
    SiglipProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
    spec = published()["SigLIPVision"]
    assert spec.repository is not None
    return replace(spec, repository=replace(spec.repository, folder=str(folder)))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-tower", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        minilm(Path(name), wanted.texts, wanted.repeats, wanted.threads)
        if not wanted.no_tower:
            tower(Path(name), max(1, wanted.repeats // 2), wanted.threads)
    print(f"\nload average of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
