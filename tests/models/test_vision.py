from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.content import Image
from panic_tda.models import vision
from panic_tda.models.model import Embedder, Placement

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

[SPEC] = vision.MODELS


def embed(image: Image) -> Vector:
    [vector] = cast("Embedder", SPEC.load(Placement())).embed([image])
    assert isinstance(vector, np.ndarray)
    return vector


def stripes(*, upright: bool, side: int = 48) -> Image:
    pattern = np.zeros((side, side), np.uint8)
    pattern[:, np.arange(side) % 8 < 4] = 255
    grey = pattern if upright else pattern.T
    return Image("RGB", side, side, np.repeat(grey[..., None], 3, axis=2).tobytes())


@st.composite
def images(draw: st.DrawFn) -> Image:
    mode = draw(st.sampled_from(["RGB", "RGBA"]))
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    size = width * height * len(mode)
    return Image(mode, width, height, draw(st.binary(min_size=size, max_size=size)))


@given(images())
def test_every_image_has_a_finite_vector_of_length_one(image: Image) -> None:
    vector = vision.pixel_statistics(image)
    assert vector.shape == (SPEC.dims,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_constant_black_is_only_its_colour() -> None:
    vector = embed(Image("RGB", 8, 8, bytes(192)))
    assert vector[0] == 1.0
    assert np.count_nonzero(vector) == 1


def test_the_first_frequency_is_the_mean_grey() -> None:
    grey = np.random.default_rng(1).random((20, 31))
    assert vision.low_frequencies(grey)[0] == pytest.approx(grey.mean())


def test_a_pure_cosine_has_one_frequency() -> None:
    row = np.cos(np.pi / 40 * (np.arange(40) + 0.5) * 3)
    coefficients = vision.low_frequencies(np.tile(row, (25, 1))).reshape(8, 8)
    assert coefficients[0, 3] == pytest.approx(np.sqrt(0.5))
    coefficients[0, 3] = 0
    np.testing.assert_allclose(coefficients, 0, atol=1e-12)


def test_upright_and_lying_stripes_differ_in_orientation_only_of_the_same_colours() -> None:
    upright, lying = embed(stripes(upright=True)), embed(stripes(upright=False))
    np.testing.assert_allclose(upright[:64], lying[:64], atol=1e-6)
    directions = upright[64:136].reshape(9, 8), lying[64:136].reshape(9, 8)
    assert directions[0][:, 0].min() > 0.0
    assert directions[1][:, 4].min() > 0.0
    assert float(np.sum(directions[0] * directions[1])) == pytest.approx(0.0, abs=1e-6)


def test_transparent_pixels_count_as_white() -> None:
    white = Image("RGB", 3, 3, b"\xff" * 27)
    transparent = Image("RGBA", 3, 3, b"\x00" * 36)
    assert np.array_equal(embed(white), embed(transparent))


def test_a_small_change_of_colour_is_nearer_than_a_large_one() -> None:
    noise = np.random.default_rng(2).integers(0, 60, (32, 32, 3))
    dark, lighter, inverse = (
        embed(Image("RGB", 32, 32, pixels.astype(np.uint8).tobytes())) for pixels in (noise, noise + 2, 255 - noise)
    )
    assert dark @ lighter > dark @ inverse


def test_batch_composition_changes_nothing() -> None:
    model = cast("Embedder", SPEC.load(Placement()))
    several = [stripes(upright=True), stripes(upright=False, side=33), Image("RGB", 1, 1, b"abc")]
    together, alone = model.embed(several), [model.embed([image])[0] for image in several]
    assert all(np.array_equal(cast("Vector", a), cast("Vector", b)) for a, b in zip(together, alone, strict=True))
    model.close()
