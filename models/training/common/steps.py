"""Sequences step by step."""
import torch
from torch import Tensor, nn


def gru_step(gru: nn.GRU, x: Tensor, state: Tensor) -> Tensor:
    """One step of a GRU of one layer, written out, for a graph that takes and gives its state."""
    given = nn.functional.linear(x, gru.weight_ih_l0, gru.bias_ih_l0).chunk(3, 1)
    held = nn.functional.linear(state, gru.weight_hh_l0, gru.bias_hh_l0).chunk(3, 1)
    reset, update = torch.sigmoid(given[0] + held[0]), torch.sigmoid(given[1] + held[1])
    return (1 - update) * torch.tanh(given[2] + reset * held[2]) + update * state


def previous_of(tokens: Tensor, start: int) -> Tensor:
    """The token before each step; `start` before the first."""
    return torch.cat([torch.full_like(tokens[:, :1], start), tokens[:, :-1]], 1)
