"""Exports checkpoints as graphs, the eye's or the decoder's or both, checks them against torch, writes the golden
vectors."""
import argparse
import json
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from torch import nn
from network import LATENT, SIDE, Drawing, Eye


def values(array: np.ndarray) -> dict:
    """A tensor as the golden file has it."""
    kind = str(array.dtype)
    return {"shape": list(array.shape), kind: [v if kind == "uint8" else float(v) for v in array.ravel().tolist()]}


def export(model: nn.Module, path: Path, given: tuple[str, np.ndarray], gives: str, tolerance: float) -> dict:
    """Writes one graph; its golden vectors."""
    name, array = given
    torch.onnx.export(model, (torch.from_numpy(np.repeat(array, 3, 0)),), str(path), input_names=[name],
                      output_names=[gives], opset_version=17, dynamo=False, dynamic_axes={name: {0: "N"}, gives: {0: "N"}})
    found = onnxruntime.InferenceSession(str(path)).run(None, {name: array})[0]
    assert np.abs(found.astype(np.float32) - model(torch.from_numpy(array)).numpy()).max() <= tolerance
    return {"inputs": {name: values(array)}, "outputs": {gives: values(found)}, "tolerance": tolerance}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="the eye's")
    parser.add_argument("--drawing", type=Path, help="the decoder's checkpoint")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    args.out.mkdir(parents=True, exist_ok=True)
    kept = args.out / "golden.json"
    golden = json.loads(kept.read_text())["files"] if kept.exists() else {}
    if args.checkpoint:
        eye = Eye().eval()
        eye.load_state_dict(torch.load(args.checkpoint, weights_only=True))
        # A picture of our own: three ramps and a bright square, so that the golden vectors hold nobody's photograph.
        ramp = np.arange(SIDE, dtype=np.uint8) * 4
        picture = np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], ramp[::-1][None]), 2)[None].copy()
        picture[0, 16:32, 24:48] = 250
        golden["encoder"] = export(eye, args.out / "encoder.onnx", ("frames", picture), "latent", 0.001)
    if args.drawing:
        drawing = Drawing().eval()
        drawing.load_state_dict(torch.load(args.drawing, weights_only=True)["average"])
        code = np.sin(np.arange(LATENT, dtype=np.float32) * 1.7)[None] * np.float32(1.4)
        # A colour on the edge between two bytes may fall on either side.
        golden["decoder"] = export(drawing, args.out / "decoder.onnx", ("latent", code), "frames", 1.0)
    kept.write_text(json.dumps({"files": golden}) + "\n")


if __name__ == "__main__":
    main()
