"""Trains encoder and decoder on sequences of bars, for a given number of seconds."""
import argparse
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.steps import previous_of
from common.train_vae import SAVE_EVERY, rate
from controls import BAR, CONTROLS, controls, left_out
from knobs import KNOBS
from network import START, Recurrent, Stream
from ring import Attending
from tunes import LONG, Tunes

HALF = 0.8
"""Share of the time in 16-bit floats."""
FORGOTTEN = 0.05
"""Share of the previous tokens that the decoder does not see."""
SIZE = 32
DECODERS = {"gru": Recurrent, "transformer": Attending}
PHASE = torch.eye(BAR).repeat(LONG, 1)


def overruled(codes: Tensor, given: Tensor) -> Tensor:
    """Codes [N, steps, 64] whose density and register, in half of the bars where a control of that name is given, are
    anything: the control is believed."""
    count, steps = given.shape[:2]
    parts = []
    for knob, name in enumerate(KNOBS[:2]):
        told = given[:, :, CONTROLS.index(name)] > 0
        half = (torch.rand(count, steps // BAR) < 0.5).repeat_interleave(BAR, 1)
        drawn = torch.randn(count, steps // BAR).repeat_interleave(BAR, 1)
        parts.append(torch.where(told & half, drawn, codes[:, :, knob])[..., None])
    return torch.cat([*parts, codes[:, :, 2:]], 2)


STRANGE = 0.4
"""Share of the bars whose free part is another bar's, so that the decoder believes the knobs."""


def estranged(heard: Tensor, codes: Tensor) -> Tensor:
    """Codes [N, steps, 64] in which some bars have their own knobs and the free part of any other of the bars `codes`:
    a free part that says the same as the knobs must not be believed more than they."""
    count, steps = heard.shape[:2]
    strange = torch.rand(count, steps // BAR) < STRANGE
    free = codes[torch.randint(len(codes), (count, steps // BAR)), len(KNOBS):]
    strange, free = strange.repeat_interleave(BAR, 1)[..., None], free.repeat_interleave(BAR, 1)
    return torch.cat([heard[..., :len(KNOBS)], torch.where(strange, free, heard[..., len(KNOBS):])], 2)


def costs(model: Stream, batch: tuple[Tensor, Tensor, Tensor, Tensor], forgotten: float = 0,
          without: bool = False) -> tuple[Tensor, Tensor]:
    """Nats of every sixteenth and of every free dimension of every bar's code; `without` gives no control."""
    tokens, cuts, bars, source = batch
    values, known = controls(tokens, cuts)
    given = torch.zeros_like(known) if without else left_out(known, values)
    before = previous_of(tokens, START)
    before = torch.where(torch.rand(before.shape) < forgotten, torch.zeros_like(before), before)
    codes, nats = model.encoder.drawn(bars)
    heard = overruled(estranged(codes[source], codes), given)
    guess = model.decoder(heard, before, values, given, PHASE.expand(len(tokens), -1, -1))
    return nn.functional.cross_entropy(guess.float().transpose(1, 2), tokens, reduction="none"), nats.float()


def checked(model: Stream, batches: list) -> str:
    """Costs of held-out sequences, the same ones each time."""
    state = torch.get_rng_state()
    torch.manual_seed(5)
    with torch.no_grad():
        found = [(costs(model, b), costs(model, b, without=True)[0].mean().item()) for b in batches]
    torch.set_rng_state(state)
    cost, nats, bare = (np.mean([f(x) for x in found]) for f in (
        lambda x: x[0][0].mean().item(), lambda x: x[0][1].sum(1).mean().item(), lambda x: x[1]))
    return f"held out: {cost:.4f} nats a sixteenth, {bare:.4f} without controls, code {nats:.2f} nats a bar"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tunes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--decoder", choices=DECODERS, default="gru")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    parser.add_argument("--beta", type=float, default=0.5)
    parser.add_argument("--free", type=float, default=6, help="nats of a bar's code that cost nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    tunes, held = Tunes(args.tunes, "train"), Tunes(args.tunes, "held")
    model = Stream.of(torch.load(args.resume, weights_only=True)).train() if args.resume else Stream(DECODERS[args.decoder]())
    if not args.resume:
        bars = torch.from_numpy(tunes.bars)
        shift = torch.randint(-6, 7, (len(bars), 1))
        model.encoder.knobs.learn(torch.where(bars > 1, (bars + shift).clamp(2, 89), bars))
    unseen = np.random.default_rng(11)
    batches = [held.batch(unseen, SIZE) for _ in range(6)]
    adam = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-3)
    begin = saved = time.time()
    step, top = 0, 2e-3 if args.decoder == "gru" else 1.5e-3
    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, top)
        batch = tunes.batch(rng, SIZE)
        with torch.autocast("cpu", torch.bfloat16, enabled=done < HALF):
            cost, nats = costs(model, batch, FORGOTTEN)
        told = nats.sum(1).mean()
        adam.zero_grad()
        (cost.mean() * BAR + args.beta * min(1, done * 5) * (told - args.free).clamp(min=0)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        step += 1
        if step % 20 == 0:
            print(f"{step} at {time.time() - begin:.0f} s: {cost.mean().item():.4f} nats a sixteenth, code {told.item():.2f}", flush=True)
        if step % 100 == 0:
            print(checked(model, batches), flush=True)
        if time.time() - saved > SAVE_EVERY / 2:
            torch.save(model.state_dict(), args.out)
            saved = time.time()
    torch.save(model.state_dict(), args.out)
    print(checked(model, batches), flush=True)


if __name__ == "__main__":
    main()
