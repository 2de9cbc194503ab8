"""Exports a checkpoint as encoder, start, step and groove graphs, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.graphs import GRAPHS, export_all
from network import CLASSES, PLAN, START, STEPS, TOUCH, WIDTH, Drums

PORTS = GRAPHS | {"start": (["latent"], ["condition", "state", "touch"]),
                  "groove": (["condition", "hits", "touch"], ["velocity", "offset", "touch_out"])}


class DrumPart(nn.Module):
    """One exported graph of the drum network; what it gives is shaped so that the graph tells its dimensions."""

    def __init__(self, model: Drums, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            return self.model.flow.inverse(self.model.encoder(x[0])[0])[0].reshape(-1, LATENT)
        if self.name == "start":
            condition, state = self.model.decoder.start(self.model.flow(x[0]))
            touch = torch.cat([torch.zeros(1, TOUCH), torch.eye(STEPS)[:1]], 1).expand(state.shape[0], -1)
            return condition, state.reshape(-1, WIDTH + STEPS), touch.reshape(-1, TOUCH + STEPS)
        if self.name == "groove":
            velocity, offset, touch = self.model.groove.step(*x)
            return velocity.reshape(-1, CLASSES), offset.reshape(-1, CLASSES), touch.reshape(-1, TOUCH + STEPS)
        logits, state = self.model.decoder.step(*x)
        return logits, state.reshape(-1, WIDTH + STEPS)


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
    condition, place = torch.randn(3, STEPS * PLAN), torch.eye(STEPS)[:3]
    inputs = {"encoder": (tokens,), "start": (torch.randn(3, LATENT),),
              "step": (condition, torch.tensor([START, 0, 5]), torch.cat([torch.tanh(torch.randn(3, WIDTH)), place], 1)),
              "groove": (condition, (torch.rand(3, CLASSES) < 0.2).float(),
                         torch.cat([torch.tanh(torch.randn(3, TOUCH)), place], 1))}
    export_all({name: DrumPart(model, name) for name in PORTS}, PORTS, inputs, args.out)


if __name__ == "__main__":
    main()
