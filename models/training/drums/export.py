"""Exports a checkpoint as encoder, start, step and groove graphs, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.graphs import GRAPHS, Part, export_all
from network import CLASSES, START, WIDTH, Drums

GROOVE = (["condition", "hits"], ["velocity", "offset"])


class GroovePart(nn.Module):
    """The graph that says how loud and how late each hit is."""

    def __init__(self, groove: nn.Module) -> None:
        super().__init__()
        self.groove = groove

    def forward(self, condition: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        velocity, offset = self.groove(condition, hits)
        return velocity.reshape(-1, 32, CLASSES), offset.reshape(-1, 32, CLASSES)


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
    parts = {n: Part(model, n) for n in GRAPHS} | {"groove": GroovePart(model.groove)}
    export_all(parts, GRAPHS | {"groove": GROOVE}, inputs, args.out)


if __name__ == "__main__":
    main()
