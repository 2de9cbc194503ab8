"""Trains the decoder to draw pictures from the eye's codes, for a given number of seconds."""
import argparse
import copy
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from augment import cut
from network import Drawing, Eye
from train import follow, rate

SAVE_EVERY = 120
"""Seconds between checkpoints."""
SHAKE = 0.2
"""Deviation of the noise on a code, so that codes between those of pictures are drawn as well."""
SEEN_LAYERS = (1, 3, 6)
"""Layers of the eye whose maps of the drawn picture are compared with those of the true one."""
AVERAGE = 0.995
"""Decay of the running average of the weights, which is what is kept."""


def maps(eye: Eye, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
    """What the eye's chosen layers see, and the code without the mirror image's share."""
    x, found = (pictures / 127.5 - 1).permute(0, 3, 1, 2), []
    for index, layer in enumerate(eye.body):
        x = layer(x)
        if index in SEEN_LAYERS:
            found.append(x)
    return found, (eye.out(x.mean((2, 3))) - eye.mean) @ eye.whiten


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--eye", type=Path, required=True, help="the eye's checkpoint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    data = np.load(args.views)
    wide = torch.from_numpy(data["wide"][~data["held"]])
    eye = Eye().eval().requires_grad_(False).to(memory_format=torch.channels_last)
    eye.load_state_dict(torch.load(args.eye, weights_only=True))
    drawing = Drawing().to(memory_format=torch.channels_last)
    if args.resume:
        drawing.load_state_dict(torch.load(args.resume, weights_only=True))
    average = copy.deepcopy(drawing)
    adam = torch.optim.AdamW(drawing.parameters(), args.rate, weight_decay=0.01)
    begin, step, saved = time.time(), 0, time.time()
    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, args.rate)
        at = torch.randint(len(wide), (64,))
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                true = cut(wide[at].permute(0, 3, 1, 2).float()).permute(0, 2, 3, 1)
                wanted, code = maps(eye, true)[0], eye(true)
            drawn = drawing.colours(code.float() + SHAKE * torch.randn(code.shape)).float()
            found, again = maps(eye, drawn.clamp(0, 255))
        pixels = nn.functional.l1_loss(drawn, true) / 64 + nn.functional.mse_loss(drawn, true) / 64 ** 2
        seen = sum(nn.functional.l1_loss(f.float(), w.float()) / w.float().abs().mean()
                   for f, w in zip(found, wanted, strict=True))
        angle = 1 - nn.functional.cosine_similarity(again.float(), code.float()).mean()
        adam.zero_grad()
        (pixels + 0.1 * seen + 0.3 * angle).backward()
        nn.utils.clip_grad_norm_(drawing.parameters(), 5.0)
        adam.step()
        step += 1
        follow(average, drawing, min(AVERAGE, step / (step + 10)))
        if step % 50 == 0:
            print(f"drawing {step} pixels {pixels.item():.3f} seen {seen.item():.3f} angle {angle.item():.3f} "
                  f"{time.time() - begin:.0f} s", flush=True)
        if time.time() - saved > SAVE_EVERY:
            torch.save(average.state_dict(), args.out)
            saved = time.time()
    torch.save(average.state_dict(), args.out)


if __name__ == "__main__":
    main()
