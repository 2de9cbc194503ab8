"""Exports the step of the touch model, checks it against torch, writes golden vectors."""
import argparse
from pathlib import Path
import torch
from torch import Tensor, nn
from common.graphs import export_all
from touch.network import FEATURES, SAID, WIDTH, Touch, told

GRAPHS = {"step": (["part", "phase", "metre", "feature", "state"], ["mean", "deviation", "pedal", "state_out"])}


class Part(nn.Module):
    """The exported graph; sizes other than the batch's are fixed."""

    def __init__(self, model: Touch) -> None:
        super().__init__()
        self.model = model

    def forward(self, *x: Tensor) -> tuple[Tensor, ...]:
        *heard, state = x
        out, state = self.model.step(state, *heard)
        mean, deviation, pedal = told(out)
        return mean.reshape(-1, len(SAID)), deviation.reshape(-1, len(SAID)), pedal.reshape(-1, 1), state.reshape(-1, WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="without one, what is exported knows nothing")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Touch().eval()
    if args.checkpoint:
        model.load_state_dict(torch.load(args.checkpoint, weights_only=True))
    step = (torch.tensor([0, 1, 3]), torch.tensor([0, 6, 11]), torch.tensor([0, 1, 2]), torch.rand(3, FEATURES))
    state = Part(model)(*step, torch.zeros(3, WIDTH))[3]  # so that the golden vectors do not begin at nothing
    export_all({"step": Part(model)}, GRAPHS, {"step": (*step, state)}, args.out)


if __name__ == "__main__":
    main()
