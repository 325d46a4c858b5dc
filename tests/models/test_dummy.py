from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from panic_tda.content import Content, Image, Text
from panic_tda.errors import InvalidOutput
from panic_tda.models import dummy
from panic_tda.models.model import Embedder, Generator, ModelSpec, Placement

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

SPECS = {spec.name: spec for spec in dummy.MODELS}


def generate(name: str, content: Content, seed: int) -> Content:
    model = cast("Generator", SPECS[name].load(Placement()))
    [outcome] = model.generate([content], [seed], {})
    assert isinstance(outcome, Text | Image)
    return outcome


def embed(name: str, content: Content) -> Vector:
    model = cast("Embedder", SPECS[name].load(Placement()))
    [outcome] = model.embed([content])
    assert isinstance(outcome, np.ndarray)
    return outcome


def plain(colour: tuple[int, int, int], width: int = 256, height: int = 256) -> Image:
    return Image("RGB", width, height, bytes(colour) * (width * height))


@pytest.mark.parametrize(("name", "colour"), [("DummyT2I", (32, 224, 202)), ("DummyT2I2", (206, 90, 204))])
def test_the_reference_prompt_gives_the_reference_colour(name: str, colour: tuple[int, int, int]) -> None:
    assert generate(name, Text("Test prompt"), 42) == plain(colour)


@pytest.mark.parametrize(
    ("name", "caption"),
    [("DummyI2T", "dummy caption: simple view #849"), ("DummyI2T2", "dummy v2: monochrome capture #1944")],
)
def test_the_reference_image_gives_the_reference_caption(name: str, caption: str) -> None:
    assert generate(name, plain((32, 224, 202)), 42) == Text(caption)


def test_the_reference_text_gives_the_reference_vector_normalised() -> None:
    reference = np.random.RandomState(sum(map(ord, "Test prompt"))).rand(768)
    np.testing.assert_allclose(reference[:4], [0.67515737, 0.21313892, 0.38376793, 0.1955459], atol=1e-7)
    np.testing.assert_allclose(
        embed("DummyText", Text("Test prompt")), reference / np.linalg.norm(reference), atol=1e-7
    )


def test_the_second_text_vector_holds_code_points_of_the_first_hundred_characters() -> None:
    vector = embed("DummyText2", Text("é" * 3 + "z" * 200))
    assert np.count_nonzero(vector) == 100
    assert vector[0] / vector[3] == pytest.approx(ord("é") / ord("z"))


def test_an_empty_text_is_an_error_for_its_item_only() -> None:
    model = cast("Embedder", SPECS["DummyText2"].load(Placement()))
    before, between, after = model.embed([Text("a"), Text(""), Text("b")])
    assert isinstance(between, InvalidOutput)
    assert isinstance(before, np.ndarray)
    assert isinstance(after, np.ndarray)


def test_seeded_loop_does_not_repeat_a_colour_before_step_86() -> None:
    painter = cast("Generator", SPECS["DummyT2I"].load(Placement()))
    captioner = cast("Generator", SPECS["DummyI2T"].load(Placement()))
    content: Content = Text("Test prompt")
    seen = set()
    for _ in range(43):
        [image] = painter.generate([content], [42], {})
        assert isinstance(image, Image)
        assert image.sha256 not in seen
        seen.add(image.sha256)
        [caption] = captioner.generate([image], [42], {})
        content = cast("Text", caption)


def test_captions_see_only_the_first_ten_pixels() -> None:
    colour = bytes((1, 2, 3))
    one, other = (Image("RGB", 5, 4, colour * 10 + rest * 10) for rest in (b"abc", b"xyz"))
    assert generate("DummyI2T", one, 1) == generate("DummyI2T", other, 1)
    shifted = Image("RGB", 5, 4, colour * 9 + b"abc" * 11)
    assert generate("DummyI2T", one, 1) != generate("DummyI2T", shifted, 1)


def test_captions_of_images_with_alpha_and_fewer_than_ten_pixels() -> None:
    image = Image("RGBA", 2, 1, bytes(range(8)))
    start = hashlib.sha256(b"[(0, 1, 2, 3), (4, 5, 6, 7)]").hexdigest()[:8]
    draw = random.Random(3 + int(start, 16))
    words = dummy._PHRASINGS["DummyI2T"]
    adjective, noun = words.adjectives[draw.randint(0, 7)], words.nouns[draw.randint(0, 7)]
    expected = f"dummy caption: {adjective} {noun} #{draw.randint(100, 999)}"
    assert generate("DummyI2T", image, 3) == Text(expected)


@pytest.mark.parametrize("name", ["DummyVision", "DummyVision2"])
def test_image_vectors_are_unit_deterministic_and_tell_colours_apart(name: str) -> None:
    black, red = plain((0, 0, 0), 3, 2), plain((255, 0, 0), 3, 2)
    assert embed(name, black).shape == (768,)
    assert np.linalg.norm(embed(name, black)) == pytest.approx(1.0, abs=1e-6)
    assert np.array_equal(embed(name, black), embed(name, black))
    assert not np.allclose(embed(name, black), embed(name, red))


@pytest.mark.parametrize("spec", dummy.MODELS, ids=lambda spec: spec.name)
def test_neighbours_in_the_batch_change_nothing(spec: ModelSpec) -> None:
    images = [plain((value, 7, 9), 4, 4) for value in range(5)]
    texts = [Text(f"text {value}") for value in range(5)]
    contents: list[Content] = [*texts] if spec.signature.input == "text" else [*images]
    model = spec.load(Placement())
    if spec.signature.is_generator:
        generator = cast("Generator", model)
        forward = generator.generate(contents, range(5), {})
        assert list(forward) == list(generator.generate(contents[::-1], range(4, -1, -1), {}))[::-1]
    else:
        embedder = cast("Embedder", model)
        ahead, back = embedder.embed(contents), embedder.embed(contents[::-1])[::-1]
        assert all(np.array_equal(cast("Vector", a), cast("Vector", b)) for a, b in zip(ahead, back, strict=True))
    model.close()


def test_all_dummies_are_marked_synthetic() -> None:
    assert all(spec.synthetic for spec in dummy.MODELS)
    assert len(SPECS) == 8
