"""Models behind an address that speaks the OpenAI shapes: hosted ones, vLLM, llama.cpp, Ollama and others.

They are added by hand, so the catalogue has no rows of this family. What a model can be asked for is its task:
``text -> text`` and ``image -> text`` (chat), ``text -> image`` (images), ``text -> vector`` (embeddings).
"""

from __future__ import annotations

from panic_tda.errors import ConfigurationError
from panic_tda.models.endpoints import Endpoint, checked_address
from panic_tda.models.model import ModelSpec, Parameter, Tier
from panic_tda.models.remote.options import read_options
from panic_tda.models.shelf import Added
from panic_tda.models.text_parameters import ABOUT_IMAGE, INSTRUCTION, max_tokens, one_line, temperature, top_p
from panic_tda.signature import Signature

_TEMPLATE = Parameter(
    "template",
    "{instruction}\n{text}",
    "what the model reads; {instruction} and {text} stand for instruction and input",
)
_CHAT = (INSTRUCTION, _TEMPLATE, temperature(0.8), max_tokens(64, 1_000_000), one_line(False), top_p(0.95))
_VISION = (ABOUT_IMAGE, max_tokens(100, 1_000_000), temperature(0.0), top_p(0.9))
_BATCH = {"text -> vector": 32}
_LOADERS = {
    "text -> text": "chat:load",
    "image -> text": "chat:load",
    "text -> image": "images:load",
    "text -> vector": "embeddings:load",
}


def added(name: str, entry: Added) -> ModelSpec:
    """A model of a server; raises ``ConfigurationError`` with every fault of the options."""
    options = read_options(entry.options)
    task, tier = str(options.own["task"]), Tier(str(options.own["tier"]))
    endpoint = Endpoint(
        checked_address(entry.path),
        model=str(options.own["model"]),
        key_env=str(options.own["key_env"]),
        concurrency=int(options.own["concurrency"]),
        timeout_s=float(options.own["timeout"]),
    )
    if tier is Tier.SEEDED and "seed" in options.omitted:
        raise ConfigurationError(["tier seeded needs the seed, which is omitted"])
    return ModelSpec(
        name=name,
        family="remote",
        signature=Signature.parse(task),
        summary=f"{endpoint.model} at {endpoint.host}",
        loader=f"panic_tda.models.remote.{_LOADERS[task]}",
        licence="unknown: see the terms of the server and of the model",
        source=endpoint.url,
        twin="tests/support/openai_server.py",
        memory_bytes=0,
        parameters=parameters_of(task, int(options.own.get("size", 0)), options.omitted),
        dims=int(options.own["dims"]) if "dims" in options.own else None,
        dtype="unknown",
        tier=tier,
        batch_size=int(options.own["batch_size"]) or _BATCH.get(task, 4 * endpoint.concurrency),
        requires=("httpx2",),
        extra="remote",
        endpoint=endpoint,
        device="remote",
        options=options.of_requests,
    )


def parameters_of(task: str, size: int = 1024, omitted: frozenset[str] = frozenset()) -> tuple[Parameter, ...]:
    """What a node may set: what is not sent is no parameter."""
    sides = tuple(Parameter(side, size, "pixels", minimum=16, maximum=8192) for side in ("width", "height"))
    known = {"text -> text": _CHAT, "image -> text": _VISION, "text -> image": () if "size" in omitted else sides}
    return tuple(each for each in known.get(task, ()) if each.name not in omitted)


MODELS: tuple[ModelSpec, ...] = ()
