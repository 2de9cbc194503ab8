"""Exports encoder and step of the melody on chords, checks them against torch, writes golden vectors."""
import argparse
from pathlib import Path
import onnxruntime
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.graphs import export_all
from common.steps import previous_of
from lead.inputs import CONTROLS, FAR, OPEN, START, TOKENS
from lead.network import Lead
from lead.train import DECODERS

HEARD = ["token", "chord", "next", "ahead", "phase", "metre", "mode", "code", "control", "given", "close", "state"]
GRAPHS = {"encoder": (["tokens", "metre"], ["latent"]), "step": (HEARD, ["logits", "state_out"])}
CODE = HEARD.index("code")
LONG = 600
"""Sixteenths over which the steps of the graph are compared with whole sequences: more than twice what any decoder looks back."""


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
        return logits.reshape(-1, TOKENS), state


def compared(model: Lead, path: Path) -> float:
    """How far the graph, step by step, is from what training works out of whole sequences."""
    count = 2
    tokens = torch.randint(0, TOKENS, (count, LONG)) * (torch.rand(count, LONG) < 0.4)
    chord, code = torch.randint(0, 109, (count, LONG)), torch.randn(count, LONG, LATENT)
    heard = [previous_of(tokens, START), chord, chord.flip(1), torch.randint(1, FAR + 1, (count, LONG)), (torch.arange(LONG) % 12).expand(count, -1),
             torch.ones_like(chord), torch.tensor([[0], [1]]).expand(-1, LONG), code, torch.rand(count, LONG, len(CONTROLS)),
             (torch.rand(count, LONG, len(CONTROLS)) < 0.5).float(), torch.randint(0, OPEN + 1, (count, LONG))]
    wanted = model.decoder(*heard[:CODE], model.inner(code), *heard[CODE + 1:])
    run, state, far = onnxruntime.InferenceSession(str(path)).run, torch.zeros(count, model.decoder.state_size).numpy(), 0.0
    for at in range(LONG):
        logits, state = run(None, dict(zip(HEARD, [*(part[:, at].numpy() for part in heard), state])))
        far = max(far, (torch.from_numpy(logits) - wanted[:, at]).abs().max().item())
    return far


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="without one, what is exported knows nothing")
    parser.add_argument("--decoder", choices=DECODERS, default="gru", help="without a checkpoint")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Lead.of(torch.load(args.checkpoint, weights_only=True)) if args.checkpoint else Lead(DECODERS[args.decoder][0]()).eval()
    metre, mode = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0])
    tokens = torch.tensor([[41, 0, 43, 0, 45, 0, 0, 0, 48, 0, 0, 0, 1, 0, 43, 0], [41, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0],
                           [0, 0, 43, 0, 45, 0, 46, 0, 48, 0, 0, 0, 0, 0, 0, 0]])
    step = (torch.tensor([START, 0, 50]), torch.tensor([0, 64, 108]), torch.tensor([63, 64, 0]), torch.tensor([8, FAR, 3]),
            torch.tensor([0, 3, 11]), metre, mode, torch.randn(3, LATENT), torch.rand(3, len(CONTROLS)),
            (torch.rand(3, len(CONTROLS)) < 0.5).float(), torch.tensor([OPEN, 12, 0]))
    state = torch.zeros(3, model.decoder.state_size)
    state = Part(model, "step")(*step, state)[1].round(decimals=4)  # so that the golden vectors do not begin at nothing
    export_all({n: Part(model, n) for n in GRAPHS}, GRAPHS, {"encoder": (tokens, metre), "step": (*step, state)}, args.out)
    assert (far := compared(model, args.out / "step.onnx")) < 1e-3, f"steps are {far} from whole sequences"


if __name__ == "__main__":
    main()
