"""Exports encoder, step and planner as graphs, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.graphs import export_all
from controls import BAR, CONTROLS
from network import START, TOKENS, Stream
from planner import HISTORY, Planner

HEARD = ["code", "token", "control", "given", "phase", "state"]
GRAPHS = {"encoder": (["tokens"], ["latent"]), "step": (HEARD, ["logits", "state_out"]),
          "planner": (["history", "mask"], ["mean", "deviation"])}


class Part(nn.Module):
    """One exported graph; sizes other than the batch's are fixed."""

    def __init__(self, model: Stream, planner: Planner, name: str) -> None:
        super().__init__()
        self.model, self.planner, self.name = model, planner, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            knobs, mean, _ = self.model.encoder(x[0])
            return torch.cat([knobs, mean], 1).reshape(-1, LATENT)
        if self.name == "planner":
            return tuple(found.reshape(-1, LATENT) for found in self.planner(*x))
        logits, state = self.model.decoder.step(x[-1], *x[:-1])
        return logits.reshape(-1, TOKENS), state.reshape(-1, self.model.decoder.state_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--planner", type=Path, required=True)
    parser.add_argument("--tunes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model, planner = Stream.of(torch.load(args.checkpoint, weights_only=True)), Planner()
    planner.load_state_dict(torch.load(args.planner, weights_only=True))
    planner.eval()
    tokens = torch.from_numpy(np.load(args.tunes)["held"][4:7])
    mask = (torch.arange(HISTORY)[None] >= torch.tensor([[0], [20], [31]])).float()
    state = torch.zeros(3, model.decoder.state_size)
    step = (torch.randn(3, LATENT), torch.tensor([START, 0, 50]), torch.rand(3, len(CONTROLS)),
            (torch.rand(3, len(CONTROLS)) < 0.5).float(), torch.eye(BAR)[[0, 3, 12]])
    state = model.decoder.step(state, *step)[1]  # so that the golden vectors do not begin at nothing
    inputs = {"encoder": (tokens,), "step": (*step, state),
              "planner": (torch.randn(3, HISTORY, LATENT) * mask[..., None], mask)}
    export_all({n: Part(model, planner, n) for n in GRAPHS}, GRAPHS, inputs, args.out)


if __name__ == "__main__":
    main()
