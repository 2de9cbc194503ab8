"""Trains the drum VAE, its prior flow, then the groove, the first two for a given number of seconds."""
import torch
from torch import Tensor, nn
from common.command import train
from common.train_vae import rate
from network import Drums

GROOVE_STEPS = 4000


def draw(rows: Tensor, size: int) -> Tensor:
    """Random windows, a third of them as no drummer in the data played: without one of the classes, beginning at another
    beat, or with some of the drums of another window."""
    picked = rows[torch.randint(len(rows), (size,))]
    silent = torch.where(torch.rand(size, 1) < 0.1, 1 << torch.randint(0, 9, (size, 1)), 0)
    turned = torch.where(torch.rand(size, 1) < 0.1, picked.roll(16, 1), picked)
    shifted = torch.where(torch.rand(size, 1) < 0.1, turned.roll(4, 1), turned)
    taken = torch.where(torch.rand(size, 1) < 0.2, torch.randint(0, 512, (size, 1)), 0)
    other = rows[torch.randint(len(rows), (size,))]
    return (shifted & ~taken | other & taken) & ~silent


def train_groove(model: Drums, tokens: Tensor, played: Tensor) -> None:
    """Absolute errors of loudness and lateness, where there is a hit."""
    groove = model.groove
    adam = torch.optim.AdamW(groove.parameters(), 2e-3, weight_decay=1e-3)
    for step in range(GROOVE_STEPS):
        adam.param_groups[0]["lr"] = rate((step + 1) / GROOVE_STEPS, 2e-3)
        picked = torch.randint(len(tokens), (128,))
        hits, loud, late = played[picked].unbind(3)
        with torch.no_grad():
            condition = model.decoder.condition(model.encoder(tokens[picked])[0])
        condition = condition * (torch.rand(len(picked), 1) < 0.7)
        told = groove(condition, hits)
        errors = [((a - b).abs() * hits).sum() / hits.sum() for a, b in zip(told, (loud, late))]
        adam.zero_grad()
        (errors[0] + errors[1]).backward()
        nn.utils.clip_grad_norm_(groove.parameters(), 1.0)
        adam.step()
        if step % 200 == 0:
            print(f"groove {step} loudness {errors[0].item():.3f} lateness {errors[1].item():.3f}", flush=True)


if __name__ == "__main__":
    model, out, windows = train(Drums, draw, __doc__)
    train_groove(model, torch.from_numpy(windows["train"]), torch.from_numpy(windows["train_played"]))
    torch.save(model.state_dict(), out)
