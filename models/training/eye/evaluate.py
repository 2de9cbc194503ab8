"""Prints the card's figures: what the exported eye sees, how its codes spread, how fast it runs."""
import argparse
import subprocess
import time
from pathlib import Path
import numpy as np
import onnxruntime
from network import SIDE

NEIGHBOURS = 5


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


def pixel_components(train: np.ndarray, held: np.ndarray, count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """The baseline: principal components of the pictures at 16 × 16."""
    small = [p.reshape(len(p), 16, SIDE // 16, 16, SIDE // 16, 3).mean((2, 4)).reshape(len(p), -1) for p in (train, held)]
    mean = small[0].mean(0)
    directions = np.linalg.svd(small[0] - mean, full_matrices=False)[2][:count]
    return (small[0] - mean) @ directions.T, (small[1] - mean) @ directions.T


def frames_of(film: Path) -> np.ndarray:
    """Every picture of a film at the eye's size."""
    command = ["ffmpeg", "-v", "error", "-i", str(film), "-vf", f"scale={SIDE}:{SIDE}:flags=area",
               "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIDE, SIDE, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--film", type=Path)
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(args.models / "encoder.onnx"), options)

    def encode(pictures: np.ndarray) -> np.ndarray:
        return np.concatenate([session.run(None, {"frames": pictures[i:i + 32]})[0] for i in range(0, len(pictures), 32)])

    data = np.load(args.views)
    whole, held = ~data["held"] & (data["labels"] >= 0), data["held"]
    labels, wanted = data["labels"][whole], data["labels"][held]
    pictures, asked = data["pictures"][whole], data["pictures"][held]
    codes, found = encode(pictures), encode(asked)
    flat = pixel_components(pictures.astype(np.float32), asked.astype(np.float32))
    print(f"{NEIGHBOURS}-NN, {len(wanted)} held-out photographs against {len(labels)}:")
    print(f"  eye {nearest(codes, labels, found, wanted):.3f}  "
          f"teacher's components {nearest(data['targets'][whole], labels, data['targets'][held], wanted):.3f}  "
          f"pixels' components {nearest(flat[0], labels, flat[1], wanted):.3f}")
    together = np.corrcoef(found.T)
    print(f"held-out codes: mean {np.abs(found.mean(0)).mean():.3f} (absolute), variance {found.var(0).mean():.3f} "
          f"from {found.var(0).min():.3f} to {found.var(0).max():.3f}, correlation between components "
          f"{np.abs(together[~np.eye(len(together), dtype=bool)]).mean():.3f} (absolute), length "
          f"{np.linalg.norm(found, axis=1).mean():.2f} ± {np.linalg.norm(found, axis=1).std():.2f} (N(0, I): 7.97 ± 0.70)")
    batch = asked[:8]
    session.run(None, {"frames": batch})
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < 3:
        session.run(None, {"frames": batch})
        count += len(batch)
    print(f"{count / (time.perf_counter() - begin):.0f} pictures a second on one core, batches of {len(batch)}")
    if args.film:
        film = encode(frames_of(args.film))
        steps = np.linalg.norm(np.diff(film, axis=0), axis=1)
        print(f"{args.film.name}: largest ten steps between neighbouring pictures {np.sort(steps)[::-1][:10].round(1)}, "
              f"median step {np.median(steps):.2f}, mean length {np.linalg.norm(film, axis=1).mean():.2f}")


if __name__ == "__main__":
    main()
