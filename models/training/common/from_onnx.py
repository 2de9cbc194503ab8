"""What an exported graph holds, as torch has it."""
from pathlib import Path
import numpy as np
import onnx
import torch
from common.flow import LATENT

PREFIX = "model."


def weights(path: Path) -> dict[str, np.ndarray]:
    """Every constant of a graph, by name."""
    return {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(str(path)).graph.initializer}


def reordered(gates: np.ndarray) -> torch.Tensor:
    """ONNX lays a GRU's gates out as update, reset, new; torch as reset, update, new."""
    update, reset, new = np.split(gates, 3)
    return torch.from_numpy(np.concatenate([reset, update, new]))


def gru(constants: list[np.ndarray]) -> dict[str, torch.Tensor]:
    """Both directions of an exported GRU: biases, then weights of the input, then of the state."""
    biases, of_input, of_state = constants
    found = {}
    for direction, end in enumerate(("", "_reverse")):
        width = of_state.shape[2] * 3
        found[f"encoder.gru.weight_ih_l0{end}"] = reordered(of_input[direction])
        found[f"encoder.gru.weight_hh_l0{end}"] = reordered(of_state[direction])
        found[f"encoder.gru.bias_ih_l0{end}"] = reordered(biases[direction][:width])
        found[f"encoder.gru.bias_hh_l0{end}"] = reordered(biases[direction][width:])
    return found


def split(path: Path) -> tuple[dict[str, torch.Tensor], list[np.ndarray]]:
    """The weights of a graph that kept their names, and the constants that did not."""
    found = weights(path)
    named = {n.removeprefix(PREFIX): torch.from_numpy(w.copy()) for n, w in found.items() if n.startswith(PREFIX)}
    return named, [w for n, w in found.items() if not n.startswith(PREFIX)]


def bare_gru(unnamed: list[np.ndarray]) -> dict[str, torch.Tensor]:
    """The encoder's GRU, found among the constants without names by their shapes."""
    return gru(sorted((w for w in unnamed if w.dtype == np.float32), key=lambda w: (w.ndim, w.shape[-1])))


def state(folder: Path, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """What the graphs `names` in `folder` hold, of which the encoder is a GRU, with the flow's order where it has one."""
    found: dict[str, torch.Tensor] = {}
    for name in names:
        named, unnamed = split(folder / f"{name}.onnx")
        found |= named
        if name == "encoder":
            found |= bare_gru(unnamed)
            orders = [w for w in unnamed if w.dtype == np.int64 and w.ndim == 1 and len(w) == LATENT]
            if orders:
                order = torch.from_numpy(np.stack(orders))
                found |= {"flow.order": order, "flow.back": order.argsort(1)}
    return found
