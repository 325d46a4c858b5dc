"""Networks that multiply in integers, run by onnxruntime beside the products they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.models.onnx.integers import compute_in_integers, quantise

onnx = pytest.importorskip("onnx", reason="onnx is not installed (pip install 'panic-tda[export]')")

INPUTS, OUTPUTS = 48, 40
STEP = 1 / (63 * 126)
"""The smallest difference of two activations, as a share of the largest of their row."""


def network(nodes: list[Any], constants: dict[str, Any], outputs: list[str], *, opset: int = 20) -> Any:
    """A network of one input, shape (rows, tokens, INPUTS)."""
    helper, to_tensor = onnx.helper, onnx.numpy_helper.from_array
    taken = helper.make_tensor_value_info("x", 1, ["rows", "tokens", INPUTS])
    made = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    tensors = [to_tensor(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "network", [taken], made, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def node(kind: str, *names: str, **facts: Any) -> Any:
    """The last name is that of the output."""
    return onnx.helper.make_node(kind, list(names[:-1]), [names[-1]], **facts)


def run(model: Any, x: Any) -> list[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": x}))


def matrix(seed: int, columns: int = OUTPUTS) -> Any:
    return np.random.default_rng(seed).normal(size=(INPUTS, columns)).astype(np.float32)


def restored(weights: Any) -> Any:
    numbers, scales = quantise(weights)
    return numbers.astype(np.float64) * scales


def product(opset: int = 20) -> Any:
    model = network([node("MatMul", "x", "w", "y")], {"w": matrix(1)}, ["y"], opset=opset)
    assert compute_in_integers(model) == 1
    return model


def assert_near(found: Any, x: Any, weights: Any) -> None:
    """No further from the exact product than steps of the activations and sums in float32 can be."""
    wanted = x.astype(np.float64) @ weights
    most = np.abs(x).max(axis=-1, keepdims=True) * np.abs(weights).sum(axis=0)
    assert np.all(np.abs(found - wanted) <= most * (0.51 * STEP + 1e-6) + 1e-30)


@given(seed=st.integers(0, 2**32), scale=st.floats(1e-6, 1e6), outlier=st.floats(1, 1e3))
def test_a_product_is_as_near_as_its_digits_allow(seed: int, scale: float, outlier: float) -> None:
    x = (np.random.default_rng(seed).normal(size=(2, 3, INPUTS)) * scale).astype(np.float32)
    x[0, 0, 0] *= outlier
    assert_near(run(product(), x)[0], x, restored(matrix(1)))


@given(seed=st.integers(0, 2**32))
def test_a_row_gives_the_same_bits_whatever_its_neighbours_are(seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(5, 2, INPUTS)).astype(np.float32)
    x[1] *= 1e4
    whole = run(model := product(), x)[0]
    assert [run(model, row[None])[0][0].tobytes() for row in x] == [row.tobytes() for row in whole]


def test_a_row_of_zeros_gives_zeros() -> None:
    x = np.zeros((1, 2, INPUTS), np.float32)
    x[0, 1] = 1
    found = run(product(), x)[0]
    assert not found[0, 0].any()
    assert_near(found, x, restored(matrix(1)))


def test_networks_of_an_older_opset_are_changed_too() -> None:
    x = np.random.default_rng(3).normal(size=(1, 4, INPUTS)).astype(np.float32)
    assert run(product(opset=17), x)[0].tobytes() == run(product(), x)[0].tobytes()


def test_weights_are_within_half_a_step_of_what_they_were_and_reach_the_largest() -> None:
    numbers, scales = quantise(weights := matrix(5))
    assert (numbers.dtype.name, numbers.shape, scales.shape) == ("int8", weights.shape, (OUTPUTS,))
    assert np.all(np.abs(numbers).max(axis=0) == 127)
    assert np.all(np.abs(numbers * scales - weights) <= scales * 0.5001)
    assert not quantise(np.zeros((3, 2), np.float32))[0].any()


def test_products_of_one_input_are_computed_together_and_keep_their_places() -> None:
    nodes = [node("MatMul", "x", name, f"by_{name}") for name in ("a", "b", "c")]
    weights = {"a": matrix(1), "b": matrix(2, 33), "c": matrix(3)}
    model = network(nodes, weights, ["by_c", "by_a", "by_b"])
    assert compute_in_integers(model) == 3
    assert sum(each.op_type == "MatMulIntegerToFloat" for each in model.graph.node) == 2
    x = np.random.default_rng(9).normal(size=(2, 3, INPUTS)).astype(np.float32)
    for found, name in zip(run(model, x), "cab", strict=True):
        assert_near(found, x, restored(weights[name]))


def test_a_turned_matrix_with_a_bias_is_changed_too() -> None:
    nodes = [
        node("Reshape", "x", "flat", "rows"),
        node("Gemm", "rows", "w", "b", "y", transB=1),
        node("Gemm", "rows", "w", "doubled", transB=1, alpha=2.0),
    ]
    bias = np.arange(OUTPUTS, dtype=np.float32)
    constants = {"flat": np.array([-1, INPUTS]), "w": matrix(1).T.copy(), "b": bias}
    model = network(nodes, constants, ["y", "doubled"])
    assert compute_in_integers(model) == 1
    x = np.random.default_rng(2).normal(size=(2, 3, INPUTS)).astype(np.float32)
    biased, doubled = run(model, x)
    assert_near(biased - bias, x.reshape(6, INPUTS), restored(matrix(1)))
    np.testing.assert_allclose(doubled, 2 * x.reshape(6, INPUTS) @ matrix(1), rtol=1e-4, atol=1e-4)


def test_weights_that_are_stored_in_8_bits_are_used_as_they_are() -> None:
    numbers, scales = quantise(matrix(4))
    nodes = [
        node("Cast", "w_q", "w_f", to=1),
        node("Mul", "w_f", "w_s", "w"),
        node("MatMul", "x", "w", "y"),
    ]
    model = network(nodes, {"w_q": numbers, "w_s": scales[None]}, ["y"])
    assert compute_in_integers(model) == 1
    assert {each.name for each in model.graph.initializer} >= {"w_q", "w_s"}
    assert not [each for each in model.graph.node if each.op_type == "Cast"]
    x = np.random.default_rng(2).normal(size=(1, 3, INPUTS)).astype(np.float32)
    assert_near(run(model, x)[0], x, numbers * scales.astype(np.float64))


def test_products_without_weights_and_small_matrices_are_left_alone() -> None:
    nodes = [
        node("MatMul", "x", "small", "y"),
        node("Transpose", "x", "t", perm=[0, 2, 1]),
        node("MatMul", "x", "t", "z"),
    ]
    model = network(nodes, {"small": matrix(1, 8)}, ["y", "z"])
    assert compute_in_integers(model) == 0
    assert [each.op_type for each in model.graph.node] == ["MatMul", "Transpose", "MatMul"]
