"""Exports a checkpoint as encoder, start and step graphs, checks them against torch, writes the golden vectors."""
import argparse
import json
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn
from network import LATENT, WIDTH, Melody

GRAPHS = {"encoder": (["tokens"], ["latent"]), "start": (["latent"], ["condition", "state"]),
          "step": (["condition", "token", "state"], ["logits", "state_out"])}


class Part(nn.Module):
    """One exported graph."""

    def __init__(self, model: Melody, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            return self.model.flow.inverse(self.model.encoder(x[0])[0])[0].reshape(-1, LATENT)
        if self.name == "start":
            return self.model.decoder.start(self.model.flow(x[0]))
        logits, state = self.model.decoder.step(*x)
        return logits, state.reshape(-1, WIDTH)


def listed(array: np.ndarray) -> dict:
    kind = str(array.dtype)
    return {"shape": list(array.shape), kind: [float(v) if kind == "float32" else int(v) for v in array.ravel()]}


def export(part: Part, path: Path, inputs: tuple[Tensor, ...]) -> dict:
    """Writes one graph, compares it with torch, returns its golden vectors."""
    names, outs = GRAPHS[part.name]
    torch.onnx.export(part, inputs, str(path), input_names=names, output_names=outs, opset_version=17, dynamo=False,
                      dynamic_axes={n: {0: "N"} for n in names + outs})
    session = onnxruntime.InferenceSession(str(path))
    fed = {n: i.numpy() for n, i in zip(names, inputs)}
    found = session.run(outs, fed)
    wanted = part(*inputs)
    for a, b in zip(found, wanted if isinstance(wanted, tuple) else (wanted,)):
        assert np.abs(a - b.numpy()).max() < 1e-3, part.name
    single = {n: v[:1] for n, v in fed.items()}
    result = dict(zip(outs, session.run(outs, single)))
    return {"inputs": {n: listed(v) for n, v in single.items()}, "outputs": {n: listed(v) for n, v in result.items()},
            "tolerance": 0.001}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Melody.of(torch.load(args.checkpoint, weights_only=True))
    args.out.mkdir(parents=True, exist_ok=True)
    tokens = torch.from_numpy(np.load(args.windows)["held"][:3])
    inputs = {"encoder": (tokens,), "start": (torch.randn(3, LATENT),),
              "step": (torch.randn(3, WIDTH), torch.tensor([90, 0, 41]), torch.tanh(torch.randn(3, WIDTH)))}
    golden = {n: export(Part(model, n), args.out / f"{n}.onnx", inputs[n]) for n in GRAPHS}
    (args.out / "golden.json").write_text(json.dumps({"files": golden}) + "\n")


if __name__ == "__main__":
    main()
