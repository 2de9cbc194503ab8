"""Prints the card's figures about the exported decoder, and writes a grid of held-out photographs and what is drawn
from their codes."""
import argparse
from pathlib import Path
import numpy as np
import onnxruntime
from PIL import Image
from evaluate import unit
from network import LATENT, SIDE

COLUMNS, ROWS, SEED = 8, 3, 5


def error(drawn: np.ndarray, true: np.ndarray) -> str:
    difference = drawn.astype(np.float32) - true
    return f"mean absolute {np.abs(difference).mean():.1f}, root of the mean square {np.sqrt(np.square(difference).mean()):.1f}"


def components(train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """The held-out pictures as their first principal components give them."""
    flat = train.reshape(len(train), -1).astype(np.float32)
    mean = flat.mean(0)
    gram = (flat - mean).T @ (flat - mean)
    # Subspace iteration: the first directions of a matrix too large to be decomposed whole.
    basis = np.linalg.qr(np.random.default_rng(SEED).standard_normal((gram.shape[0], LATENT + 16)).astype(np.float32))[0]
    for _ in range(12):
        basis = np.linalg.qr(gram @ basis)[0]
    values, turn = np.linalg.eigh(basis.T @ gram @ basis)
    basis = basis @ turn[:, np.argsort(values)[::-1][:LATENT]]
    found = (held.reshape(len(held), -1) - mean) @ basis @ basis.T + mean
    return found.clip(0, 255).reshape(held.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--grid", type=Path, help="the picture to write")
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [onnxruntime.InferenceSession(str(args.models / f"{n}.onnx"), options) for n in ("encoder", "decoder")]

    def run(index: int, name: str, values: np.ndarray) -> np.ndarray:
        return np.concatenate([sessions[index].run(None, {name: values[i:i + 32]})[0] for i in range(0, len(values), 32)])

    data = np.load(args.views)
    held, pictures = data["held"], data["pictures"]
    train, true = pictures[~held & (data["labels"] >= 0)], pictures[held]
    codes = run(0, "frames", true)
    drawn = run(1, "latent", codes)
    again = run(0, "frames", drawn)
    print(f"{len(true)} held-out photographs, colours 0 to 255")
    print(f"  drawn from the codes: {error(drawn, true)}")
    print(f"  mean picture: {error(np.broadcast_to(train.mean(0), true.shape), true)}")
    print(f"  first {LATENT} components of the pixels: {error(components(train, true), true)}")
    alike = unit(again) @ unit(codes).T
    own = np.diag(alike)
    print(f"code of the drawn picture: cosine {own.mean():.3f} with its own (10th percentile {np.percentile(own, 10):.3f}), "
          f"{(alike.sum() - own.sum()) / (alike.size - len(own)):.3f} with others'; its own is the nearest of all "
          f"for {(alike.argmax(1) == np.arange(len(own))).mean():.3f}")
    random = np.random.default_rng(SEED).standard_normal((512, LATENT)).astype(np.float32)
    back = run(0, "frames", run(1, "latent", random))
    print(f"codes drawn from N(0, I): cosine {np.sum(unit(back) * unit(random), 1).mean():.3f} after drawing and seeing")
    if args.grid:
        chosen = np.random.default_rng(SEED).choice(len(true), COLUMNS * ROWS, replace=False).reshape(ROWS, COLUMNS)
        rows = [np.concatenate(list(kind[line]), 1) for line in chosen for kind in (true, drawn)]
        Image.fromarray(np.concatenate(rows, 0)).save(args.grid, quality=88)


if __name__ == "__main__":
    main()
