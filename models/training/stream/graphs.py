"""Plays the exported graphs."""
from pathlib import Path
import numpy as np
import onnxruntime
from common.flow import LATENT
from controls import BAR, CONTROLS
from network import START
from planner import HISTORY


class Graphs:
    """Encoder, step and planner."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        sessions = {n: onnxruntime.InferenceSession(str(folder / f"{n}.onnx"), options) for n in ("encoder", "step", "planner")}
        self.run = {n: s.run for n, s in sessions.items()}
        self.size = next(i.shape[1] for i in sessions["step"].get_inputs() if i.name == "state")

    def encode(self, bars: np.ndarray) -> np.ndarray:
        """[.., 16] tokens to [.., 64]."""
        return self.run["encoder"](None, {"tokens": bars.reshape(-1, BAR)})[0].reshape(*bars.shape[:-1], LATENT)

    def plan(self, count: int, bars: int, heat: float, rng: np.random.Generator) -> np.ndarray:
        """[count, bars, 64] codes, each drawn after those before it."""
        codes = np.zeros((count, HISTORY + bars, LATENT), np.float32)
        mask = np.zeros((count, HISTORY + bars), np.float32)
        for at in range(HISTORY, HISTORY + bars):
            mean, deviation = self.run["planner"](None, {"history": codes[:, at - HISTORY:at], "mask": mask[:, at - HISTORY:at]})
            codes[:, at] = mean + heat * deviation * rng.standard_normal(mean.shape)
            mask[:, at] = 1
        return codes[:, HISTORY:]

    def play(self, codes: np.ndarray, heat: float, noise: np.ndarray, control: np.ndarray | None = None,
             given: np.ndarray | None = None, forced: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and log odds of `forced` (the true tokens) or of themselves, of [N, steps, 64] codes; `noise`
        [N, steps, 90] is Gumbel's."""
        count, steps = codes.shape[:2]
        nothing = np.zeros((count, steps, len(CONTROLS)), np.float32)
        control, given = nothing if control is None else control, nothing if given is None else given
        state, token = np.zeros((count, self.size), np.float32), np.full(count, START, np.int64)
        rows, odds = [], []
        for at in range(steps):
            phase = np.zeros((count, BAR), np.float32)
            phase[:, at % BAR] = 1
            logits, state = self.run["step"](None, {"code": codes[:, at], "token": token, "control": control[:, at],
                                                    "given": given[:, at], "phase": phase, "state": state})
            token = (logits / heat + noise[:, at]).argmax(1) if forced is None else forced[:, at]
            top = logits.max(1, keepdims=True)
            told = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
            odds.append(told[np.arange(count), token])
            rows.append(token)
        return np.stack(rows, 1), np.stack(odds, 1)


def gumbel(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Noise that draws a token where it is added to the logits."""
    return rng.gumbel(size=(*shape, 90)).astype(np.float32)
