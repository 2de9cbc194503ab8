"""Exports a checkpoint as encoder, start, step and groove graphs, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.graphs import export_all
from network import CLASSES, START, WIDTH, Drums

GRAPHS = {"encoder": (["tokens"], ["latent"]), "start": (["latent"], ["condition", "state"]),
          "step": (["condition", "token", "state"], ["logits", "state_out"]),
          "groove": (["condition", "hits"], ["velocity", "offset"])}


class Part(nn.Module):
    """One exported graph."""

    def __init__(self, model: Drums, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            return self.model.flow.inverse(self.model.encoder(x[0])[0])[0].reshape(-1, LATENT)
        if self.name == "start":
            return self.model.decoder.start(self.model.flow(x[0]))
        if self.name == "groove":
            velocity, offset = self.model.groove(*x)
            return velocity.reshape(-1, 32, CLASSES), offset.reshape(-1, 32, CLASSES)
        logits, state = self.model.decoder.step(*x)
        return logits, state.reshape(-1, WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Drums.of(torch.load(args.checkpoint, weights_only=True))
    tokens = torch.from_numpy(np.load(args.windows)["held"][:3])
    inputs = {"encoder": (tokens,), "start": (torch.randn(3, LATENT),),
              "step": (torch.randn(3, WIDTH), torch.tensor([START, 0, 5]), torch.tanh(torch.randn(3, WIDTH))),
              "groove": (torch.randn(3, WIDTH), (torch.rand(3, 32, CLASSES) < 0.2).float())}
    export_all({n: Part(model, n) for n in GRAPHS}, GRAPHS, inputs, args.out)


if __name__ == "__main__":
    main()
