"""Trains the melody VAE, then its prior flow, each for a given number of seconds."""
import argparse
import math
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from network import Melody, previous_of


SAVE_EVERY = 300
"""Seconds between checkpoints."""
HALF = 0.75
"""Share of the VAE's time in 16-bit floats, which halve a step on processors that know them; the rest is exact."""


def batch(rows: Tensor, size: int) -> Tensor:
    """Random windows, each transposed by up to six semitones."""
    picked = rows[torch.randint(len(rows), (size,))]
    return torch.where(picked > 1, (picked + torch.randint(-6, 7, (size, 1))).clamp(2, 89), picked)


def rate(done: float, top: float) -> float:
    return top * min(1, done * 50) * 0.5 * (1 + math.cos(math.pi * min(1, done)))


def train_vae(model: Melody, rows: Tensor, seconds: float, beta: float, free: float, out: Path) -> None:
    """Reconstruction with a cost on nats above the free ones."""
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    adam, begin, step, saved = torch.optim.Adam(parts, 1e-3), time.time(), 0, time.time()
    while (done := (time.time() - begin) / seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 2e-3)
        x = batch(rows, 256)
        before = previous_of(x)
        before = torch.where(torch.rand(before.shape) < 0.1, torch.zeros_like(before), before)
        with torch.autocast("cpu", torch.bfloat16, enabled=done < HALF):
            mean, spread = (part.float() for part in model.encoder(x))
            code = mean + torch.randn_like(mean) * torch.exp(spread / 2)
            guess = model.decoder(code, before).float()
        loss = nn.functional.cross_entropy(guess.flatten(0, 1), x.flatten()) * 32
        nats = 0.5 * (mean ** 2 + spread.exp() - 1 - spread).sum(1).mean()
        adam.zero_grad()
        (loss + beta * min(1, done * 4) * (nats - free).clamp(min=0)).backward()
        nn.utils.clip_grad_norm_(parts, 1.0)
        adam.step()
        step += 1
        if step % 50 == 0:
            print(f"vae {step} {loss.item():.2f} kl {nats.item():.1f}", flush=True)
        if time.time() - saved > SAVE_EVERY:
            torch.save(model.state_dict(), out)
            saved = time.time()


def drawn_codes(model: Melody, rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the posterior of `count` windows."""
    with torch.no_grad():
        found = [model.encoder(batch(rows, 2048)) for _ in range(count // 2048)]
    return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found]).div(2).exp()


def cost(flow: nn.Module, codes: tuple[Tensor, Tensor], picked: Tensor) -> Tensor:
    """Nats of codes drawn from the posteriors of the picked windows, but for a constant."""
    mean, deviation = codes[0][picked], codes[1][picked]
    u, change = flow.inverse(mean + torch.randn_like(mean) * deviation)
    return (0.5 * u.square().sum(1) - change).mean()


def train_flow(model: Melody, rows: Tensor, held: Tensor, seconds: float, anew: bool, out: Path) -> None:
    """Maximum likelihood on samples of the posterior, drawn anew each time; the weights' moving average is kept."""
    flow, codes, unseen = model.flow, drawn_codes(model, rows, 400_000), drawn_codes(model, held, 8192)
    if anew:
        flow.mean.copy_(codes[0].mean(0))
        flow.scale.copy_((codes[0].var(0) + codes[1].square().mean(0)).sqrt())
    average = torch.optim.swa_utils.AveragedModel(flow, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999))
    adam, begin, step, saved = torch.optim.Adam(flow.parameters(), 1e-3), time.time(), 0, time.time()
    while (done := (time.time() - begin) / seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 2e-3 if anew else 7e-4)
        loss = cost(flow, codes, torch.randint(len(codes[0]), (512,)))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        adam.step()
        average.update_parameters(flow)
        step += 1
        if step % 200 == 0:
            with torch.no_grad():
                told = cost(average.module, unseen, torch.arange(len(unseen[0])))
            print(f"flow {step} {loss.item():.2f}, held out {told.item():.2f}", flush=True)
        if time.time() - saved > SAVE_EVERY:
            torch.save(model.state_dict() | {f"flow.{n}": w for n, w in average.module.state_dict().items()}, out)
            saved = time.time()
    flow.load_state_dict(average.module.state_dict())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
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
    windows = np.load(args.windows)
    rows, held, model = torch.from_numpy(windows["train"]), torch.from_numpy(windows["held"]), Melody(args.couplings)
    if args.resume:
        model = Melody.of(torch.load(args.resume, weights_only=True)).train()
        model.flow = model.flow.lengthened(max(args.couplings, len(model.flow.nets)))
    if args.seconds > 0:
        train_vae(model, rows, args.seconds, args.beta, args.free, args.out)
    train_flow(model, rows, held, args.flow_seconds, not args.resume, args.out)
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
