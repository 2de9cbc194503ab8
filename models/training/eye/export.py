"""Exports a checkpoint as one graph, checks it against torch, writes the golden vectors."""
import argparse
import json
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from network import SIDE, Eye


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    eye = Eye().eval()
    eye.load_state_dict(torch.load(args.checkpoint, weights_only=True))
    args.out.mkdir(parents=True, exist_ok=True)
    # A picture of our own: three ramps and a bright square, so that the golden vectors hold nobody's photograph.
    ramp = np.arange(SIDE, dtype=np.uint8) * 4
    picture = np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], ramp[::-1][None]), 2)[None].copy()
    picture[0, 16:32, 24:48] = 250
    path = args.out / "encoder.onnx"
    frames = torch.from_numpy(np.repeat(picture, 3, 0))
    torch.onnx.export(eye, (frames,), str(path), input_names=["frames"], output_names=["latent"], opset_version=17,
                      dynamo=False, dynamic_axes={"frames": {0: "N"}, "latent": {0: "N"}})
    found = onnxruntime.InferenceSession(str(path)).run(None, {"frames": picture})[0]
    assert np.abs(found - eye(frames[:1]).numpy()).max() < 1e-3
    golden = {"encoder": {
        "inputs": {"frames": {"shape": list(picture.shape), "uint8": picture.ravel().tolist()}},
        "outputs": {"latent": {"shape": list(found.shape), "float32": [float(v) for v in found.ravel()]}},
        "tolerance": 0.001}}
    (args.out / "golden.json").write_text(json.dumps({"files": golden}) + "\n")


if __name__ == "__main__":
    main()
