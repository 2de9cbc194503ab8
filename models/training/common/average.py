"""The moving average of a network's weights: what a training that can be broken off at any time saves."""
import torch
from torch import Tensor, nn

LONGEST = 0.99


class Average:
    """Short at first, then over about a hundred steps."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.steps = model, 0
        self.weights = {n: w.detach().clone() for n, w in model.state_dict().items()}

    def add(self) -> None:
        """Takes in the weights as they are now."""
        self.steps += 1
        keep = min(LONGEST, self.steps / (self.steps + 9))
        for name, now in self.model.state_dict().items():
            if now.is_floating_point():
                self.weights[name].lerp_(now, 1 - keep)
            else:
                self.weights[name].copy_(now)

    def state(self) -> dict[str, Tensor]:
        """The average, as a checkpoint."""
        return self.weights

    def exchanged(self) -> None:
        """Gives the model the average and keeps its own weights until the next call, which gives them back."""
        own = {n: w.detach().clone() for n, w in self.model.state_dict().items()}
        self.model.load_state_dict(self.weights)
        self.weights = own
