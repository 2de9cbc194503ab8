"""Writes the names of a model's directions as RON that people can read."""
from dataclasses import dataclass
from pathlib import Path
import numpy as np

PARTS = 20
"""A name's scores are kept at 0/20, 1/20 … of those of the codes that it was found in."""


@dataclass
class Name:
    """A name, what it says, `measure` or `word`, the Spearman correlation that it reaches on what was held out, the
    direction and offset of its score, the direction in which codes lie where there is more of it, and scores of many codes."""
    name: str
    summary: str
    kind: str
    reaches: float
    direction: np.ndarray
    offset: float
    pattern: np.ndarray
    scores: np.ndarray


def numbers(values: np.ndarray) -> str:
    """A list of numbers, five digits each."""
    return "[" + ", ".join(f"{v:.5g}" for v in values) + "]"


def write(path: Path, mean: np.ndarray, names: list[Name]) -> None:
    """Writes the names; the score of a code is its product with `direction`, plus `offset`."""
    text = f"Names(\n    format: 1,\n    mean: {numbers(mean)},\n    names: {{\n"
    for n in names:
        scores = n.scores + n.offset
        text += (f'        "{n.name.replace(" ", "_")}": Name(\n            summary: "{n.summary}",\n            kind: {n.kind},\n'
                 f"            reaches: Some({n.reaches:.2f}),\n            offset: {n.offset:.5g},\n            direction: {numbers(n.direction)},\n"
                 f"            pattern: {numbers(n.pattern)},\n"
                 f"            quantiles: {numbers(np.quantile(scores, np.linspace(0, 1, PARTS + 1)))},\n        ),\n")
    path.write_text(text + "    },\n)\n")
