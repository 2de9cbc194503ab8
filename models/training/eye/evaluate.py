"""Prints the card's figures: what the exported eye sees, how its codes spread, what cuts do, how fast it runs."""
import argparse
import re
import subprocess
import time
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from torch import nn
from network import LATENT, SIDE

NEIGHBOURS = 5
CUT = 0.3
"""From this scene score of ffmpeg's on (0 to 1), which looks at pixels alone, a picture begins a new shot."""


def unit(codes: np.ndarray) -> np.ndarray:
    """Codes of length 1, so that their scalar product is the cosine."""
    return codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-9)


def nearest(known: np.ndarray, labels: np.ndarray, asked: np.ndarray, wanted: np.ndarray) -> float:
    """Share of codes whose label is the commonest among their nearest neighbours' by the cosine; the nearer wins ties."""
    right, known = 0, unit(known)
    for code, label in zip(unit(asked), wanted, strict=True):
        near = labels[np.argsort(known @ code)[::-1][:NEIGHBOURS]]
        votes = {n: int((near == n).sum()) for n in near}
        right += max(votes, key=votes.__getitem__) == label
    return right / len(wanted)


def linear(known: np.ndarray, labels: np.ndarray, asked: np.ndarray, wanted: np.ndarray) -> float:
    """Share of codes that a linear classifier names rightly: logistic regression on codes scaled to the known ones'
    variance, with a penalty of 0.001 on its weights."""
    mean, spread = known.mean(0), known.std(0)
    x, asked_x = (torch.from_numpy(((c - mean) / spread).astype(np.float32)) for c in (known, asked))
    probe = nn.Linear(x.shape[1], int(labels.max()) + 1)
    newton = torch.optim.LBFGS(probe.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        newton.zero_grad()
        value = nn.functional.cross_entropy(probe(x), torch.from_numpy(labels)) + 0.001 * probe.weight.square().sum() / 2
        value.backward()
        return value

    newton.step(loss)
    with torch.no_grad():
        return float((probe(asked_x).argmax(1).numpy() == wanted).mean())


def pixel_components(train: np.ndarray, held: np.ndarray, count: int = LATENT) -> tuple[np.ndarray, np.ndarray]:
    """The baseline: principal components of the pictures at 16 × 16."""
    small = [p.reshape(len(p), 16, SIDE // 16, 16, SIDE // 16, 3).mean((2, 4)).reshape(len(p), -1) for p in (train, held)]
    mean = small[0].mean(0)
    directions = np.linalg.svd(small[0] - mean, full_matrices=False)[2][:count]
    return (small[0] - mean) @ directions.T, (small[1] - mean) @ directions.T


def frames_of(film: Path) -> np.ndarray:
    """Every picture of a film at the eye's size."""
    command = ["ffmpeg", "-v", "error", "-i", str(film), "-vf", f"scale={SIDE}:{SIDE}:flags=area",
               "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIDE, SIDE, 3)


def cuts_of(film: Path) -> np.ndarray:
    """Whether each picture of a film but the first begins a new shot."""
    command = ["ffmpeg", "-v", "error", "-i", str(film), "-vf", r"select=gte(scene\,0),metadata=print:file=-",
               "-fps_mode", "passthrough", "-f", "null", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return np.array([float(score) for score in re.findall(r"scene_score=([\d.]+)", text)])[1:] > CUT


def spread(codes: np.ndarray) -> str:
    """How codes differ from N(0, I)."""
    together = np.corrcoef(codes.T)
    lengths = np.linalg.norm(codes, axis=1)
    return (f"mean {np.abs(codes.mean(0)).mean():.3f} (absolute), variance {codes.var(0).mean():.3f} "
            f"from {codes.var(0).min():.3f} to {codes.var(0).max():.3f}, correlation between components "
            f"{np.abs(together[~np.eye(len(together), dtype=bool)]).mean():.3f} (absolute), length "
            f"{lengths.mean():.2f} ± {lengths.std():.2f} (N(0, I): 7.97 ± 0.70)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--film", type=Path, action="append", default=[])
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(args.models / "encoder.onnx"), options)

    def encode(pictures: np.ndarray) -> np.ndarray:
        return np.concatenate([session.run(None, {"frames": pictures[i:i + 32]})[0] for i in range(0, len(pictures), 32)])

    data = np.load(args.views)
    whole, held = ~data["held"] & (data["labels"] >= 0), data["held"]
    labels, wanted = data["labels"][whole], data["labels"][held]
    all_pictures, targets = data["pictures"], data["targets"][:, :LATENT]
    pictures, asked = all_pictures[whole], all_pictures[held]
    codes, found = encode(pictures), encode(asked)
    flat = pixel_components(pictures.astype(np.float32), asked.astype(np.float32))
    print(f"{len(wanted)} held-out photographs against {len(labels)}: {NEIGHBOURS}-NN, linear probe")
    for name, known, new in (("eye", codes, found), ("teacher's components", targets[whole], targets[held]),
                             ("pixels' components", *flat)):
        print(f"  {name}: {nearest(known, labels, new, wanted):.3f}, {linear(known, labels, new, wanted):.3f}")
    print(f"held-out codes: {spread(found)}")
    print(f"codes of the pictures learnt from: {spread(codes)}")
    batch = asked[:8]
    session.run(None, {"frames": batch})
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < 3:
        session.run(None, {"frames": batch})
        count += len(batch)
    print(f"{count / (time.perf_counter() - begin):.0f} pictures a second on one core, batches of {len(batch)}")
    for path in args.film:
        film, cuts = encode(frames_of(path)), cuts_of(path)
        steps = np.linalg.norm(np.diff(film, axis=0), axis=1)
        near, far = steps[~cuts], steps[cuts]
        if len(far) == 0:
            print(f"{path.name}: no cut, median step {np.median(near):.2f}")
            continue
        print(f"{path.name}: {len(far)} cuts, steps across them {np.sort(far).round(1)}, elsewhere median {np.median(near):.2f}, "
              f"99th percentile {np.percentile(near, 99):.2f}, most {near.max():.2f}; "
              f"ratio of the medians {np.median(far) / np.median(near):.1f}")


if __name__ == "__main__":
    main()
