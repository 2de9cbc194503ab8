"""Exports encoder, start and step of the accompaniment, checks them against torch, writes golden vectors and golden pieces."""
import argparse
import json
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.chords import NONE, token
from common.flow import LATENT
from common.graphs import export_all
from texture.network import FAR, STEPS, WIDTH, Texture, parted
from texture.play import Graphs, notes
from texture.slots import BASS, MOST, PLAYED, SLOTS

HEARD = ["condition", "played", "chord", "ahead", "fresh", "phase", "metre", "mode", "control", "given", "state"]
GRAPHS = {"encoder": (["pattern", "metre"], ["latent"]), "start": (["latent"], ["condition", "state"]),
          "step": (HEARD, ["bass", "count", "slots", "state_out"])}
SIZES = (len(BASS), len(BASS) * (MOST + 1), SLOTS)


class Part(nn.Module):
    """One exported graph; sizes other than the batch's are fixed."""

    def __init__(self, model: Texture, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.name == "encoder":
            return self.model.flow.inverse(self.model.encoder(*x)[0])[0].reshape(-1, LATENT)
        if self.name == "start":
            return self.model.decoder.start(self.model.flow(x[0]))
        out, state = self.model.decoder.step(*x)
        return *(part.reshape(-1, size) for part, size in zip(parted(out), SIZES)), state.reshape(-1, WIDTH)


def pieces(folder: Path) -> list[dict]:
    """Whole pieces without noise, in three metres and two keys, as the reference plays them."""
    rng, graphs, found = np.random.default_rng(3), Graphs(folder), []
    for metre, shift, mode in ((0, 0, 0), (0, 5, 1), (1, -5, 0), (2, 2, 1)):
        half = 8 if metre == 0 else 12
        names = ((0, "maj"), (9, "m7"), (5, "maj7"), (7, "7")) if mode == 0 else ((9, "min"), (2, "min"), (4, "7"), (9, "min"))
        chords = np.repeat([token(*n) for n in names], half * (2 if metre == 0 else 1))[None].astype(np.int64)
        pair = 32 if metre == 0 else 24
        latent = rng.standard_normal((1, chords.shape[1] // pair, LATENT)).astype(np.float32)
        noise = np.zeros((1, chords.shape[1], sum(SIZES)), np.float32)
        played = graphs.play(latent, chords, np.array([metre]), np.array([mode]), 0, noise)[0]
        found.append({"metre": metre, "mode": mode, "shift": shift, "chords": chords[0].tolist(), "latent": latent[0].astype(float).round(6).tolist(),
                      "bass": played[:, :len(BASS)].argmax(1).tolist(), "slots": [np.flatnonzero(p).tolist() for p in played[:, len(BASS):]],
                      "notes": [list(map(int, n)) for n in notes(played, chords[0], shift)]})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="without one, what is exported knows nothing")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Texture.of(torch.load(args.checkpoint, weights_only=True)) if args.checkpoint else Texture().eval()
    metre, mode = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0])
    pattern = torch.zeros(3, STEPS, PLAYED)
    pattern[:, :, 0] = 1
    pattern[:, ::4, 0], pattern[:, ::4, 1], pattern[:, ::2, 9] = 0, 1, 1
    latent = torch.randn(3, LATENT)
    condition, state = model.decoder.start(model.flow(latent))
    step = (condition, pattern[:, 3], torch.tensor([0, 82, NONE]), torch.tensor([5, FAR, 1]), torch.tensor([0, 1, 0]), torch.tensor([0, 23, 7]),
            metre, mode, torch.randn(3, 3), torch.tensor([[1., 0, 1], [0, 0, 0], [1, 1, 1]]))
    export_all({n: Part(model, n) for n in GRAPHS}, GRAPHS, {"encoder": (pattern, metre), "start": (latent,), "step": (*step, state)}, args.out)
    (args.out / "golden_play.json").write_text(json.dumps({"pieces": pieces(args.out)}) + "\n")


if __name__ == "__main__":
    main()
