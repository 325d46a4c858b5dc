"""Products of matrices in integers: weights of 8 bits by activations of two digits of 7 bits each.

A row of activations is divided by its largest magnitude; what a digit of 7 bits leaves over is the second digit. That
is fine enough (steps of 1/7938 of the largest) for vectors that are as good as those of floats, integer products are
several times faster, and their sums are exact: a row gives the same bits whatever its neighbours are. A digit of 7 bits
by a weight of 8 never overflows the 16 bits in which older processors add two products.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_SIDE = 32
"""Matrices with a shorter side are left as they are: nothing is gained."""

_LARGEST = 63
_ZERO = 64
_MICROSOFT = "com.microsoft"


class Quantised(NamedTuple):
    """The names of a matrix of weights: int8 numbers, shape (inputs, ``width``), and a scale for each column."""

    numbers: str
    scales: str
    width: int


def compute_in_integers(model: Any) -> int:
    """Changes a network of ONNX so that it multiplies by its weights in integers; how many products were changed.

    Products of one input become one product, whose columns are then shared out.
    """
    from onnx import NodeProto, helper

    weights = _Weights(model.graph)
    products: dict[str, list[Any]] = {}
    for node in model.graph.node:
        if weights.of(node):
            products.setdefault(node.input[0], []).append(node)
    changed = {node.output[0]: given for given, together in products.items() for node in together}
    if not changed:
        return 0
    opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    weights.write_constants()
    nodes: list[Any] = []
    for node in model.graph.node:
        given = changed.get(node.output[0])
        if given is None:
            nodes.append(NodeProto.FromString(node.SerializeToString()))
        elif given in products:
            nodes += [*_digits(given, opset), *_together(given, products.pop(given), weights)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    if _MICROSOFT not in {each.domain for each in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
    _drop_unused(model.graph)
    return len(changed)


def quantise(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers from -127 to 127 of the same shape, and the scale of each column."""
    import numpy as np

    scales = np.maximum(np.abs(matrix).max(axis=0) / 127, np.finfo(np.float32).tiny).astype(np.float32)
    return np.rint(matrix / scales).astype(np.int8), scales


class _Weights:
    """The weights of the products of a graph, in 8 bits."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._initializers = {each.name: each for each in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._known: dict[tuple[str, bool], Quantised] = {}

    def of(self, node: Any) -> Quantised | None:
        """Those of a product that is to be changed, or None."""
        if node.op_type not in ("MatMul", "Gemm") or (node.op_type == "Gemm" and not _plain(node)):
            return None
        turned = any(each.name == "transB" and each.i for each in node.attribute)
        key = (node.input[1], turned)
        if key not in self._known and (found := self._stored(*key) or self._made(*key)):
            self._known[key] = found
        return self._known.get(key)

    def write(self, name: str, array: Any) -> str:
        """Adds a constant to the graph; its name."""
        from onnx import numpy_helper

        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def write_constants(self) -> None:
        """Adds what all products share."""
        import numpy as np

        self.write("high_step", np.array(1 / _LARGEST, np.float32))
        self.write("low_step", np.array(1 / (_LARGEST * 2 * _LARGEST), np.float32))
        self.write("digit_zero", np.array(_ZERO, np.uint8))
        self.write("least_largest", np.array(1e-30, np.float32))
        self.write("last_axis", np.array([-1], np.int64))

    def _stored(self, name: str, turned: bool) -> Quantised | None:
        """Weights that are kept in 8 bits already: the product of whole numbers with a scale for each column."""
        product = self._makers.get(name)
        if turned or product is None or product.op_type != "Mul":
            return None
        cast = self._makers.get(product.input[0])
        scales = self._initializers.get(product.input[1])
        if cast is None or cast.op_type != "Cast" or scales is None:
            return None
        numbers = self._initializers.get(cast.input[0])
        if numbers is None or len(numbers.dims) != 2 or list(scales.dims) != [1, numbers.dims[1]]:
            return None
        return Quantised(numbers.name, scales.name, numbers.dims[1])

    def _made(self, name: str, turned: bool) -> Quantised | None:
        import numpy as np
        from onnx import TensorProto, numpy_helper

        whole = self._initializers.get(name)
        if whole is None or whole.data_type != TensorProto.FLOAT:
            return None
        if len(whole.dims) != 2 or min(whole.dims) < LEAST_SIDE:
            return None
        matrix = numpy_helper.to_array(whole)
        numbers, scales = quantise(matrix.T if turned else matrix)
        marked = f"{name}_turned" if turned else name
        stored = self.write(f"{marked}_int8", np.ascontiguousarray(numbers))
        return Quantised(stored, self.write(f"{marked}_scales", scales), numbers.shape[1])


def _digits(given: str, opset: int) -> Iterator[Any]:
    """The nodes that cut an input into the largest magnitude of each row and two digits of what is left of it."""

    def node(kind: str, *names: str, **facts: Any) -> Any:
        return _node(kind, *(name.format(given) for name in names), **facts)

    yield node("Abs", "{}", "{}_magnitude")
    if opset >= 18:
        yield node("ReduceMax", "{}_magnitude", "last_axis", "{}_maximum", keepdims=1)
    else:
        yield node("ReduceMax", "{}_magnitude", "{}_maximum", axes=[-1], keepdims=1)
    yield node("Add", "{}_maximum", "least_largest", "{}_largest")
    yield node("Div", "{}", "{}_largest", "{}_scaled")
    yield node("QuantizeLinear", "{}_scaled", "high_step", "digit_zero", "{}_high")
    yield node("DequantizeLinear", "{}_high", "high_step", "digit_zero", "{}_near")
    yield node("Sub", "{}_scaled", "{}_near", "{}_rest")
    yield node("QuantizeLinear", "{}_rest", "low_step", "digit_zero", "{}_low")


def _together(given: str, products: list[Any], weights: _Weights) -> Iterator[Any]:
    """The nodes that take the place of all products of one input."""
    import numpy as np

    taken = [each for each in map(weights.of, products) if each is not None]
    numbers, scales, _ = taken[0]
    if len(taken) > 1:
        numbers, scales = f"{given}_numbers", f"{given}_scales"
        yield _node("Concat", *(each.numbers for each in taken), numbers, axis=1)
        yield _node("Concat", *(each.scales for each in taken), scales, axis=-1)
    for digit in ("high", "low"):
        operands = (f"{given}_{digit}", numbers, f"{digit}_step", scales, "digit_zero")
        yield _node("MatMulIntegerToFloat", *operands, f"{given}_by_{digit}", domain=_MICROSOFT)
    yield _node("Add", f"{given}_by_high", f"{given}_by_low", f"{given}_by_both")
    made = [f"{node.output[0]}_unbiased" if _biased(node) else node.output[0] for node in products]
    whole = f"{given}_products" if len(made) > 1 else made[0]
    yield _node("Mul", f"{given}_by_both", f"{given}_largest", whole)
    if len(made) > 1:
        widths = weights.write(f"{given}_widths", np.array([each.width for each in taken], np.int64))
        yield _node("Split", whole, widths, *made, outputs=len(made), axis=-1)
    for node, product in zip(products, made, strict=True):
        if _biased(node):
            yield _node("Add", product, node.input[2], node.output[0])


def _node(kind: str, *names: str, outputs: int = 1, **facts: Any) -> Any:
    """A node; the last names are those of its outputs."""
    from onnx import helper

    return helper.make_node(kind, list(names[:-outputs]), list(names[-outputs:]), **facts)


def _biased(node: Any) -> bool:
    return node.op_type == "Gemm" and len(node.input) > 2


def _plain(gemm: Any) -> bool:
    """Whether it is the product, perhaps of turned weights, plus a bias."""
    facts = {each.name: each.f if each.name in ("alpha", "beta") else each.i for each in gemm.attribute}
    return facts.get("alpha", 1.0) == 1.0 and facts.get("beta", 1.0) == 1.0 and not facts.get("transA", 0)


def _drop_unused(graph: Any) -> None:
    """Removes the nodes and initializers that nothing needs any more."""
    while True:
        needed = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
        idle = [node for node in graph.node if not needed.intersection(node.output)]
        if not idle:
            break
        for node in idle:
            graph.node.remove(node)
    for tensor in [each for each in graph.initializer if each.name not in needed]:
        graph.initializer.remove(tensor)
