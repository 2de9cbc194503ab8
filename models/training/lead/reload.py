"""Makes a checkpoint of the exported graphs, so that training can go on, or a decoder learn the same codes, where it is lost."""
import argparse
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from common.from_onnx import state
from lead.network import Lead


def reload(folder: Path) -> Lead:
    """The network whose parts the graphs in `folder` are."""
    return Lead.of(state(folder, ("encoder", "step")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    model = reload(args.models)
    tokens, metre = torch.randint(0, 90, (64, 16)), torch.arange(64) % 3
    wanted = onnxruntime.InferenceSession(str(args.models / "encoder.onnx")).run(None, {"tokens": tokens.numpy(), "metre": metre.numpy()})[0]
    found = model.outer(torch.cat(model.encoder(tokens, metre)[:2], 1)).numpy()
    assert np.abs(found - wanted).max() < 1e-3, "not the same network"
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
