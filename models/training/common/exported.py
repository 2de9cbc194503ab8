"""Runs what an autoencoder of tokens was exported as."""
from collections import Counter
from pathlib import Path
import numpy as np
import onnxruntime


class Exported:
    """The graphs of a model by role; `start` stands before the first token."""

    def __init__(self, folder: Path, start: int, *more: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.begin = start
        self.run = {n: onnxruntime.InferenceSession(str(folder / f"{n}.onnx"), options).run
                    for n in ("encoder", "start", "step", *more)}

    def encode(self, rows: np.ndarray) -> np.ndarray:
        return self.run["encoder"](None, {"tokens": rows})[0]

    def decode(self, latent: np.ndarray, heat: float = 0.0, forced: np.ndarray | None = None,
               rng: np.random.Generator | None = None) -> np.ndarray:
        """Greedy at heat 0, sampled above it; `forced` feeds the true previous tokens."""
        condition, state = self.run["start"](None, {"latent": latent})[:2]
        token, rows = np.full(len(latent), self.begin, np.int64), []
        for step in range(32):
            logits, state = self.run["step"](None, {"condition": condition, "token": token, "state": state})
            if heat > 0 and rng is not None:
                logits = logits / heat + rng.gumbel(size=logits.shape)
            rows.append(logits.argmax(1))
            token = rows[-1] if forced is None else forced[:, step]
        return np.stack(rows, 1)


def divergence(a: Counter, b: Counter) -> float:
    """Jensen-Shannon divergence of two histograms in bits."""
    keys = sorted(set(a) | set(b))
    p, q = (np.array([c[k] for k in keys]) / max(1, sum(c.values())) for c in (a, b))
    m = (p + q) / 2
    return float(sum(0.5 * (x[x > 0] * np.log2(x[x > 0] / m[x > 0])).sum() for x in (p, q)))
