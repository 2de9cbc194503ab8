"""Takes the weights of an exported encoder back into a checkpoint, to go on training from."""
import argparse
from pathlib import Path
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn
from network import Drawing, Eye

BATCHES, SIZE = 16, 256
"""Batches of pictures that the statistics are measured on, and pictures in each."""


def folded(path: Path) -> Eye:
    """The exported graph's weights: its convolutions hold the normalisation that followed them, so the layers'
    own does nothing here."""
    graph = onnx.load(path).graph
    weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    eye = Eye().eval()
    for name in ("mean", "whiten", "out.weight", "out.bias"):
        eye.get_parameter(name).data.copy_(weights[name]) if name.startswith("out") else eye.get_buffer(name).copy_(weights[name])
    found = [(weights[n.input[1]], weights[n.input[2]]) for n in graph.node if n.op_type == "Conv"]
    convolutions = [m for m in eye.body.modules() if isinstance(m, nn.Conv2d)]
    for layer, norm, (weight, bias) in zip(convolutions, normalisations(eye), found, strict=True):
        layer.weight.data.copy_(weight)
        norm.weight.data.fill_(1)
        norm.bias.data.copy_(bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    return eye


def drawing(path: Path) -> Drawing:
    """The exported decoder, to go on training from; of one that draws 64 × 64, all that this one has as well."""
    graph = onnx.load(path).graph
    weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    for node in graph.node:
        # Weights that are alike are written once.
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    found = Drawing()
    if all(name in weights for name in found.state_dict()):
        found.load_state_dict({name: weights[name] for name in found.state_dict()})
        return found
    cells = [(weights["cells.weight"], weights["cells.bias"])]
    given = cells + [(weights[n.input[1]], weights[n.input[2]]) for n in graph.node if n.op_type == "Conv"]
    pairs = zip(found.turned, found.wider, strict=True)
    taking = [found.cells, *(m for turned, wider in pairs for m in (turned[0].around, wider)), found.coarse[0], found.coarse[3]]
    for layer, (weight, bias) in zip(taking, given, strict=True):
        layer.weight.data.copy_(weight)
        layer.bias.data.copy_(bias)
    return found


def normalisations(eye: Eye) -> list[nn.BatchNorm2d]:
    """The layers of batch normalisation, in the order of the convolutions before them."""
    return [m for m in eye.body.modules() if isinstance(m, nn.BatchNorm2d)]


def unfold(eye: Eye, pictures: torch.Tensor) -> None:
    """Gives each layer of normalisation the statistics of what it sees, and the scale and shift that undo them: the
    network computes what it did, and can be trained."""
    sums = {norm: [0.0, 0.0, 0] for norm in normalisations(eye)}

    def add(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor, ...]) -> None:
        values = inputs[0].double().transpose(0, 1).flatten(1)
        sums[norm][0] += values.sum(1)
        sums[norm][1] += values.square().sum(1)
        sums[norm][2] += values.shape[1]

    hooks = [norm.register_forward_pre_hook(add) for norm in sums]
    for batch in pictures.split(SIZE):
        eye.raw(batch)
    for hook in hooks:
        hook.remove()
    for norm, (total, squares, count) in sums.items():
        mean = total / count
        variance = (squares / count - mean.square()).clamp_min(1e-6)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.data.copy_((variance + norm.eps).sqrt())
        norm.bias.data.add_(mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    data = np.load(args.views)
    pictures = data["pictures"][~data["held"]]
    chosen = np.random.default_rng(7).choice(len(pictures), BATCHES * SIZE, replace=False)
    eye = folded(args.encoder)
    unfold(eye, torch.from_numpy(pictures[chosen]))
    asked = pictures[chosen[:SIZE]]
    wanted = onnxruntime.InferenceSession(str(args.encoder)).run(None, {"frames": asked})[0]
    difference = float(np.abs(eye(torch.from_numpy(asked)).numpy() - wanted).max())
    assert difference < 1e-3, difference
    torch.save(eye.state_dict(), args.out)
    print({"largest difference to the graph": difference})


if __name__ == "__main__":
    main()
