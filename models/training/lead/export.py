"""Exports encoder and step of the melody on chords, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.graphs import export_all
from lead.network import CONTROLS, FAR, OPEN, START, TOKENS, Lead, Recurrent

HEARD = ["token", "chord", "next", "ahead", "phase", "metre", "mode", "code", "control", "given", "close", "state"]
GRAPHS = {"encoder": (["tokens", "metre"], ["latent"]), "step": (HEARD, ["logits", "state_out"])}
CODE = HEARD.index("code")


class Part(nn.Module):
    """One exported graph; sizes other than the batch's are fixed."""

    def __init__(self, model: Lead, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            knobs, mean, _ = self.model.encoder(*x)
            return self.model.outer(torch.cat([knobs, mean], 1)).reshape(-1, LATENT)
        *heard, state = x
        heard[CODE] = self.model.inner(heard[CODE])
        logits, state = self.model.decoder.step(state, *heard)
        return logits.reshape(-1, TOKENS), state.reshape(-1, self.model.decoder.state_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="without one, what is exported knows nothing")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Lead.of(torch.load(args.checkpoint, weights_only=True)) if args.checkpoint else Lead(Recurrent()).eval()
    metre, mode = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0])
    tokens = torch.tensor([[41, 0, 43, 0, 45, 0, 0, 0, 48, 0, 0, 0, 1, 0, 43, 0], [41, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0],
                           [0, 0, 43, 0, 45, 0, 46, 0, 48, 0, 0, 0, 0, 0, 0, 0]])
    step = (torch.tensor([START, 0, 50]), torch.tensor([0, 64, 108]), torch.tensor([63, 64, 0]), torch.tensor([8, FAR, 3]),
            torch.tensor([0, 3, 11]), metre, mode, torch.randn(3, LATENT), torch.rand(3, len(CONTROLS)),
            (torch.rand(3, len(CONTROLS)) < 0.5).float(), torch.tensor([OPEN, 12, 0]))
    state = torch.zeros(3, model.decoder.state_size)
    state = Part(model, "step")(*step, state)[1]  # so that the golden vectors do not begin at nothing
    export_all({n: Part(model, n) for n in GRAPHS}, GRAPHS, {"encoder": (tokens, metre), "step": (*step, state)}, args.out)


if __name__ == "__main__":
    main()
