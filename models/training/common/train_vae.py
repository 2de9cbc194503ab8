"""Trains an autoencoder of tokens."""
import math
import time
from collections.abc import Callable
from pathlib import Path
import torch
from torch import Tensor, nn
from common.steps import previous_of

SAVE_EVERY = 300
"""Seconds between checkpoints."""
HALF = 0.75
"""Share of the time in 16-bit floats, which halve a step on processors that know them; the rest is exact."""
FORGOTTEN = 0.1
"""Share of the previous tokens that the decoder does not see, so that it listens to the code."""


def rate(done: float, top: float) -> float:
    """The learning rate: a quick rise, then half a cosine down to nothing."""
    return top * min(1, done * 50) * 0.5 * (1 + math.cos(math.pi * min(1, done)))


def train_vae(model: nn.Module, draw: Callable[[], Tensor], seconds: float, beta: float, free: float, out: Path) -> None:
    """Reconstruction with a cost on nats above the free ones."""
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    adam, begin, step, saved = torch.optim.AdamW(parts, 1e-3, weight_decay=1e-3), time.time(), 0, time.time()
    while (done := (time.time() - begin) / seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 2e-3)
        x = draw()
        before = previous_of(x, model.START)
        before = torch.where(torch.rand(before.shape) < FORGOTTEN, torch.zeros_like(before), before)
        with torch.autocast("cpu", torch.bfloat16, enabled=done < HALF):
            mean, spread = (part.float() for part in model.encoder(x))
            code = mean + torch.randn_like(mean) * torch.exp(spread / 2)
            guess = model.decoder(code, before).float()
        loss = nn.functional.cross_entropy(guess.flatten(0, 1), x.flatten()) * x.shape[1]
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
