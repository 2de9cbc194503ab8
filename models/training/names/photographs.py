"""Caltech-101's photographs as the eye sees them: split as the eye's own training was, their codes, and what pixels tell."""
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import onnxruntime
from PIL import Image

SIDE, VIEWS, SEED = 64, 5, 7
"""As in `eye/prepare.py`: the eye's pictures, the views of each photograph that it learnt from, and the split's seed."""
UNLABELLED = ("BACKGROUND_Google", "Faces_easy")


@dataclass
class Photographs:
    """Whole photographs: their pixels, the folder of each, and whether the eye was not trained on it."""
    pictures: np.ndarray
    folders: np.ndarray
    held: np.ndarray
    paths: list[Path]


def small(picture: Image.Image) -> np.ndarray:
    """A picture averaged down to the eye's square, as `frame_encoder` does it."""
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def photographs(data: Path) -> Photographs:
    """All photographs but those that are there twice. The draws are those of `eye/prepare.py`, one after another, so that
    the same fifth is held out."""
    rng = np.random.default_rng(SEED)
    folders = sorted(p for p in (data / "images" / "caltech101").iterdir() if p.is_dir())
    pictures, names, held, paths = [], [], [], []
    for folder in folders:
        if folder.name == UNLABELLED[1]:
            continue
        for path in sorted(folder.glob("*.jpg")):
            test = folder.name not in UNLABELLED and rng.random() < 0.2
            if not test:
                rng.random(4 * (VIEWS - 1))  # area, shape, left and top of each view but the whole
            pictures.append(small(Image.open(path).convert("RGB")))
            names.append(folder.name)
            held.append(test)
            paths.append(path)
    return Photographs(np.stack(pictures), np.array(names), np.array(held), paths)


def encode(models: Path, pictures: np.ndarray) -> np.ndarray:
    """The eye's code of each picture."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(str(models / "encoder.onnx"), options).run
    return np.concatenate([run(None, {"frames": pictures[i:i + 32]})[0] for i in range(0, len(pictures), 32)])


def measured(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """What the pixels tell of each picture."""
    rgb = pictures.astype(np.float64) / 255
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = rgb @ np.array([0.2126, 0.7152, 0.0722])
    across, down = np.abs(np.diff(luma, axis=2))[:, :-1], np.abs(np.diff(luma, axis=1))[:, :, :-1]
    edges = np.hypot(across, down)
    yellow = (red + green) / 2 - blue
    spread = np.sqrt((red - green).var((1, 2)) + yellow.var((1, 2)))
    away = np.sqrt((red - green).mean((1, 2)) ** 2 + yellow.mean((1, 2)) ** 2)
    half = SIDE // 2
    return {"bright": luma.mean((1, 2)), "warm": (red - blue).mean((1, 2)), "busy": (edges > 0.1).mean((1, 2)),
            "contrast": luma.std((1, 2)), "colourful": spread + 0.3 * away,
            "green": (green - (red + blue) / 2).mean((1, 2)), "light above": luma[:, :half].mean((1, 2)) - luma[:, half:].mean((1, 2))}
