"""Measures the exported melody graphs: reconstruction of held-out windows, and music from the prior."""
import argparse
from pathlib import Path
import numpy as np
import torch
from common.exported import Exported, divergence
from features import features
from language import Language
from network import START, Melody
from reference import LATENT, Google


def before_flow(checkpoint: Path, held: np.ndarray, rng: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    """Codes that the flow turns into N(0, I) inner codes, as if there were no flow, and into posterior samples."""
    torch.set_grad_enabled(False)
    model = Melody.of(torch.load(checkpoint, weights_only=True))
    mean, spread = model.encoder(torch.from_numpy(held))
    noise = torch.from_numpy(rng.standard_normal(mean.shape).astype(np.float32))
    nats = 0.5 * (mean ** 2 + spread.exp() - 1 - spread).sum(1).mean()
    print(f"the code says {nats:.1f} nats")
    return [("prior, without flow", model.flow.inverse(noise)[0].numpy()),
            ("codes of held-out tunes (drawn)", model.flow.inverse(mean + noise * torch.exp(spread / 2))[0].numpy())]


POINTS = 11
"""Codes on the way from one held-out melody to another, both ends counted."""


def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The codes so far on the way from a to b, along great circles (slerp)."""
    cosine = (a * b).sum(1, keepdims=True) / np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1, keepdims=True)
    angle = np.arccos(np.clip(cosine, -1, 1))
    return ((np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)).astype(np.float32)


def interpolation(graphs: Exported, codes: np.ndarray, language: Language, rng: np.random.Generator) -> None:
    """Prints distance to both ends and cost along the way, beside a cross-fade of tokens."""
    a, b = codes[:500], codes[500:1000]
    way = [graphs.decode(between(a, b, i / (POINTS - 1))) for i in range(POINTS)]
    for name, rows in (("slerp", way), ("cross-fade", [np.where(rng.random(way[0].shape) < i / (POINTS - 1), way[-1], way[0])
                                                      for i in range(POINTS)])):
        for what, found in (("from the first", [(r != way[0]).mean() for r in rows]),
                            ("from the last", [(r != way[-1]).mean() for r in rows]),
                            ("cost", [language.cost(r).mean() for r in rows])):
            print(f"| {name}, {what} | " + " | ".join(f"{v:.2f}" for v in found) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, help="adds the rows that need the parts before export")
    parser.add_argument("--reference", type=Path, help="a folder with Google's mel_2bar_small, for comparison")
    args = parser.parse_args()
    rng, graphs, data = np.random.default_rng(7), Exported(args.models, START), np.load(args.windows)
    held = data["held"][rng.permutation(len(data["held"]))[:2000]]
    codes = graphs.encode(held)
    forced, greedy = graphs.decode(codes, forced=held), graphs.decode(codes)
    onset = held > 0
    print(f"teacher-forced {(forced == held).mean():.3f} greedy {(greedy == held).mean():.3f} "
          f"non-hold {(greedy == held)[onset].mean():.3f}; code mean |m| {np.abs(codes.mean(0)).mean():.2f} std {codes.std(0).mean():.2f}")
    noise = rng.standard_normal((1000, codes.shape[1])).astype(np.float32)
    sets = {"other real tunes (train)": data["train"][rng.permutation(len(data["train"]))[:1000]],
            "prior, with flow": graphs.decode(noise, 0.5, rng=rng),
            "prior, with flow, u x 0.8": graphs.decode(noise * np.float32(0.8), 0.5, rng=rng),
            "codes of held-out tunes (mean)": graphs.decode(codes[:1000], 0.5, rng=rng)}
    if args.checkpoint:
        sets |= {name: graphs.decode(codes, 0.5, rng=rng) for name, codes in before_flow(args.checkpoint, held[:1000], rng)}
    if args.reference:
        drawn = rng.standard_normal((1000, LATENT)).astype(np.float32)
        sets["prior, Google's decoder"] = Google(args.reference).decode(drawn, 0.5, rng)
    target, share = features(held)
    language = Language(data["train"])
    print(f"held-out tunes cost {language.cost(held).mean():.3f} bits a step")
    print(f"held-out mean scale share {share:.3f}")
    for name, rows in sets.items():
        found, share = features(rows)
        cells = [f"{divergence(a, b):.3f}" for a, b in zip(found, target)]
        print("| " + " | ".join([name, *cells, f"{share:.3f}", f"{language.cost(rows).mean():.3f}"]) + " |")
    interpolation(graphs, codes, language, rng)
    print("different prior samples:", len({r.tobytes() for r in sets["prior, with flow"]}))


if __name__ == "__main__":
    main()
