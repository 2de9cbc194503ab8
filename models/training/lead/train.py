"""Trains encoder and decoder of the melody on chords, for a given number of seconds."""
import argparse
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from common.average import Average
from common.steps import previous_of
from common.train_vae import rate
from lead.attentive import Attentive
from lead.data import LONG, Lines
from lead.inputs import CONTROLS, START
from lead.knobs import KNOBS
from lead.network import Lead, Recurrent
from songs.song import BARS

FORGOTTEN = 0.05
"""Share of the previous tokens that the decoder does not see."""
SIZE = 16
"""Sequences of LONG bars in a batch, or so many fewer longer ones."""
DECODERS = {"gru": (Recurrent, (LONG,), 0, 2.5e-3), "transformer": (Attentive, (16, 16, 16, 32), 0.5, 2e-3)}
"""The decoders, the bars of the sequences that they learn from, drawn evenly, how many of these are medleys, and their highest
learning rates. What remembers much would else believe it rather than what is asked for."""
STRANGE = 0.3
"""Share of the bars whose free part is another bar's, so that the decoder believes knobs, controls and chords."""
TAUGHT, UNTIL = 0.7, 0.5
"""How much a teacher's answers count at first, and the share of the time after which they do not."""
SAVE_EVERY = 120


def spread_over(count: int, steps: int, bar: int) -> Tensor:
    """Which bar of each sequence a step is in, for draws that hold for a bar."""
    return (torch.arange(steps) // bar).expand(count, -1)


def left_out(known: Tensor, values: Tensor, bar: int) -> Tensor:
    """Which controls are given: each is dropped at random, for all bars, for some, or (onsets) but for a few steps."""
    count, steps, kinds = known.shape
    always = torch.rand(count, 1, kinds) < 0.35
    bars = (torch.rand(count, steps // bar, kinds) < 0.6).repeat_interleave(bar, 1)
    never = torch.rand(count, 1, kinds) < 0.45
    given = (always | bars) & ~never
    style = torch.rand(count, 1)
    sparse = (torch.rand(count, steps) < 0.3) & (values[:, :, 0] > 0)
    given[:, :, 0] = torch.where(style < 0.45, False, torch.where(style < 0.75, sparse, given[:, :, 0]))
    given[:, :, 5] = torch.rand(count, 1) < 0.8
    return known * given


def heard_codes(codes: Tensor, source: Tensor, given: Tensor, bar: int) -> Tensor:
    """What the decoder hears of the codes: some free parts are other bars', and where a control is given, its knob says
    anything in half of the bars: the control is believed."""
    heard = codes[source]
    count, steps = source.shape
    strange = (torch.rand(count, steps // bar) < STRANGE).repeat_interleave(bar, 1)[..., None]
    free = codes[torch.randint(len(codes), (count, steps // bar)), len(KNOBS):].repeat_interleave(bar, 1)
    parts = []
    for knob, name in enumerate(KNOBS[:2]):
        told = given[:, :, CONTROLS.index(name)] > 0
        half = (torch.rand(count, steps // bar) < 0.5).repeat_interleave(bar, 1)
        drawn = torch.randn(count, steps // bar).repeat_interleave(bar, 1)
        parts.append(torch.where(told & half, drawn, heard[:, :, knob])[..., None])
    return torch.cat([*parts, heard[:, :, 2:len(KNOBS)], torch.where(strange, free, heard[..., len(KNOBS):])], 2)


def costs(model: Lead, batch: dict[str, Tensor], forgotten: float = 0, without: bool = False,
          teacher: tuple[nn.Module, float] | None = None) -> tuple[Tensor, Tensor]:
    """Nats of every sixteenth and of every free dimension of every bar's code; `without` gives no control. With a teacher,
    a decoder of the same codes, its answers count for a share of the truth."""
    tokens, metre = batch["tokens"], batch["metre"]
    bar = BARS[int(metre[0, 0])]
    given = torch.zeros_like(batch["known"]) if without else left_out(batch["known"], batch["values"], bar)
    before = previous_of(tokens, START)
    before = torch.where(torch.rand(before.shape) < forgotten, torch.zeros_like(before), before)
    codes, nats = model.encoder.drawn(batch["bars"], metre[:1, :1].expand(len(batch["bars"]), 1)[:, 0])
    heard = heard_codes(codes, batch["source"], given, bar)
    told = (before, batch["chord"], batch["next"], batch["ahead"], batch["phase"], metre, batch["mode"], heard, batch["values"], given,
            batch["close"])
    guess = model.decoder(*told)
    cost = nn.functional.cross_entropy(guess.transpose(1, 2), tokens, reduction="none")
    if teacher:
        with torch.no_grad():
            answer = torch.softmax(teacher[0](*told), 2).transpose(1, 2)
        cost = torch.lerp(cost, nn.functional.cross_entropy(guess.transpose(1, 2), answer, reduction="none"), teacher[1])
    return cost, nats


def checked(model: Lead, batches: list) -> tuple[str, float]:
    """Costs of held-out sequences, the same ones each time."""
    state = torch.get_rng_state()
    torch.manual_seed(5)
    with torch.no_grad():
        found = [(costs(model, b), costs(model, b, without=True)[0].mean().item()) for b in batches]
    torch.set_rng_state(state)
    cost, nats, bare = (np.mean([f(x) for x in found]) for f in (
        lambda x: x[0][0].mean().item(), lambda x: x[0][1].sum(1).mean().item(), lambda x: x[1]))
    return f"held out: {cost:.4f} nats a sixteenth, {bare:.4f} without controls, code {nats:.2f} nats a bar", bare + nats / 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True, help="the folder that songs/prepare.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    parser.add_argument("--decoder", choices=DECODERS, default="gru")
    parser.add_argument("--teacher", type=Path, help="a checkpoint whose encoder is kept, and whose decoder's answers are learnt from at first, without --resume")
    parser.add_argument("--rate", type=float, help="the highest learning rate")
    parser.add_argument("--beta", type=float, default=0.4)
    parser.add_argument("--free", type=float, default=6, help="nats of a bar's code that cost nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    lines, held = Lines(args.songs / "train.npz"), Lines(args.songs / "held.npz")
    decoder, longs, medleys, highest = DECODERS[args.decoder]
    model = Lead.of(torch.load(args.resume, weights_only=True)).train() if args.resume else Lead(decoder())
    teacher = Lead.of(torch.load(args.teacher, weights_only=True)) if args.teacher else None
    if teacher:
        model.encoder = teacher.encoder.requires_grad_(False)
    elif not args.resume:
        found = [lines.batch(rng, 500, metre) for metre in (0, 1, 2)]
        model.encoder.knobs.learn(torch.cat([b["bars"] for b in found]), torch.cat([torch.full((len(b["bars"]),), m) for m, b in enumerate(found)]))
    unseen = np.random.default_rng(11)
    batches = [held.batch(unseen, 2 * SIZE * LONG // longs[0], metre, longs[0]) for metre in (0, 0, 0, 1, 2)]
    learning = [w for w in model.parameters() if w.requires_grad]
    adam = torch.optim.AdamW(learning, 1e-3, weight_decay=1e-3)
    average = Average(model)
    begin = saved = time.time()
    step = 0
    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, args.rate or highest)
        long = int(rng.choice(longs))
        taught = TAUGHT * max(0, 1 - done / UNTIL) if teacher and not args.resume else 0
        cost, nats = costs(model, lines.batch(rng, SIZE * LONG // long, long=long, medleys=medleys), FORGOTTEN,
                           teacher=(teacher.decoder, taught) if taught else None)
        told = nats.sum(1).mean()
        adam.zero_grad()
        (cost.mean() * 16 + args.beta * min(1, done * 5) * (told - args.free).clamp(min=0)).backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        adam.step()
        average.add()
        step += 1
        if step % 20 == 0:
            print(f"{step} at {time.time() - begin:.0f} s: {cost.mean().item():.4f} nats a sixteenth, code {told.item():.2f}", flush=True)
        if time.time() - saved > SAVE_EVERY:
            torch.save(average.state(), args.out)
            saved = time.time()
        if step % 300 == 0:
            average.exchanged()
            print(checked(model, batches)[0], flush=True)
            average.exchanged()
    torch.save(average.state(), args.out)
    average.exchanged()
    print(checked(model, batches)[0], flush=True)


if __name__ == "__main__":
    main()
