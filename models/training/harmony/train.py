"""Trains the chord model for a given number of seconds."""
import argparse
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.average import Average
from common.steps import previous_of
from common.train_vae import rate
from common.chords import NONE, START
from harmony.data import LONG, Lines
from harmony.network import FARTHEST, STEPS, Harmony

SIZE = 32
FORGOTTEN = 0.05
"""Share of the chords before that the decoder does not see."""

CHECK_EVERY = 150
"""Seconds between checks, at which the weights are saved if they are better."""


def costs(model: Harmony, batch: tuple[Tensor, ...], forgotten: float = 0, asked: bool = True, coded: bool = True) -> tuple[Tensor, Tensor]:
    """Nats of every step and of every eight bars' code; without what is `asked` for, or a code of nothing."""
    chords, countdown, phase, moods, there, metre, mode = batch
    count = len(chords)
    blocks = chords.reshape(-1, STEPS)
    repeated = LONG // STEPS
    mean, spread = model.encoder(blocks, metre.repeat_interleave(repeated), mode.repeat_interleave(repeated))
    nats = 0.5 * (mean ** 2 + spread.exp() - 1 - spread).sum(1)
    code = mean + torch.randn_like(mean) * torch.exp(spread / 2)
    strange = torch.rand(len(code), 1) < (0.1 if forgotten else 0)
    code = torch.where(strange, torch.randn_like(code), code)  # a code that says nothing true does no harm
    code = (code if coded else torch.zeros_like(code)).reshape(count, repeated, -1).repeat_interleave(STEPS, 1)
    given = ((torch.rand(count, 1, 3) < 0.6) & (torch.rand(count, 1, 1) < 0.75)).float().expand(-1, LONG, -1)
    if not asked:
        given, countdown = torch.zeros_like(given), torch.full_like(countdown, FARTHEST + 1)
    before = previous_of(chords, START)
    before = torch.where(torch.rand(before.shape) < forgotten, torch.full_like(before, NONE), before)
    guess = model.decoder(before, code, moods, given, countdown, phase, metre[:, None].expand(-1, LONG), mode[:, None].expand(-1, LONG))
    cost = nn.functional.cross_entropy(guess.transpose(1, 2), chords, reduction="none")
    return (cost * there).sum() / there.sum(), nats.mean()


def checked(model: Harmony, batches: list) -> tuple[str, float]:
    """Costs of held-out sequences, the same ones each time."""
    state = torch.get_rng_state()
    torch.manual_seed(5)
    with torch.no_grad():
        all_told = [costs(model, b) for b in batches]
        bare = np.mean([costs(model, b, asked=False, coded=False)[0].item() for b in batches])
        asked = np.mean([costs(model, b, coded=False)[0].item() for b in batches])
    torch.set_rng_state(state)
    own, nats = (np.mean([t[i].item() for t in all_told]) for i in (0, 1))
    said = f"held out: perplexity {np.exp(own):.2f} with codes, {np.exp(asked):.2f} moods and countdown alone, {np.exp(bare):.2f} nothing; code {nats:.2f} nats"
    return said, own + nats / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True, help="the folder that songs/prepare.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--beta", type=float, default=0.4)
    parser.add_argument("--free", type=float, default=7, help="nats of a code that cost nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    lines = Lines(args.songs / "train.npz")
    held, unseen = Lines(args.songs / "held.npz", lines.ranks), np.random.default_rng(11)
    batches = [held.batch(unseen, SIZE) for _ in range(4)]
    model = Harmony.of(torch.load(args.resume, weights_only=True)).train() if args.resume else Harmony()
    adam, begin, saved, step = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=2e-2), time.time(), time.time(), 0
    average, least = Average(model), float("inf")
    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, args.rate)
        cost, nats = costs(model, lines.batch(rng, SIZE), FORGOTTEN)
        adam.zero_grad()
        (cost * STEPS + args.beta * min(1, done * 5) * (nats - args.free).clamp(min=0)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        average.add()
        step += 1
        if time.time() - saved > CHECK_EVERY or (time.time() - begin) / args.seconds >= 1:
            saved = time.time()
            average.exchanged()
            told, total = checked(model, batches)
            print(f"{step} at {time.time() - begin:.0f} s: {cost.item():.3f}; {told}", flush=True)
            if total < least:
                least = total
                torch.save(model.state_dict(), args.out)
            average.exchanged()
    print(f"least {least:.4f}", flush=True)


if __name__ == "__main__":
    main()
