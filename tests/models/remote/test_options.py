"""What may be said of a model at an address, and what identifies it."""

from __future__ import annotations

from typing import Any

import pytest

from panic_tda.errors import ConfigurationError
from panic_tda.models.model import Tier
from support.remote import TASKS, remote_spec

ADDRESS = "https://api.example.com/v1"


@pytest.mark.parametrize("task", TASKS)
def test_a_remote_model_takes_no_memory_and_no_weights_and_is_free(task: str) -> None:
    spec = remote_spec(ADDRESS, task)
    assert str(spec.signature).replace(" ", "") == task
    assert (spec.memory_bytes, spec.weights, spec.repository, spec.device) == (0, (), None, "remote")
    assert (spec.tier, spec.requires, spec.extra) == (Tier.FREE, ("httpx2",), "remote")
    assert spec.endpoint is not None
    assert (spec.endpoint.url, spec.endpoint.model, spec.endpoint.concurrency) == (ADDRESS, "m", 4)
    assert all(parameter.fault(parameter.default) is None for parameter in spec.parameters)


def test_nodes_are_configured_like_those_of_local_models() -> None:
    names = {task: [each.name for each in remote_spec(ADDRESS, task).parameters] for task in TASKS}
    assert names == {
        "text->text": ["instruction", "template", "temperature", "max_tokens", "one_line", "top_p"],
        "image->text": ["instruction", "max_tokens", "temperature", "top_p"],
        "text->image": ["width", "height"],
        "text->vector": [],
    }


def test_what_is_not_sent_is_no_parameter() -> None:
    chat = remote_spec(ADDRESS, omit="temperature, top_p")
    assert {"temperature", "top_p"}.isdisjoint(each.name for each in chat.parameters)
    assert remote_spec(ADDRESS, "text->image", omit="size").parameters == ()
    assert {each.default for each in remote_spec(ADDRESS, "text->image", size=512).parameters} == {512}


@pytest.mark.parametrize(
    ("task", "options", "fault"),
    [
        ("", {}, "task=… must be one of text->text, image->text, text->image, text->vector$"),
        ("image->image", {}, "not 'image->image'"),
        ("text->text", {"model": ""}, "model must not be empty"),
        ("text->text", {"modle": "x"}, "unknown option 'modle'; did you mean model?"),
        ("text->text", {"pipeline": "x"}, "unknown option 'pipeline'; there are: task, model"),
        ("text->text", {"dims": 3}, "unknown option 'dims'"),
        ("text->text", {"tier": "exact"}, "tier must be one of free, seeded, not 'exact'"),
        ("text->text", {"tier": "seeded", "omit": "seed"}, "tier seeded needs the seed"),
        ("text->text", {"concurrency": 0}, "concurrency must be at least 1"),
        ("text->text", {"concurrency": 2.5}, "concurrency must be of type int"),
        ("text->text", {"timeout": "long"}, "timeout must be of type float"),
        ("text->text", {"omit": "messages"}, "omit: 'messages' is none of seed, temperature, max_tokens, top_p"),
        ("text->text", {"body": "[1]"}, "body must be a JSON object"),
        ("text->text", {"body": '{"top_p": 1}'}, "body may not hold 'top_p', which is set otherwise"),
        ("text->text", {"body": '{"stream": true}'}, "body may not hold 'stream'"),
        ("text->vector", {"dims": 0}, "dims must be at least 1"),
        ("text->vector", {"encoding": "gzip"}, "encoding must be one of float, base64"),
    ],
)
def test_wrong_options_are_told(task: str, options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        remote_spec(ADDRESS, task, **options)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as found:
        remote_spec(ADDRESS, concurrency=0, tier="exact", omit="x", body="x")
    assert len(found.value.issues) == 4


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("ftp://example.com/v1", "must begin with http:// or https:// and a host"),
        ("https:///v1", "must begin with http"),
        ("example.com/v1", "must begin with http"),
        ("https://user:sk-secret@example.com/v1", "may hold no user, password or query"),
        ("https://example.com/v1?key=sk-secret", "may hold no user, password or query"),
        ("https://example.com:x/v1", "malformed"),
    ],
)
def test_an_address_holds_no_secret_and_a_refusal_repeats_none(address: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault) as found:
        remote_spec(address)
    assert "sk-secret" not in f"{found.value} {found.value.hint}"


def test_a_key_in_place_of_the_name_of_a_variable_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="not the key itself") as found:
        remote_spec(ADDRESS, key_env="sk-secret")
    assert "sk-secret" not in str(found.value)


SAME = [
    {"key_env": "OTHER"},
    {"concurrency": 9},
    {"timeout": 1},
    {"batch_size": 3},
]
OTHER: list[dict[str, Any]] = [
    {"model": "n"},
    {"tier": "seeded"},
    {"omit": "top_p"},
    {"body": '{"top_k": 1}'},
    {"token_limit": "max_completion_tokens"},
    {"task": "image->text"},
]


@pytest.mark.parametrize("options", SAME)
def test_what_changes_no_result_changes_no_version(options: dict[str, Any]) -> None:
    assert remote_spec(ADDRESS, **options).version == remote_spec(ADDRESS).version


def test_address_model_and_options_that_shape_requests_make_another_version() -> None:
    versions = [remote_spec(ADDRESS, **options).version for options in ({}, *OTHER)]
    versions += [remote_spec("https://api.example.com/v2").version, remote_spec("http://api.example.com/v1").version]
    versions += [remote_spec(ADDRESS, "text->vector", dims=dims).version for dims in (8, 9)]
    assert len(set(versions)) == len(versions)
    assert remote_spec(f"{ADDRESS}/").version == versions[0]
    assert versions[0].startswith("1+")
