"""How calls and results are written as JSON, exactly: images without loss, vectors as the bytes of their float32.

Both sides use it: the executor that asks, and the route of the server that answers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from panic_tda import errors
from panic_tda.content import Content, Image, Text, decode_image, encode_image
from panic_tda.errors import ConfigurationError, ModelCallFailed, ModelVersionChanged, PanicError, RequestError
from panic_tda.models.model import ModelSpec, parameter_faults
from panic_tda.models.purpose import Purpose
from panic_tda.runtime.result import Attempt, Call, Result, Timings

if TYPE_CHECKING:
    from panic_tda.runtime.result import Outcome


def encode_call(call: Call) -> dict[str, Any]:
    """The body of ``POST /v1/calls``."""
    return {
        "model": call.spec.name,
        "version": call.spec.version,
        "inputs": [encode_outcome(content) for content in call.inputs],
        "seeds": list(call.seeds),
        "parameters": dict(call.parameters),
        **({"purpose": str(call.purpose)} if call.purpose is Purpose.QUERY else {}),
    }


def decode_call(body: Mapping[str, Any], find: Callable[[str], ModelSpec]) -> Call:
    """The call that a body describes; raises ``RequestError`` or ``ModelVersionChanged``."""
    spec = find(body["model"])
    require_version(spec, body["version"], "the caller")
    inputs = tuple(decode_content(each) for each in body["inputs"])
    if len(inputs) != len(body["seeds"]):
        raise RequestError(f"{len(inputs)} inputs have {len(body['seeds'])} seeds: each has one")
    wrong = [content.kind for content in inputs if content.kind is not spec.signature.input]
    if wrong:
        raise errors.SignatureError(f"{spec.name} is {spec.signature}: it does not take {wrong[0]}")
    if faults := parameter_faults(spec, body["parameters"]):
        raise ConfigurationError(faults)
    purpose = Purpose(body.get("purpose", Purpose.DOCUMENT))
    return Call(spec, inputs, tuple(body["seeds"]), body["parameters"], purpose=purpose)


def require_version(spec: ModelSpec, version: str, elsewhere: str) -> None:
    """Raises ``ModelVersionChanged`` unless the model here is the same as that ``elsewhere``."""
    if spec.version != version:
        raise ModelVersionChanged(
            f"{elsewhere} has {spec.name}@{version}, here is {spec.reference}",
            hint="install the same panic-tda, libraries and weights on both sides",
        )


def encode_result(result: Result) -> dict[str, Any]:
    """The answer of ``POST /v1/calls``."""
    return {
        "outputs": [encode_outcome(outcome) for outcome in result.outputs],
        "model": result.model,
        "seeds": list(result.seeds),
        "timings": asdict(result.timings),
        "started_at": result.started_at.isoformat(),
        "worker": result.worker,
        "finish_reason": result.finish_reason,
        "usage": dict(result.usage),
        "synthetic": result.synthetic,
        "attempts": [attempt._asdict() for attempt in result.attempts],
    }


def decode_result(body: Mapping[str, Any]) -> Result:
    """The result that an answer describes; raises ``KeyError``, ``TypeError`` or ``ValueError`` where it does not."""
    return Result(
        outputs=tuple(decode_outcome(each) for each in body["outputs"]),
        model=body["model"],
        seeds=tuple(body["seeds"]),
        timings=Timings(**body["timings"]),
        started_at=datetime.fromisoformat(body["started_at"]),
        worker=body["worker"],
        finish_reason=body["finish_reason"],
        usage=body["usage"],
        synthetic=body["synthetic"],
        attempts=tuple(Attempt(**each) for each in body["attempts"]),
    )


def encode_outcome(outcome: Outcome) -> dict[str, Any]:
    """A text, an image, a vector or an error."""
    if isinstance(outcome, Text):
        return {"text": outcome.value}
    if isinstance(outcome, Image):
        return {"image": _encoded(encode_image(outcome)), "mode": outcome.mode}
    if isinstance(outcome, PanicError):
        return {"error": encode_fault(outcome)}
    return {"vector": encode_vector(outcome)}


def decode_outcome(body: Mapping[str, Any]) -> Outcome:
    """The inverse of :func:`encode_outcome`."""
    if "error" in body:
        return decode_fault(body["error"])
    if "vector" in body:
        import numpy as np

        return np.frombuffer(_decoded(body["vector"]), dtype="<f4").astype(np.float32)
    return decode_content(body)


def decode_content(body: Mapping[str, Any]) -> Content:
    """A text or an image; raises ``RequestError`` for anything else."""
    if isinstance(text := body.get("text"), str):
        return Text(text)
    try:
        return decode_image(_decoded(body["image"]), body.get("mode") or "")
    except RequestError:
        raise
    except Exception as fault:  # Pillow raises many things at what is no image
        said = (str(fault).splitlines() or [""])[0][:200]
        raise RequestError(f"a content is neither a text nor an image ({type(fault).__name__}: {said})") from fault


def encode_vector(vector: Any) -> str:
    """Base64 of its little-endian float32."""
    import numpy as np

    return _encoded(np.asarray(vector, dtype="<f4").tobytes())


def encode_fault(fault: PanicError) -> dict[str, str]:
    """Type, message and hint."""
    return {"type": type(fault).__name__, "message": fault.message, "hint": fault.hint}


def decode_fault(body: Mapping[str, Any]) -> PanicError:
    """An error of the same type; one that is not known here is a ``ModelCallFailed``."""
    kind, message, hint = (str(body.get(name) or "") for name in ("type", "message", "hint"))
    known = {each.__name__: each for each in _all_below(PanicError)}
    if kind == ConfigurationError.__name__:
        return ConfigurationError([message], hint=hint)
    if kind in known:
        return known[kind](message, hint=hint)
    return ModelCallFailed(f"{kind}: {message}", hint=hint)


def _all_below(base: type[PanicError]) -> Iterator[type[PanicError]]:
    for each in base.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from _all_below(each)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as fault:
        raise RequestError(f"a content is not in base64 ({fault})") from fault
