"""Trains the planner on the codes of whole tunes, for a given number of seconds."""
import argparse
import math
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.train_vae import rate
from network import Stream
from planner import HISTORY, Planner
from tunes import Tunes

SIZE = 256


def drawn(model: Stream, bars: Tensor) -> Tensor:
    """A code for every bar, drawn from its posterior."""
    with torch.no_grad():
        return torch.cat([model.encoder.drawn(part)[0] for part in bars.split(4096)])


def histories(codes: Tensor, begins: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The up to 32 codes before each place, of the same tune, and which there are."""
    back = at[:, None] - HISTORY + torch.arange(HISTORY)
    mask = (back >= begins[at][:, None]).float()
    return codes[back.clamp(min=0)] * mask[..., None], mask


def cost(planner: Planner, codes: Tensor, begins: Tensor, at: Tensor) -> Tensor:
    """Nats of the codes at the places."""
    mean, deviation = planner(*histories(codes, begins, at))
    return (0.5 * ((codes[at] - mean) / deviation).square() + deviation.log() + 0.5 * math.log(2 * math.pi)).sum(1).mean()


def begins(tunes: Tunes) -> Tensor:
    """Where the tune of each bar begins."""
    return torch.from_numpy(np.repeat(tunes.begins, tunes.ends - tunes.begins))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tunes", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True, help="of encoder and decoder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=900)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    model = Stream.of(torch.load(args.checkpoint, weights_only=True))
    tunes, held, planner = Tunes(args.tunes, "train"), Tunes(args.tunes, "held"), Planner()
    starts, unseen_starts = begins(tunes), begins(held)
    bars = torch.from_numpy(tunes.bars)

    def shifted() -> Tensor:
        shift = torch.randint(-6, 7, (len(tunes.ends),)).repeat_interleave(torch.from_numpy(tunes.ends - tunes.begins))
        return drawn(model, torch.where(bars > 1, (bars + shift[:, None]).clamp(2, 89), bars))

    unseen = drawn(model, torch.from_numpy(held.bars))
    alone = 0.5 * (unseen.square().sum(1).mean() + unseen.shape[1] * math.log(2 * math.pi))
    print(f"held out: {alone.item():.2f} nats a bar under N(0, I)", flush=True)
    adam, begin, step = torch.optim.AdamW(planner.parameters(), 1e-3, weight_decay=1e-2), time.time(), 0
    codes = shifted()
    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 1e-3)
        step += 1
        if step % 400 == 0:
            codes = shifted()
        loss = cost(planner, codes, starts, torch.randint(len(codes), (SIZE,)))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(planner.parameters(), 1.0)
        adam.step()
        if step % 200 == 0:
            with torch.no_grad():
                told = np.mean([cost(planner, unseen, unseen_starts, at).item() for at in torch.arange(len(unseen)).split(1024)])
            print(f"{step} {loss.item():.2f}, held out {told:.2f}", flush=True)
    torch.save(planner.state_dict(), args.out)


if __name__ == "__main__":
    main()
