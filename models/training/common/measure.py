"""Rank correlation and drawing, for what evaluates models."""
from pathlib import Path
import numpy as np
import onnxruntime


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """The rank correlation of two lists."""
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def drawn(logits: np.ndarray, heat: float, rng: np.random.Generator) -> np.ndarray:
    """A token for each row of logits."""
    return (logits / heat + rng.gumbel(size=logits.shape)).argmax(1)


def graphs(folder: Path, *names: str) -> tuple[dict, dict[str, int]]:
    """The run functions of a model's graphs, and the lengths of their states."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    found = {n: onnxruntime.InferenceSession(str(folder / f"{n}.onnx"), options) for n in names}
    return {n: s.run for n, s in found.items()}, {n: i.shape[1] for n, s in found.items() for i in s.get_inputs() if i.name == "state"}
