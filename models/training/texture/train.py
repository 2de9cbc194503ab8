"""Trains the accompaniment's autoencoder, then its prior flow, each for a given number of seconds of the processor."""
import argparse
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.average import Average
from common.train_flow import train_flow
from common.train_vae import rate
from texture.data import Windows
from texture.network import CONTROLS, COUNTS, STEPS, Texture, parted
from texture.slots import BASS

SIZE = 64
CHECK_EVERY = 30
"""Seconds of the processor between checks, at which the weights are saved."""
STRANGE = 0.2
"""Share of the windows that hear another's code, and of which density and register are asked for: those are believed."""
FORGOTTEN = 0.15
"""Share of the steps that do not hear what was struck before."""


def slot_nats(logits: Tensor, struck: Tensor) -> Tensor:
    """Nats of a set of slots whose number is known, drawn one after the other (Plackett and Luce), in an order of chance."""
    order = (torch.rand_like(logits) + (struck == 0) * 2).argsort(-1)
    ordered, chosen = logits.gather(-1, order), struck.gather(-1, order)
    left = ordered.flip(-1).logcumsumexp(-1).flip(-1)
    return ((left - ordered) * chosen).sum(-1)


def nats(out: Tensor, played: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each step: nats of the bass, of how many upper notes, of which."""
    bass, count, slots = parted(out)
    low = played[..., :len(BASS)].argmax(-1)
    many = played[..., len(BASS):].sum(-1).long()
    count = count.reshape(*low.shape, len(BASS), COUNTS).gather(-2, low[..., None, None].expand(*low.shape, 1, COUNTS)).squeeze(-2)
    cost = nn.functional.cross_entropy
    return (cost(bass.flatten(0, -2), low.flatten(), reduction="none").reshape(low.shape),
            cost(count.flatten(0, -2), many.flatten(), reduction="none").reshape(low.shape), slot_nats(slots, played[..., len(BASS):]))


def costs(model: Texture, batch: dict[str, Tensor], training: bool, asked: bool = True, coded: bool = True) -> tuple[Tensor, Tensor]:
    """Nats of two bars, and of their codes."""
    size = len(batch["played"])
    mean, spread = model.encoder(batch["played"], batch["metre"][:, 0])
    code = mean + torch.randn_like(mean) * torch.exp(spread / 2)
    told = 0.5 * (mean ** 2 + spread.exp() - 1 - spread).sum(1).mean()
    given = (torch.rand(size, 1, len(CONTROLS)) < 0.5).float() * batch["known"]
    before = batch["before"]
    if training:
        strange = torch.rand(size, 1) < STRANGE
        code = torch.where(strange, code.roll(1, 0), code)
        given = torch.where(strange[..., None] & (torch.arange(len(CONTROLS)) < 2), batch["known"], given)
        before = before * (torch.rand(size, STEPS, 1) > FORGOTTEN)
    code = code if coded else torch.randn_like(code)
    given = given if asked else torch.zeros_like(given)
    out = model.decoder(code, before, *(batch[n] for n in ("chord", "ahead", "fresh", "phase", "metre", "mode", "control")), given)
    return (sum(nats(out, batch["played"])) * batch["there"]).sum(1).mean(), told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True, help="the folder that songs/prepare.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=1800, help="of the processor")
    parser.add_argument("--flow-seconds", type=float, default=300, help="the same")
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    parser.add_argument("--rate", type=float, default=2.5e-3, help="the highest learning rate")
    parser.add_argument("--beta", type=float, default=0.4)
    parser.add_argument("--free", type=float, default=32, help="nats of a code that cost nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    windows = Windows(args.songs / "train.npz")
    held, unseen = Windows(args.songs / "held.npz", windows.ranks), np.random.default_rng(11)
    print(f"{[len(s) for s in windows.starts]} windows, {windows.lost:.3f} of the notes find no slot", flush=True)
    batches = [held.batch(unseen, 128) for _ in range(2)]
    model = Texture.of(torch.load(args.resume, weights_only=True)).train() if args.resume else Texture()
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    average = Average(model)
    adam, begin, saved, step = torch.optim.AdamW(parts, 1e-3, weight_decay=1e-3), time.process_time(), time.process_time(), 0
    while args.seconds > 0 and (done := (time.process_time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, args.rate)
        cost, told = costs(model, windows.batch(rng, SIZE), True)
        adam.zero_grad()
        (cost + args.beta * (1 if args.resume else min(1, done * 5)) * (told - args.free).clamp(min=0)).backward()
        nn.utils.clip_grad_norm_(parts, 1.0)
        adam.step()
        average.add()
        step += 1
        if time.process_time() - saved > CHECK_EVERY:
            saved = time.process_time()
            average.exchanged()
            with torch.no_grad():
                own, bare = (np.mean([costs(model, b, False, **kind)[0].item() for b in batches]) for kind in ({}, {"asked": False, "coded": False}))
            print(f"{step} at {time.process_time() - begin:.0f} s: {cost.item():.2f}, code {told.item():.1f}; held out {own:.2f} nats, {bare:.2f} by another code", flush=True)
            torch.save(model.state_dict(), args.out)
            average.exchanged()
    average.exchanged()
    torch.save(model.state_dict(), args.out)
    if args.flow_seconds > 0:
        model.eval()

        def codes(of: Windows, count: int) -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                found = [model.encoder(b["played"], b["metre"][:, 0]) for b in (of.batch(rng, 512) for _ in range(count))]
            return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found]).div(2).exp()

        train_flow(model, codes(windows, 24), codes(held, 4), args.flow_seconds, True, args.out)
        torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
