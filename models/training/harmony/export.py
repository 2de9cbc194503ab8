"""Exports encoder and step of the chord model, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import torch
from torch import Tensor, nn
from common.chords import CHORDS, NONE, START, TONIC
from common.flow import LATENT
from common.graphs import export_all
from harmony.network import FARTHEST, STEPS, WIDTH, Harmony

HEARD = ["chord", "code", "mood", "given", "countdown", "phase", "metre", "mode", "state"]
GRAPHS = {"encoder": (["chords", "metre", "mode"], ["latent"]), "step": (HEARD, ["logits", "state_out"])}


class Part(nn.Module):
    """One exported graph; codes are widened and narrowed in it."""

    def __init__(self, model: Harmony, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            return (self.model.encoder(*x)[0] @ self.model.narrow).reshape(-1, LATENT)
        chord, code, *rest, state = x
        logits, state = self.model.decoder.step(state, chord, code @ self.model.narrow.T, *rest)
        return logits.reshape(-1, CHORDS), state.reshape(-1, WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="without one, what is exported knows nothing")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Harmony.of(torch.load(args.checkpoint, weights_only=True)) if args.checkpoint else Harmony().eval()
    metre, mode = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0])
    chords = torch.randint(0, NONE, (3, STEPS // 4)).repeat_interleave(4, 1)
    state = torch.zeros(3, WIDTH)
    step = (torch.tensor([TONIC[0], START, NONE]), torch.randn(3, LATENT), torch.randn(3, 3), torch.tensor([[1., 0, 1], [0, 0, 0], [1, 1, 1]]),
            torch.tensor([4, FARTHEST + 1, 0]), torch.tensor([3, 0, 14]), metre, mode)
    state = Part(model, "step")(*step, state)[1]  # so that the golden vectors do not begin at nothing
    export_all({n: Part(model, n) for n in GRAPHS}, GRAPHS, {"encoder": (chords, metre, mode), "step": (*step, state)}, args.out)


if __name__ == "__main__":
    main()
