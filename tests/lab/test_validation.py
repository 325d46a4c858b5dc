"""Every fault of an experiment is found before anything runs: all at once, one line each, with its path."""

from __future__ import annotations

import math
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from panic_tda.content import Image, Text
from panic_tda.errors import ConfigurationError
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.validation import validate_config

LOOP = ["DummyT2I", "DummyI2T"]
BASE: dict[str, Any] = {
    "networks": [LOOP],
    "prompts": ["a red apple"],
    "seeds": [42],
    "embedding_models": ["DummyText"],
    "max_length": 100,
}
KEYS = "networks, programs, prompts, seeds, num_runs, twins, embedding_models, max_length, stages"


def validate(folder: Path | None = None, **changes: Any) -> Experiment:
    return validate_config(BASE | changes, folder=folder or Path("/nowhere"))


def issues(folder: Path | None = None, **changes: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        validate(folder, **changes)
    return list(refused.value.issues)


def integer(path: str, shown: str) -> str:
    return f"{path}: should be a valid integer, not {shown}"


UNKNOWN = "networks[0][0]: unknown model"
NAMED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": ({"sed": [1]}, ["sed: unknown key; did you mean seeds?"]),
    "unlike any key": ({"xyzzy": 1}, [f"xyzzy: unknown key; the keys here are {KEYS}"]),
    "key named like a tag": ({"plain": 1}, [f"plain: unknown key; the keys here are {KEYS}"]),
    "unknown stage": (
        {"stages": {"homology": True}},
        ["stages.homology: unknown key; the keys here are diagrams, lyapunov"],
    ),
    "mistyped stage": ({"stages": {"diagram": True}}, ["stages.diagram: unknown key; did you mean diagrams?"]),
    "mistyped option": (
        {"stages": {"diagrams": {"max_dims": 1}}},
        ["stages.diagrams.max_dims: unknown key; did you mean max_dim or max_points?"],
    ),
    "dimension": (
        {"stages": {"diagrams": {"max_dim": 4}}},
        ["stages.diagrams.max_dim: should be less than or equal to 3, not 4"],
    ),
    "stages of a list": ({"stages": ["diagrams"]}, ["stages: should be a mapping, not ['diagrams']"]),
    "both spellings": ({"network": LOOP}, ["network: give network or networks, not both"]),
    "mistyped model": (
        {"networks": [["DummyT2", "DummyI2T"]]},
        [f"{UNKNOWN} 'DummyT2'; did you mean DummyT2I or DummyT2I2 or DummyI2T2?"],
    ),
    "case of a model": (
        {"networks": [["glyph", "rapidocr"]]},
        [f"{UNKNOWN} 'glyph'; did you mean Glyph?", "networks[0][1]: unknown model 'rapidocr'; did you mean RapidOCR?"],
    ),
    "unknown model": ({"networks": [["Qwertz"]]}, [f"{UNKNOWN} 'Qwertz'; panic-tda model list shows every model"]),
    "no model": ({"networks": [[{"steps": 3}, "DummyI2T"]]}, ["networks[0][0].model: is required"]),
    "model of a number": ({"networks": [[{"model": 3}]]}, ["networks[0][0].model: should be a valid string, not 3"]),
    "network of a word": ({"networks": ["DummyT2I"]}, ["networks[0]: should be a valid list, not 'DummyT2I'"]),
    "empty network": ({"networks": [LOOP, []]}, ["networks[1]: must not be empty"]),
    "chain": (
        {"networks": [["DummyT2I", "DummyT2I2", "DummyI2T"]]},
        ["networks[0]: the models do not chain: DummyT2I makes image, DummyT2I2 takes text"],
    ),
    "cycle": (
        {"networks": [["DummyT2I"]]},
        ["networks[0]: the cycle does not close: DummyT2I makes image, DummyT2I takes text"],
    ),
    "embedder in a network": (
        {"networks": [["DummyText"]]},
        ["networks[0][0]: DummyText is an embedder (text -> vector); networks are made of generators"],
    ),
    "generator as embedder": (
        {"embedding_models": ["DummyT2I"]},
        ["embedding_models[0]: DummyT2I is a generator (text -> image); embedders make vectors"],
    ),
    "embedder of nothing": (
        {"networks": [["SmolLM2"]], "embedding_models": ["DummyVision"]},
        ["embedding_models[0]: DummyVision measures image, none is made"],
    ),
    "unknown parameter": (
        {"networks": [[{"model": "DummyT2I", "steps": 3}, "DummyI2T"]]},
        ["networks[0][0]: DummyT2I has no parameter 'steps' (it has: none)"],
    ),
    "parameters": (
        {"networks": [[{"model": "Glyph", "blur": math.nan, "warp": math.inf, "width": "x"}, "RapidOCR"]]},
        [
            "networks[0][0]: Glyph: blur must be at least 0, not nan",
            "networks[0][0]: Glyph: warp must be at most 1, not inf",
            "networks[0][0]: Glyph: width must be of type int, not 'x'",
        ],
    ),
    "boolean parameter": (
        {"networks": [[{"model": "Glyph", "width": True}, "RapidOCR"]]},
        ["networks[0][0]: Glyph: width must be of type int, not True"],
    ),
    "string seed": ({"seeds": ["42"]}, [integer("seeds[0]", "'42'")]),
    "boolean seed": ({"seeds": [True, False]}, [integer("seeds[0]", "True"), integer("seeds[1]", "False")]),
    "float seed": ({"seeds": [1.0, 1.5]}, [integer("seeds[0]", "1.0"), integer("seeds[1]", "1.5")]),
    "no number": ({"seeds": [math.nan, None]}, [integer("seeds[0]", "nan"), integer("seeds[1]", "None")]),
    "low seed": ({"seeds": [-2]}, ["seeds[0]: should be greater than or equal to -1, not -2"]),
    "huge seed": ({"seeds": [1, 2**31]}, ["seeds[1]: should be less than or equal to 2147483647, not 2147483648"]),
    "bare seed": ({"seeds": 42}, ["seeds: should be a valid list, not 42"]),
    "no length": ({"max_length": 0}, ["max_length: should be greater than or equal to 1, not 0"]),
    "endless": ({"max_length": math.inf}, [integer("max_length", "inf")]),
    "no runs": ({"num_runs": 0}, ["num_runs: should be greater than or equal to 1, not 0"]),
    "a day": ({"max_length": date(2026, 1, 2)}, [integer("max_length", "datetime.date(2026, 1, 2)")]),
    "empty prompt": ({"prompts": [""]}, ["prompts[0]: must not be empty"]),
    "NUL": ({"prompts": ["a\0b"]}, ["prompts[0]: a text may not contain the NUL character"]),
    "number as prompt": ({"prompts": [7]}, ["prompts[0]: should be a valid string, not 7"]),
    "image key": (
        {"prompts": ["a", {"image": "x.png", "size": 3}]},
        [
            "prompts[1].size: unknown key; the keys here are image, sha256",
            "prompts[1]: no network takes image as its first input",
        ],
    ),
    "text where an image is taken": (
        {"networks": [["DummyI2T", "DummyT2I"]]},
        [
            "prompts[0]: no network takes text as its first input",
            "networks[0]: it takes image, and no prompt is image",
        ],
    ),
    "line breaks": ({"four\nlines\x1b[31m": 1}, [f"four lines\\x1b[31m: unknown key; the keys here are {KEYS}"]),
}


@pytest.mark.parametrize(("changes", "wanted"), NAMED.values(), ids=NAMED.keys())
def test_each_fault_is_one_line_with_its_path(changes: dict[str, Any], wanted: list[str]) -> None:
    assert issues(**changes) == wanted


@pytest.mark.parametrize("key", ["networks", "prompts", "seeds", "embedding_models"])
def test_an_empty_list_and_a_duplicate_entry_are_faults(key: str) -> None:
    empty: dict[str, Any] = {key: []}
    assert issues(**empty) == [f"{key}: must not be empty"]
    assert issues(**{key: BASE[key] * 2}) == [f"{key}[1]: is the same as {key}[0]"]


def test_what_is_required_is_said_to_be_missing() -> None:
    with pytest.raises(ConfigurationError) as refused:
        validate_config({}, folder=Path())
    assert refused.value.issues == tuple(
        f"{key}: is required" for key in ("networks", "prompts", "embedding_models", "max_length")
    )


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    found = issues(
        tmp_path,
        networks=[["DummyT2", "DummyI2T"], LOOP, LOOP],
        prompts=["a", "a", {"image": "none.png"}],
        seeds=["1", -5],
        embedding_models=["DummyTxt"],
        max_length=0,
        extra=1,
    )
    assert sorted(fault.partition(":")[0] for fault in found) == sorted(
        [
            *("networks[0][0]", "networks[2]", "prompts[1]", "prompts[2]", "seeds[0]", "seeds[1]"),
            *("embedding_models[0]", "max_length", "extra"),
        ]
    )


def test_entries_that_only_look_different_are_duplicates(tmp_path: Path) -> None:
    Pillow.new("RGB", (4, 4), "teal").save(tmp_path / "one.png")
    Pillow.new("RGB", (4, 4), "teal").save(tmp_path / "two.bmp")
    assert issues(networks=[LOOP, [{"model": "DummyT2I"}, "DummyI2T"]]) == ["networks[1]: is the same as networks[0]"]
    whole = [[{"model": "Glyph", "blur": number}, "RapidOCR"] for number in (1, 1.0, 0.5)]
    assert issues(networks=whole) == ["networks[1]: is the same as networks[0]"]
    pictures = {"networks": [LOOP[::-1]], "prompts": [{"image": "one.png"}, {"image": "two.bmp"}]}
    assert issues(tmp_path, **pictures) == ["prompts[1]: is the same as prompts[0]"]


def test_a_single_network_is_spelled_as_it_was_written() -> None:
    single = {key: value for key, value in BASE.items() if key != "networks"}
    experiment = validate_config(single | {"network": LOOP}, folder=Path())
    assert experiment.config.networks == [LOOP]
    assert experiment.networks == validate().networks
    with pytest.raises(ConfigurationError, match=r"^network\[1\]: unknown model 'DummyI3T'"):
        validate_config(single | {"network": ["DummyT2I", "DummyI3T"]}, folder=Path())


def test_without_seeds_one_is_drawn() -> None:
    experiment = validate_config({key: BASE[key] for key in BASE if key != "seeds"} | {"num_runs": 3}, folder=Path())
    assert experiment.config.seeds == [-1]
    assert experiment.count_runs() == 3


def test_texts_and_images_each_go_to_the_networks_that_take_them(tmp_path: Path) -> None:
    Pillow.new("RGBA", (3, 2), (1, 2, 3, 4)).save(tmp_path / "start.png")
    experiment = validate(tmp_path, networks=[LOOP, LOOP[::-1]], prompts=["a", {"image": "start.png"}, "b"])
    picture = Image("RGBA", 3, 2, bytes([1, 2, 3, 4]) * 6)
    assert experiment.prompts == (Text("a"), picture, Text("b"))
    assert experiment.count_runs() == len(list(experiment.planned_runs())) == 3
    assert experiment.to_json()["prompts"][1] == {"image": "start.png", "sha256": picture.sha256}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "unknown format, or damaged"),
        (b"not an image", "unknown format, or damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 100, ""),
        (b"GIF89a" + b"\x00" * 4, ""),
        (b"BM" + b"\xff" * 60, ""),
        (b"RIFF\xff\xff\xff\xffWEBPVP8L" + b"\x00" * 40, ""),
        (b"II*\x00" + b"\xff" * 60, ""),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n", ""),
    ],
)
def test_an_image_prompt_that_is_no_image_is_one_line(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "start.png").write_bytes(content)
    (only,) = issues(tmp_path, networks=[LOOP[::-1]], prompts=[{"image": "start.png"}])
    assert only.startswith(f"prompts[0]: {tmp_path / 'start.png'} cannot be read as an image: ")
    assert only.endswith(reason)


@pytest.mark.parametrize("image", [".", "/dev/zero", "a\0b.png", "x" * 5_000, "\ud800.png"])
def test_a_path_that_is_no_file_is_one_line(tmp_path: Path, image: str) -> None:
    (only,) = issues(tmp_path, networks=[LOOP[::-1]], prompts=[{"image": image}, "text"][:1])
    assert only.startswith("prompts[0]")


def test_an_image_is_held_to_the_identity_it_was_given(tmp_path: Path) -> None:
    Pillow.new("RGB", (4, 4), "teal").save(tmp_path / "start.png")
    start = {"networks": [LOOP[::-1]], "prompts": [{"image": "start.png", "sha256": "0" * 64}]}
    assert issues(tmp_path, **start) == ["prompts[0]: start.png has other pixels than its sha256 says"]


def endless() -> list[Any]:
    tower: list[Any] = []
    tower.append(tower)
    return tower


def unfolding() -> list[Any]:
    tower: list[Any] = ["ha"] * 9
    for _ in range(12):
        tower = [tower] * 9
    return tower


@pytest.mark.parametrize("key", ["networks", "prompts", "seeds", "xyzzy"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (endless(), "nested more than 20 deep"),
        (unfolding(), "more than 1,000,000 values"),
        ([10**4_400], "a number of 14617 bits is too large"),
    ],
    ids=["endless", "unfolding", "giant"],
)
def test_what_would_take_for_ever_to_check_is_refused_at_once(key: str, value: Any, words: str) -> None:
    started = time.process_time()
    assert words in issues(**{key: value})[0]
    assert time.process_time() - started < 2


def test_validating_takes_no_longer_for_more_runs() -> None:
    started = time.process_time()
    experiment = validate(seeds=list(range(10_000)), num_runs=100_000, max_length=1_000_000)
    assert experiment.count_runs() == 10**9
    assert sum(experiment.calls_of_each_model().values()) == 10**15
    assert time.process_time() - started < 5
