"""Programs over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from panic_tda.content import Image
from panic_tda.runtime.remote.wire import decode_outcome
from support.servers import BEARER, Running

CAPTION = {"name": "Caption", "signature": "text -> caption", "strategy": "pipeline", "model": ["DummyT2I", "DummyI2T"]}
PAINT = {"name": "Paint", "signature": "text -> picture: Image", "strategy": "direct", "model": "DummyT2I"}
READ = {"name": "Read", "signature": "picture: Image -> caption", "strategy": "direct", "model": "DummyI2T"}


def created(server: Running, program: dict[str, Any]) -> Any:
    return server.post("/programs", program | {"replace": True}, headers=BEARER).json()


def test_a_program_is_created_listed_shown_run_and_deleted(server: Running) -> None:
    made = created(server, CAPTION)
    assert made["model_name"].startswith("Caption@")
    assert server.get("/programs/Caption").json() == made
    assert "Caption" in [program["name"] for program in server.get("/programs").json()]
    asked = {"inputs": {"text": "Test prompt"}, "seed": 42}
    assert server.post("/programs/Caption/run", asked).json()["outputs"] == {
        "caption": "dummy caption: simple view #849"
    }
    assert server.client.delete("/programs/Caption", headers=BEARER).json() == {"deleted": "Caption"}
    gone = server.post("/programs/Caption/run", asked)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "ProgramNotFound")


def test_images_go_through_programs_without_loss(server: Running) -> None:
    created(server, PAINT)
    created(server, READ)
    asked = {"inputs": {"text": "Test prompt"}, "seed": 42}
    picture = server.post("/programs/Paint/run", asked).json()["outputs"]["picture"]
    decoded = decode_outcome(picture)
    assert isinstance(decoded, Image)
    assert decoded.pixels[:3] == bytes((32, 224, 202))
    read = server.post("/programs/Read/run", {"inputs": {"picture": picture}, "seed": 42}).json()
    assert read["outputs"] == {"caption": "dummy caption: simple view #849"}


@pytest.mark.parametrize(
    ("inputs", "words"), [({}, "text"), ({"text": "a", "more": 1}, "more"), ({"text": {"image": "?"}}, "base64")]
)
def test_wrong_inputs_are_refused_before_a_model_is_called(server: Running, inputs: Any, words: str) -> None:
    created(server, CAPTION)
    answer = server.post("/programs/Caption/run", {"inputs": inputs})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_an_experiment_may_name_a_program(server: Running) -> None:
    created(server, PAINT)
    config = {
        "networks": [["Paint", "DummyI2T"]],
        "prompts": ["x"],
        "seeds": [1],
        "embedding_models": ["DummyText"],
        "max_length": 4,
    }
    assert server.post("/experiments", config, headers=BEARER).status_code == 202
