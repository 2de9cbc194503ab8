"""Trains the eye to give the teacher's whitened components, for a given number of seconds; then whitens its codes."""
import argparse
import math
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from network import LATENT, Eye

SAVE_EVERY = 300
"""Seconds between checkpoints."""
SHRINKAGE = 0.05
"""Share of the mean variance added to every direction before whitening, so that noise is not blown up."""


def batch(pictures: Tensor, targets: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Random views, mirrored half the time, brighter or darker, shifted in colour."""
    at = torch.randint(len(pictures), (size,))
    x = pictures[at]
    x = torch.where(torch.rand(size, 1, 1, 1) < 0.5, x.flip(2), x).float()
    x = (x - 128) * (0.7 + 0.6 * torch.rand(size, 1, 1, 1)) + 128 + 40 * (torch.rand(size, 1, 1, 1) - 0.5)
    return (x + 20 * (torch.rand(size, 1, 1, 3) - 0.5)).clamp(0, 255), targets[at]


def rate(done: float, top: float) -> float:
    return top * min(1, done * 50) * 0.5 * (1 + math.cos(math.pi * min(1, done)))


def whiten(eye: Eye, pictures: Tensor) -> None:
    """Sets the last step so that the codes of these pictures have mean 0 and variance 1, the shape of the cloud kept
    as far as it can be (the symmetric square root)."""
    eye.eval()
    with torch.no_grad():
        codes = torch.cat([eye.raw(p) for p in pictures.split(256)])
        eye.mean.copy_(codes.mean(0))
        covariance = torch.cov(codes.T)
        covariance += SHRINKAGE * covariance.diagonal().mean() * torch.eye(LATENT)
        spread, directions = torch.linalg.eigh(covariance)
        root = directions @ torch.diag(spread.rsqrt()) @ directions.T
        after = ((codes - eye.mean) @ root).std(0)
        eye.whiten.copy_(root / after)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    data = np.load(args.views)
    train = ~data["held"]
    pictures, targets = torch.from_numpy(data["pictures"][train]), torch.from_numpy(data["targets"][train])
    eye = Eye().to(memory_format=torch.channels_last)
    if args.resume:
        eye.load_state_dict(torch.load(args.resume, weights_only=True))
    adam = torch.optim.AdamW(eye.parameters(), 2e-3, weight_decay=0.02)
    begin, step, saved = time.time(), 0, time.time()
    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 3e-3)
        x, wanted = batch(pictures, targets, 128)
        found = eye.raw(x)
        distance = nn.functional.smooth_l1_loss(found, wanted)
        angle = 1 - nn.functional.cosine_similarity(found, wanted).mean()
        adam.zero_grad()
        (distance + angle).backward()
        nn.utils.clip_grad_norm_(eye.parameters(), 5.0)
        adam.step()
        step += 1
        if step % 50 == 0:
            print(f"eye {step} distance {distance.item():.3f} angle {angle.item():.3f}", flush=True)
        if time.time() - saved > SAVE_EVERY:
            torch.save(eye.state_dict(), args.out)
            saved = time.time()
    whiten(eye, pictures[torch.randperm(len(pictures))[:16384]])
    torch.save(eye.state_dict(), args.out)


if __name__ == "__main__":
    main()
