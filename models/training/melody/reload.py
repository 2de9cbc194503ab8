"""Makes a checkpoint of the exported graphs, so that training can go on where the checkpoint itself is lost."""
import argparse
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from common.from_onnx import state
from network import Melody


def reload(folder: Path) -> Melody:
    """The network whose parts the graphs in `folder` are."""
    return Melody.of(state(folder, ("encoder", "start", "step")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    model, tokens = reload(args.models), np.load(args.windows)["held"][:64]
    session = onnxruntime.InferenceSession(str(args.models / "encoder.onnx"))
    wanted = session.run(None, {"tokens": tokens})[0]
    found = model.flow.inverse(model.encoder(torch.from_numpy(tokens))[0])[0].numpy()
    assert np.abs(found - wanted).max() < 1e-3, "not the same network"
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
