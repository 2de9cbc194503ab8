"""Writes ONNX graphs and their golden vectors."""
import json
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn
from common.flow import LATENT


GRAPHS = {"encoder": (["tokens"], ["latent"]), "start": (["latent"], ["condition", "state"]),
          "step": (["condition", "token", "state"], ["logits", "state_out"])}
"""Inputs and outputs of what an autoencoder of tokens with a prior flow is exported as."""


class Part(nn.Module):
    """One exported graph of such an autoencoder."""

    def __init__(self, model: nn.Module, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            return self.model.flow.inverse(self.model.encoder(x[0])[0])[0].reshape(-1, LATENT)
        if self.name == "start":
            return self.model.decoder.start(self.model.flow(x[0]))
        logits, state = self.model.decoder.step(*x)
        return logits, state.reshape(-1, self.model.decoder.gru.hidden_size)


def listed(array: np.ndarray) -> dict:
    """An array as golden.json has it; a nought is one letter, since long states hold many."""
    kind = str(array.dtype)
    return {"shape": list(array.shape), kind: [float(v) if kind == "float32" and v else int(v) for v in array.ravel()]}


Ports = tuple[list[str], list[str]]


def export(part: nn.Module, ports: Ports, path: Path, inputs: tuple[Tensor, ...]) -> dict:
    """Writes one graph, compares it with torch, returns its golden vectors."""
    names, outs = ports
    torch.onnx.export(part, inputs, str(path), input_names=names, output_names=outs, opset_version=17, dynamo=False,
                      dynamic_axes={n: {0: "N"} for n in names + outs})
    session = onnxruntime.InferenceSession(str(path))
    fed = {n: i.numpy() for n, i in zip(names, inputs)}
    found = session.run(outs, fed)
    wanted = part(*inputs)
    for a, b in zip(found, wanted if isinstance(wanted, tuple) else (wanted,)):
        assert np.abs(a - b.numpy()).max() < 1e-3, path.name
    single = {n: v[:1] for n, v in fed.items()}
    result = dict(zip(outs, session.run(outs, single)))
    return {"inputs": {n: listed(v) for n, v in single.items()}, "outputs": {n: listed(v) for n, v in result.items()},
            "tolerance": 0.001}


def export_all(parts: dict[str, nn.Module], ports: dict[str, Ports], inputs: dict[str, tuple[Tensor, ...]],
               out: Path) -> None:
    """Writes every graph and the golden vectors into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    golden = {n: export(parts[n], ports[n], out / f"{n}.onnx", inputs[n]) for n in ports}
    (out / "golden.json").write_text(json.dumps({"files": golden}, separators=(",", ":")) + "\n")
