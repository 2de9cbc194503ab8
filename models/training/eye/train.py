"""Trains the eye for a given number of seconds to give the teacher's components and to tell the classes apart; then
scales its codes to N(0, 1)."""
import argparse
import copy
import math
import time
from pathlib import Path
import numpy as np
import torch
from torch import Tensor, nn
from augment import augmented
from evaluate import nearest
from network import LATENT, Eye

SAVE_EVERY = 240
"""Seconds between checkpoints."""
SHRINKAGE = 0.05
"""Share of the mean variance added to every direction before whitening, so that noise is not blown up."""
SHARPNESS = 16.0
"""Factor of the cosine between a code and a class before the softmax."""
NAMING = 1.0
"""Weight of telling the classes apart, beside the teacher's components."""
AVERAGE = 0.997
"""Decay of the running average of the weights, which is what is kept."""
SPARED = 0.05
"""Share of the photographs that are kept from training and only set the scale of the codes: those learnt from are
known too well to tell how long a new picture's code is."""


class Pupil(nn.Module):
    """The eye, and two heads that only training needs: more of the teacher's components from its last layer, and
    the classes from the cosine of its code."""

    def __init__(self, components: int, classes: int) -> None:
        super().__init__()
        self.eye = Eye()
        self.more = nn.Linear(self.eye.out.in_features, components)
        self.classes = nn.Parameter(torch.randn(classes, LATENT) / math.sqrt(LATENT))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen = self.eye.seen(x)
        raw = self.eye.out(seen)
        centred = nn.functional.normalize(raw - raw.mean(0).detach(), dim=1)
        return raw, self.more(seen), SHARPNESS * centred @ nn.functional.normalize(self.classes, dim=1).T


def rate(done: float, top: float) -> float:
    return top * min(1, done * 25) * 0.5 * (1 + math.cos(math.pi * min(1, done)))


def follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Moves the running average towards the model."""
    with torch.no_grad():
        for kept, now in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
            kept.lerp_(now, 1 - decay) if kept.is_floating_point() else kept.copy_(now)


def begin_heads(pupil: Pupil, pictures: Tensor, targets: Tensor, classes: Tensor) -> None:
    """Gives the heads of an eye that has learnt already what fits it best: least squares for the components, and
    the mean direction of each class."""
    pupil.eye.eval()
    with torch.no_grad():
        seen = torch.cat([pupil.eye.seen(p) for p in pictures.split(256)])
        mean, middle = seen.mean(0), targets.mean(0)
        square = (seen - mean).T @ (seen - mean)
        square += 0.01 * square.diagonal().mean() * torch.eye(len(square))
        weight = torch.linalg.solve(square, (seen - mean).T @ (targets - middle)).T
        pupil.more.weight.copy_(weight)
        pupil.more.bias.copy_(middle - weight @ mean)
        raw = pupil.eye.out(seen)
        directions = nn.functional.normalize(raw - raw.mean(0), dim=1)
        for label in range(len(pupil.classes)):
            if (classes == label).any():
                pupil.classes[label] = directions[classes == label].mean(0)


def codes_of(eye: Eye, pictures: Tensor, raw: bool = False) -> Tensor:
    """Codes of many pictures; raw: before whitening."""
    eye.eval()
    with torch.no_grad():
        return torch.cat([eye.steady(p) if raw else eye(p) for p in pictures.split(256)])


def whiten(eye: Eye, known: Tensor, spared: Tensor) -> None:
    """Sets the last step so that codes have mean 0 and variance 1: the directions from the pictures learnt from, the
    shape of the cloud kept as far as it can be (the symmetric square root); mean and scale from the spared ones."""
    codes = codes_of(eye, known, raw=True)
    covariance = torch.cov(codes.T)
    covariance += SHRINKAGE * covariance.diagonal().mean() * torch.eye(LATENT)
    spread, directions = torch.linalg.eigh(covariance)
    root = directions @ torch.diag(spread.rsqrt()) @ directions.T
    new = codes_of(eye, spared, raw=True)
    eye.mean.copy_(new.mean(0))
    eye.whiten.copy_(root / ((new - eye.mean) @ root).std(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--resume", type=Path, help="a checkpoint to start from")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    data = np.load(args.views)
    held, labels = data["held"], data["labels"]
    # Views of one photograph follow one another, its whole picture first.
    photograph = data["photographs"]
    chosen = np.random.default_rng(7).random(photograph.max() + 1) < SPARED
    spared = chosen[photograph] & ~held
    train = ~held & ~spared
    wide, pictures = torch.from_numpy(data["wide"]), torch.from_numpy(data["pictures"])
    targets, classes = torch.from_numpy(data["targets"]), torch.from_numpy(data["classes"])
    at = torch.from_numpy(np.flatnonzero(train))
    pupil = Pupil(targets.shape[1], int(classes.max()) + 1).to(memory_format=torch.channels_last)
    if args.resume:
        pupil.eye.load_state_dict(torch.load(args.resume, weights_only=True))
        some = at[torch.randperm(len(at))[:8192]]
        begin_heads(pupil, pictures[some], targets[some], classes[some])
    average = copy.deepcopy(pupil)
    adam = torch.optim.AdamW(pupil.parameters(), args.rate, weight_decay=0.02)
    rng = np.random.default_rng(7)
    fresh = torch.from_numpy(np.flatnonzero(train)[rng.permutation(int(train.sum()))[:12288]])
    fresh_pictures = torch.cat([augmented(wide[part]).round().byte() for part in fresh.split(256)])
    spare = pictures[torch.from_numpy(np.flatnonzero(spared))]
    begin, step, saved = time.time(), 0, time.time()

    def keep() -> None:
        eye = average.eye
        whiten(eye, fresh_pictures, spare)
        torch.save(eye.state_dict(), args.out)
        whole = ~held & (labels >= 0)
        known, found = codes_of(eye, pictures[whole]).numpy(), codes_of(eye, pictures[held]).numpy()
        print(f"eye {step}: 5-NN {nearest(known, labels[whole], found, labels[held]):.3f}, "
              f"held-out variance {found.var(0).mean():.3f}, {time.time() - begin:.0f} s", flush=True)

    while (done := (time.time() - begin) / args.seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, args.rate)
        pupil.train()
        batch = at[torch.randint(len(at), (128,))]
        wanted, label = targets[batch], classes[batch]
        with torch.autocast("cpu", torch.bfloat16):
            raw, more, scores = (o.float() for o in pupil(augmented(wide[batch])))
        head = wanted[:, :LATENT]
        distance = nn.functional.smooth_l1_loss(raw, head) + nn.functional.smooth_l1_loss(more, wanted)
        angle = 2 - nn.functional.cosine_similarity(raw, head).mean() - nn.functional.cosine_similarity(more, wanted).mean()
        naming = nn.functional.cross_entropy(scores, label, ignore_index=-1, label_smoothing=0.1)
        adam.zero_grad()
        (distance + angle + NAMING * naming).backward()
        nn.utils.clip_grad_norm_(pupil.parameters(), 5.0)
        adam.step()
        step += 1
        follow(average, pupil, min(AVERAGE, step / (step + 10)))
        if step % 50 == 0:
            print(f"eye {step} distance {distance.item():.3f} angle {angle.item():.3f} naming {naming.item():.3f}", flush=True)
        if time.time() - saved > SAVE_EVERY:
            keep()
            saved = time.time()
    keep()


if __name__ == "__main__":
    main()
