"""Prints the card's figures about the exported decoder, beside those of another where one is given, and writes a grid of
held-out photographs and what is drawn from their codes."""
import argparse
from pathlib import Path
import numpy as np
import onnx
import onnxruntime
from PIL import Image
from evaluate import NEIGHBOURS, nearest, unit
from network import DRAWN, LATENT, SIDE
from prepare_drawing import VIEWS, shrunk

COLUMNS, ROWS, SEED = 8, 3, 5
BATCH = 32


class Teacher:
    """Pooled features of the eye's teacher, which took no part in the drawing's training: pictures are enlarged to what it
    looks at."""

    def __init__(self, work: Path) -> None:
        import teacher  # only this needs its package

        self.side, self.features = teacher.SIDE, teacher.Features(work)

    def of(self, pictures: np.ndarray) -> np.ndarray:
        large = [np.stack([np.asarray(Image.fromarray(p).resize((self.side, self.side), Image.Resampling.BILINEAR))
                           for p in pictures[i:i + BATCH]]) for i in range(0, len(pictures), BATCH)]
        return np.concatenate([self.features.of(part) for part in large])


class Look:
    """The exported eye, asked for codes and for the 640 pooled features that they are made from."""

    def __init__(self, path: Path, options: onnxruntime.SessionOptions) -> None:
        model = onnx.load(path)
        last = next(n for n in model.graph.node if "out.weight" in n.input)
        model.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def at(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes and features of pictures of any size that the eye's goes into."""
        small = shrunk(pictures)
        parts = [self.session.run(None, {"frames": small[i:i + BATCH]}) for i in range(0, len(small), BATCH)]
        codes, features = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        return codes, features


def root(matrix: np.ndarray) -> np.ndarray:
    values, turn = np.linalg.eigh(matrix)
    return (turn * np.sqrt(values.clip(0))) @ turn.T


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """The squared Fréchet distance of two clouds, each taken as normal."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    half = root(np.cov(one.T))
    shared = np.linalg.eigvalsh(half @ np.cov(other.T) @ half).clip(0)
    apart = np.square(one.mean(0) - other.mean(0)).sum()
    return float(apart + one.var(0, ddof=1).sum() + other.var(0, ddof=1).sum() - 2 * np.sqrt(shared).sum())


def error(drawn: np.ndarray, true: np.ndarray) -> str:
    difference = drawn.astype(np.float32) - true
    return f"mean absolute {np.abs(difference).mean():.1f}, root of the mean square {np.sqrt(np.square(difference).mean()):.1f}"


def large(pictures: np.ndarray) -> np.ndarray:
    """Pictures at the size that is drawn now."""
    if pictures.shape[1] == DRAWN:
        return pictures
    return np.stack([np.asarray(Image.fromarray(p).resize((DRAWN, DRAWN), Image.Resampling.BILINEAR)) for p in pictures])


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
    parser.add_argument("--views", type=Path, required=True, help="what prepare_drawing.py wrote")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="another decoder, to compare with")
    parser.add_argument("--teacher", type=Path, help="a folder to work in: compare in the teacher's features, too")
    parser.add_argument("--grid", type=Path, help="the picture to write")
    parser.add_argument("--quality", type=int, default=82, help="of that picture as JPEG")
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1

    def run(path: Path, name: str, values: np.ndarray) -> np.ndarray:
        session = onnxruntime.InferenceSession(str(path), options)
        return np.concatenate([session.run(None, {name: values[i:i + BATCH]})[0] for i in range(0, len(values), BATCH)])

    data, eye = np.load(args.views), Look(args.models / "encoder.onnx", options)
    true, small, known, labels, wanted = (data[n] for n in ("held", "seen", "known", "labels", "wanted"))
    whole, named = data["pictures"][::VIEWS], labels >= 0
    train = shrunk(whole[named])
    codes = eye.at(small)[0]
    random = np.random.default_rng(SEED).standard_normal((len(true), LATENT)).astype(np.float32)
    target = eye.at(true)
    others = eye.at(train[np.random.default_rng(SEED).choice(len(train), len(true), replace=False)])
    teacher = Teacher(args.teacher) if args.teacher else None
    target_teacher = teacher.of(true) if teacher else None

    def distances(found: tuple[np.ndarray, np.ndarray]) -> str:
        return f"features {frechet(target[1], found[1]):.3f}, codes {frechet(target[0], found[0]):.2f}"

    print(f"{len(true)} held-out photographs, colours 0 to 255, at {SIDE} and at {DRAWN} pixels a side")
    print(f"  mean picture: {error(np.broadcast_to(train.mean(0), small.shape), small)}")
    print(f"  first {LATENT} components of the pixels: {error(components(train, small), small)}")
    print(f"  {NEIGHBOURS}-NN of the photographs themselves: {nearest(known[named], labels[named], codes, wanted):.3f}")
    print(f"  Fréchet distance of as many photographs learnt from: {distances(others)}", flush=True)
    for path in [args.models / "decoder.onnx", *([args.before] if args.before else [])]:
        drawn, imagined = run(path, "latent", codes), run(path, "latent", random)
        again, back = eye.at(drawn), eye.at(imagined)
        print(f"{path.parent.name}/{path.name}: {drawn.shape[1]} × {drawn.shape[2]}")
        print(f"  drawn from the codes, at {SIDE}: {error(shrunk(drawn), small)}; at {DRAWN}: {error(large(drawn), true)}")
        print(f"  Fréchet distance, drawn from the codes: {distances(again)}; from random ones: {distances(back)}")
        alike = unit(again[0]) @ unit(codes).T
        own = np.diag(alike)
        print(f"  code of the drawn picture: {NEIGHBOURS}-NN {nearest(known[named], labels[named], again[0], wanted):.3f}, "
              f"cosine {own.mean():.3f} with its own (10th percentile {np.percentile(own, 10):.3f}), "
              f"{(alike.sum() - own.sum()) / (alike.size - len(own)):.3f} with others'; its own is the nearest of all "
              f"for {(alike.argmax(1) == np.arange(len(own))).mean():.3f}")
        print(f"  codes drawn from N(0, I): cosine {np.sum(unit(back[0]) * unit(random), 1).mean():.3f} after drawing and seeing",
              flush=True)
        if teacher:
            print(f"  Fréchet distance by the teacher, drawn from the codes: {frechet(target_teacher, teacher.of(drawn)):.2f}",
                  flush=True)
        if args.grid and path.parent == args.models:
            chosen = np.random.default_rng(SEED).choice(len(true), COLUMNS * ROWS, replace=False).reshape(ROWS, COLUMNS)
            rows = [np.concatenate(list(kind[line]), 1) for line in chosen for kind in (true, large(drawn))]
            Image.fromarray(np.concatenate(rows, 0)).save(args.grid, quality=args.quality)


if __name__ == "__main__":
    main()
