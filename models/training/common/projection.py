"""A code of few numbers inside one of 64: N(0, I) stays N(0, I)."""
import torch
from torch import Tensor


def projection(few: int, many: int) -> Tensor:
    """[few, many], its rows orthonormal, always the same."""
    drawn = torch.randn(many, few, generator=torch.Generator().manual_seed(few * 1000 + many))
    return torch.linalg.qr(drawn)[0].T.contiguous()
