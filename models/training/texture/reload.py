"""Makes a checkpoint of the exported graphs, so that training can go on, or their held-out cost be measured, where it is lost."""
import argparse
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from common.flow import LATENT
from common.from_onnx import state
from texture.network import STEPS, Texture
from texture.slots import PLAYED


def reload(folder: Path) -> Texture:
    """The network whose parts the graphs in `folder` are; what a flow that was never trained lacks is nought, as at first."""
    return Texture.of(Texture().state_dict() | state(folder, ("encoder", "start", "step")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    model, metre = reload(args.models), torch.arange(64) % 3
    pattern, latent = (torch.rand(64, STEPS, PLAYED) < 0.2).float(), torch.randn(64, LATENT)
    for name, fed, found in (("encoder", {"pattern": pattern, "metre": metre}, (model.flow.inverse(model.encoder(pattern, metre)[0])[0],)),
                             ("start", {"latent": latent}, model.decoder.start(model.flow(latent)))):
        session = onnxruntime.InferenceSession(str(args.models / f"{name}.onnx"))
        for wanted, own in zip(session.run(None, {n: v.numpy() for n, v in fed.items()}), found):
            assert np.abs(own.numpy() - wanted).max() < 1e-3, f"{name}: not the same network"
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
