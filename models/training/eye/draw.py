"""Trains the decoder to draw pictures from the eye's codes, for a given time of the processor; --resume goes on where
it was broken off."""
import argparse
import copy
import time
from pathlib import Path
import numpy as np
import reload
import torch
from torch import Tensor, nn
from judge import LAYERS, Judge, apart, believed
from network import LATENT, SIDE, Drawing, Eye
from train import follow, rate

SAVE_EVERY, TELL_EVERY, WEIGH_EVERY = 240, 25, 20
"""Seconds between checkpoints; steps between lines of the log, and between looks at how strong the losses pull."""
BATCH, RANDOM = 6, 2
"""Codes of photographs in a step, and random ones, of which only the judge and the code itself can say anything."""
SHAKE = 0.2
"""Deviation of the noise on a code, so that codes between those of pictures are drawn as well."""
SEEN_LAYERS = (1, 3, 6)
"""Layers of the eye whose maps of the drawn picture are compared with those of the true one."""
PULL = {"pixels": 1.0, "seen": 1.0, "angle": 0.7, "judged": 0.8}
"""How strong each loss pulls at the drawn picture, beside the pixels'."""
AVERAGE = 0.998
"""Decay of the running average of the weights, which is what is kept."""
BETAS = (0.5, 0.99)


def shrunk(pictures: Tensor) -> Tensor:
    """Pictures [N, H, W, 3] at the eye's size: each pixel the mean of those that it covers."""
    return nn.functional.adaptive_avg_pool2d(pictures.permute(0, 3, 1, 2), SIDE).permute(0, 2, 3, 1)


def maps(eye: Eye, pictures: Tensor) -> tuple[dict[int, Tensor], Tensor]:
    """What the eye's chosen layers see, and the code without the mirror image's share."""
    x, found = (shrunk(pictures) / 127.5 - 1).permute(0, 3, 1, 2), {}
    for index, layer in enumerate(eye.body):
        x = layer(x)
        if index in LAYERS:
            found[index] = x
    return found, (eye.out(x.mean((2, 3))) - eye.mean) @ eye.whiten


def losses(true: Tensor, wanted: dict[int, Tensor], code: Tensor, drawn: Tensor, found: dict[int, Tensor], again: Tensor,
           verdicts: list[Tensor]) -> dict[str, Tensor]:
    """What the decoder makes less. Only the first of what is drawn have a true picture."""
    count = len(true)
    near = drawn[:count]
    pixels = (nn.functional.l1_loss(near, true) + nn.functional.l1_loss(shrunk(near), shrunk(true))) / 64
    pixels = pixels + nn.functional.mse_loss(near, true) / 64 ** 2
    seen = sum(nn.functional.l1_loss(found[n][:count], wanted[n]) / wanted[n].abs().mean() for n in SEEN_LAYERS)
    last = max(LAYERS)
    pooled = nn.functional.l1_loss(found[last][:count].mean((2, 3)), wanted[last].mean((2, 3))) / wanted[last].mean()
    angle = 1 - nn.functional.cosine_similarity(again, code).mean()
    return {"pixels": pixels, "seen": seen + pooled, "angle": angle, "judged": believed(verdicts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True, help="what prepare_drawing.py wrote")
    parser.add_argument("--models", type=Path, required=True, help="the folder of the eye's exported encoder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=6000, help="of the processor")
    parser.add_argument("--rate", type=float, default=1e-3, help="the highest learning rate")
    parser.add_argument("--begin", type=Path, help="an exported decoder to go on from")
    parser.add_argument("--resume", action="store_true", help="go on where --out was broken off")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = np.load(args.views)
    views, codes = torch.from_numpy(data["pictures"]), torch.from_numpy(data["codes"])
    held = torch.from_numpy(data["held"][::16])
    eye = reload.folded(args.models / "encoder.onnx").requires_grad_(False)
    with torch.no_grad():
        asked = eye(shrunk(held.float()))
    drawing, judge = reload.drawing(args.begin) if args.begin else Drawing(), Judge()
    average = copy.deepcopy(drawing)
    adam = torch.optim.AdamW(drawing.parameters(), args.rate, BETAS, weight_decay=0.01)
    adam_judge = torch.optim.AdamW(judge.parameters(), args.rate, BETAS, weight_decay=0.01)
    step, before, share = 0, 0.0, dict.fromkeys(PULL, 1.0)
    parts = {"average": average, "drawing": drawing, "judge": judge, "adam": adam, "adam_judge": adam_judge}
    if args.resume and args.out.exists():
        kept = torch.load(args.out, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(kept[name])
        step, before, share = kept["step"], kept["seconds"], kept["share"]
    torch.manual_seed(7 + step)
    begin, saved = time.process_time() - before, time.time()

    def keep() -> None:
        """Written beside and put in place, so that there is always a whole checkpoint."""
        state = {name: part.state_dict() for name, part in parts.items()}
        beside = args.out.with_suffix(".part")
        torch.save({**state, "step": step, "seconds": time.process_time() - begin, "share": share}, beside)
        beside.replace(args.out)
        with torch.no_grad():
            drawn = average.colours(asked).clamp(0, 255)
            cosine = nn.functional.cosine_similarity(eye(shrunk(drawn)), asked).mean()
            error = nn.functional.l1_loss(drawn, held.float())
        print(f"kept {step}: held-out photographs: error {error:.2f}, cosine {cosine:.3f}, {time.process_time() - begin:.0f} s", flush=True)

    while (done := (time.process_time() - begin) / args.seconds) < 1:
        for optimiser in (adam, adam_judge):
            optimiser.param_groups[0]["lr"] = rate(done, args.rate)
        at = torch.randint(len(views), (BATCH,))
        true, code = views[at].float(), torch.cat([codes[at], torch.randn(RANDOM, LATENT)])
        with torch.no_grad():
            wanted = maps(eye, true)[0]
        drawn = drawing.colours(code + SHAKE * torch.randn(code.shape))
        held_to = drawn.clamp(0, 255)
        found, again = maps(eye, held_to)
        judge.requires_grad_(False)
        lost = losses(true, wanted, code, drawn, found, again, judge(held_to, found))
        judge.requires_grad_(True)
        if step % WEIGH_EVERY == 0:
            # How strong each pulls is set anew now and then, for it changes as the decoder learns.
            pulls = {n: torch.autograd.grad(l, drawn, retain_graph=True)[0].norm().item() for n, l in lost.items()}
            for name, pull in pulls.items():
                now = PULL[name] * pulls["pixels"] / max(pull, 1e-9)
                share[name] = now if step == 0 else 0.7 * share[name] + 0.3 * now
        adam.zero_grad()
        sum(share[n] * l for n, l in lost.items()).backward()
        nn.utils.clip_grad_norm_(drawing.parameters(), 5.0)
        adam.step()
        verdict = apart(judge(true, wanted), judge(held_to.detach(), {n: m.detach() for n, m in found.items()}))
        adam_judge.zero_grad()
        verdict.backward()
        adam_judge.step()
        step += 1
        follow(average, drawing, min(AVERAGE, step / (step + 10)))
        if step % TELL_EVERY == 0:
            print(f"drawing {step} " + " ".join(f"{n} {l.item():.3f} (x {share[n]:.3f})" for n, l in lost.items())
                  + f" apart {verdict.item():.3f}, {time.process_time() - begin:.0f} s", flush=True)
        if time.time() - saved > SAVE_EVERY:
            keep()
            saved = time.time()
    keep()


if __name__ == "__main__":
    main()
