"""What the programs that train take on their command lines."""
import argparse
from collections.abc import Callable
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.train_flow import drawn_codes, train_flow
from common.train_vae import train_vae

Draw = Callable[[Tensor, int], Tensor]


def train(network: type[nn.Module], draw: Draw, summary: str) -> tuple[nn.Module, Path, dict[str, np.ndarray]]:
    """Trains autoencoder and flow as the command line asks; `draw` takes so many windows at random."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--flow-seconds", type=float, default=900)
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    parser.add_argument("--couplings", type=int, default=14, help="of the flow")
    parser.add_argument("--beta", type=float, default=0.3)
    parser.add_argument("--free", type=float, default=30)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    windows = dict(np.load(args.windows))
    rows, held, model = torch.from_numpy(windows["train"]), torch.from_numpy(windows["held"]), network(args.couplings)
    if args.resume:
        model = network.of(torch.load(args.resume, weights_only=True)).train()
        model.flow = model.flow.lengthened(max(args.couplings, len(model.flow.nets)))
    if args.seconds > 0:
        train_vae(model, lambda: draw(rows, 256), args.seconds, args.beta, args.free, args.out)
    if args.flow_seconds <= 0:
        return model, args.out, windows
    codes, unseen = (drawn_codes(model.encoder, lambda: draw(part, 2048), count) for part, count in ((rows, 200), (held, 4)))
    train_flow(model, codes, unseen, args.flow_seconds, not args.resume, args.out)
    torch.save(model.state_dict(), args.out)
    return model, args.out, windows
