"""Changes pictures at random in ways that leave what they show."""
import math
import torch
from torch import Tensor, nn
from network import SIDE


def cut(pictures: Tensor) -> Tensor:
    """A part of each picture [N, C, H, W] of 55 to 100 % of its area, sides up to 5:4 off, turned by up to 10°,
    mirrored half the time, at the eye's size."""
    count = len(pictures)
    size = torch.empty(count).uniform_(0.74, 1.0)
    shape = torch.empty(count).uniform_(-0.11, 0.11).exp()
    wide, high = (size * shape).clamp(max=1), (size / shape).clamp(max=1)
    angle = torch.empty(count).uniform_(-1, 1) * math.radians(10) * (torch.rand(count) < 0.5)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    left, top = (torch.rand(count) * 2 - 1) * (1 - wide), (torch.rand(count) * 2 - 1) * (1 - high)
    rows = torch.stack([wide * mirror * angle.cos(), -high * angle.sin(), left,
                        wide * mirror * angle.sin(), high * angle.cos(), top], 1).view(count, 2, 3)
    grid = nn.functional.affine_grid(rows, [count, 3, SIDE, SIDE], align_corners=False)
    return nn.functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def augmented(pictures: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] to float 0 to 255 [N, SIDE, SIDE, 3]: cut, brighter or darker, shifted in colour, now and then
    grey, and a rectangle of noise over a third of them."""
    count = len(pictures)
    x = cut(pictures.permute(0, 3, 1, 2).float()).permute(0, 2, 3, 1)
    grey = x.mean(3, keepdim=True)
    colour = torch.empty(count, 1, 1, 1).uniform_(0.5, 1.4) * (torch.rand(count, 1, 1, 1) > 0.05)
    x = grey + (x - grey) * colour
    x = (x - 128) * torch.empty(count, 1, 1, 1).uniform_(0.6, 1.4) + 128 + torch.empty(count, 1, 1, 1).uniform_(-25, 25)
    x = x + torch.empty(count, 1, 1, 3).uniform_(-12, 12)
    side = torch.empty(count, 2).uniform_(0.15, 0.5) * SIDE
    corner = torch.rand(count, 2) * (SIDE - side)
    along = torch.arange(SIDE)
    inside = [(along >= corner[:, i:i + 1]) & (along < corner[:, i:i + 1] + side[:, i:i + 1]) for i in (0, 1)]
    erased = inside[0][:, :, None, None] & inside[1][:, None, :, None] & (torch.rand(count, 1, 1, 1) < 0.33)
    return torch.where(erased, torch.rand(count, 1, 1, 3) * 255, x).clamp(0, 255)
