"""Writes tiny_classifier.onnx, an image classifier with random weights, for the tests.

    pip install numpy==2.4.6 onnx==1.23.2
    python tiny_classifier.py

It has the form of the classifiers that people have: float pictures [N, 3, 32, 32] in, N left open; a convolution, the
mean over the picture, and a probability for each of ten classes out. Running it again gives the same bytes.
"""
from pathlib import Path
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, MAPS, CLASSES = 32, 8, 10


def main() -> None:
    random = np.random.default_rng(7)
    weights = {
        "filters": random.normal(0, 0.2, (MAPS, 3, 5, 5)),
        "thresholds": random.normal(0, 0.2, MAPS),
        "directions": random.normal(0, 1, (MAPS, CLASSES)),
        "biases": random.normal(0, 0.2, CLASSES),
    }
    nodes = [
        helper.make_node("Conv", ["image", "filters", "thresholds"], ["maps"], kernel_shape=[5, 5], strides=[3, 3]),
        helper.make_node("Relu", ["maps"], ["bright"]),
        helper.make_node("GlobalAveragePool", ["bright"], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
        helper.make_node("Gemm", ["features", "directions", "biases"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "tiny_classifier",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="SCORE! tests")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(Path(__file__).with_suffix(".onnx")))


if __name__ == "__main__":
    main()
