"""Trains the touch model for a given number of seconds of the processor."""
import argparse
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.average import Average
from common.train_vae import rate
from touch.data import Onsets
from touch.network import SAID, Touch, told

SIZE = 32
CHECK_EVERY = 20
"""Seconds of the processor between checks, at which the weights are saved."""


def costs(model: Touch, batch: tuple[Tensor, ...]) -> Tensor:
    """Nats of velocity, timing, length and pedal, each over the onsets where it is known."""
    *heard, targets, there = batch
    mean, deviation, pedal = told(model(*heard))
    known = ~torch.isnan(targets) & there[..., None]
    wanted = targets.nan_to_num()
    nats = 0.5 * ((wanted[..., :3] - mean) / deviation).square() + deviation.log()
    pressed = nn.functional.binary_cross_entropy_with_logits(pedal, wanted[..., 3:], reduction="none")
    both = torch.cat([nats, pressed], -1)
    return (both * known).sum((0, 1)) / known.sum((0, 1)).clamp(min=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onsets", type=Path, required=True, help="what touch/prepare.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=600, help="of the processor")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    onsets = Onsets(args.onsets, "train")
    held, unseen, model = Onsets(args.onsets, "held", onsets), np.random.default_rng(11), Touch()
    batches = [held.batch(unseen, 64) for _ in range(2)]
    average = Average(model)
    adam, begin, saved, step = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-3), time.process_time(), time.process_time(), 0
    while (done := (time.process_time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 4e-3)
        loss = costs(model, onsets.batch(rng, SIZE)).sum()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        average.add()
        step += 1
        if time.process_time() - saved > CHECK_EVERY:
            saved = time.process_time()
            average.exchanged()
            with torch.no_grad():
                found = torch.stack([costs(model, b) for b in batches]).mean(0)
            print(f"{step} at {time.process_time() - begin:.0f} s: " + ", ".join(f"{n} {v:.3f}" for n, v in zip((*SAID, "pedal"), found.tolist())), flush=True)
            torch.save(model.state_dict(), args.out)
            average.exchanged()
    average.exchanged()
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
