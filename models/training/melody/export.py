"""Exports a checkpoint as encoder, start and step graphs, checks them against torch, writes the golden vectors."""
import argparse
from pathlib import Path
import numpy as np
import torch
from common.flow import LATENT
from common.graphs import GRAPHS, Part, export_all
from network import WIDTH, Melody


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(7)
    torch.set_grad_enabled(False)
    model = Melody.of(torch.load(args.checkpoint, weights_only=True))
    tokens = torch.from_numpy(np.load(args.windows)["held"][:3])
    inputs = {"encoder": (tokens,), "start": (torch.randn(3, LATENT),),
              "step": (torch.randn(3, WIDTH), torch.tensor([90, 0, 41]), torch.tanh(torch.randn(3, WIDTH)))}
    export_all({n: Part(model, n) for n in GRAPHS}, GRAPHS, inputs, args.out)


if __name__ == "__main__":
    main()
