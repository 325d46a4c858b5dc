"""Text → vector and image → vector by onnxruntime, without torch: embedders that ``model export-onnx`` wrote."""

from __future__ import annotations

from panic_tda.models.model import ModelSpec, ParameterValue, Tier
from panic_tda.models.shelf import Added
from panic_tda.models.torch_entry import facts_of
from panic_tda.signature import Signature


def added(name: str, entry: Added) -> ModelSpec:
    """A folder that was exported; options: dims. What the folder itself says was put beside it when it was added."""
    given: dict[str, ParameterValue] = dict(entry.options)
    facts = facts_of(entry)
    kind = str(given.get("input", "text"))
    return ModelSpec(
        name=name,
        family="onnx",
        signature=Signature.parse(f"{kind} -> vector"),
        summary=str(given.get("summary", facts.summary)),
        loader="panic_tda.models.onnx.embedding:load",
        licence=str(given.get("licence", facts.licence)),
        source=str(given.get("source", facts.repository.address)),
        twin="tests/support/twins/bert.py",
        memory_bytes=int(facts.gigabytes * 1e9),
        dims=int(given.get("dims", 0)),
        dtype=str(given.get("dtype", "float32")),
        batch_size=128 if kind == "text" else 8,
        requires=("onnxruntime", "tokenizers") if kind == "text" else ("onnxruntime",),
        repository=facts.repository,
        tiers=(Tier.EXACT, Tier.SEEDED),
    )


MODELS: tuple[ModelSpec, ...] = ()
