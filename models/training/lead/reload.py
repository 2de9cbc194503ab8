"""Makes a checkpoint of the exported graphs, so that training can go on, or a decoder learn the same codes, where it is lost."""
import argparse
from pathlib import Path
import numpy as np
import onnx
import onnxruntime
import torch
from lead.network import Lead

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


def reload(folder: Path) -> Lead:
    """The network whose parts the graphs in `folder` are."""
    state: dict[str, torch.Tensor] = {}
    for name in ("encoder", "step"):
        found = weights(folder / f"{name}.onnx")
        state |= {n.removeprefix(PREFIX): torch.from_numpy(w.copy()) for n, w in found.items() if n.startswith(PREFIX)}
        if name == "encoder":
            unnamed = [w for n, w in found.items() if not n.startswith(PREFIX) and w.dtype == np.float32]
            state |= gru(sorted(unnamed, key=lambda w: (w.ndim, w.shape[-1])))
    return Lead.of(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    model = reload(args.models)
    tokens, metre = torch.randint(0, 90, (64, 16)), torch.arange(64) % 3
    wanted = onnxruntime.InferenceSession(str(args.models / "encoder.onnx")).run(None, {"tokens": tokens.numpy(), "metre": metre.numpy()})[0]
    found = model.outer(torch.cat(model.encoder(tokens, metre)[:2], 1)).numpy()
    assert np.abs(found - wanted).max() < 1e-3, "not the same network"
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
