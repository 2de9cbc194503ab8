"""Google's published two-bar decoder (MusicVAE, mel_2bar_small), to compare with; its weights are fetched, never committed."""
import json
from pathlib import Path
import numpy as np

LATENT = 256


def weights(folder: Path) -> dict[str, np.ndarray]:
    """The tensors of Magenta's early browser layout: a manifest, and a file of 32-bit floats each."""
    listed = json.loads((folder / "manifest.json").read_text())
    present = {k: v for k, v in listed.items() if (folder / v["filename"]).exists()}
    return {k: np.fromfile(folder / v["filename"], np.float32).reshape(v["shape"]) for k, v in present.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class Google:
    """The decoder: two LSTM cells (gates i, j, f, o) that hear the last token and the code."""

    def __init__(self, folder: Path) -> None:
        named = weights(folder)
        layers = [f"decoder/{n}" for n in ("multi_rnn_cell/cell_0/lstm_cell", "multi_rnn_cell/cell_1/lstm_cell",
                                           "z_to_initial_state", "output_projection")]
        *self.cells, self.first, self.out = [(named[f"{n}/kernel"], named[f"{n}/bias"]) for n in layers]

    def decode(self, latent: np.ndarray, heat: float, rng: np.random.Generator) -> np.ndarray:
        """Tokens drawn at a temperature."""
        state = np.split(np.tanh(latent @ self.first[0] + self.first[1]), 4, 1)
        before, rows = np.zeros((len(latent), 90), np.float32), []
        for _ in range(32):
            x = np.concatenate([before, latent], 1)
            for n, (kernel, bias) in enumerate(self.cells):
                i, j, f, o = np.split(np.concatenate([x, state[2 * n + 1]], 1) @ kernel + bias, 4, 1)
                state[2 * n] = sigmoid(f + 1) * state[2 * n] + sigmoid(i) * np.tanh(j)
                x = state[2 * n + 1] = sigmoid(o) * np.tanh(state[2 * n])
            logits = (x @ self.out[0] + self.out[1]) / heat
            rows.append((logits + rng.gumbel(size=logits.shape)).argmax(1))
            before = np.eye(90, dtype=np.float32)[rows[-1]]
        return np.stack(rows, 1)
