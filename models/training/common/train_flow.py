"""Trains a prior flow."""
import time
from collections.abc import Callable
from pathlib import Path
import torch
from torch import Tensor, nn
from common.train_vae import SAVE_EVERY, rate

Codes = tuple[Tensor, Tensor]


def drawn_codes(encoder: nn.Module, batch: Callable[[], Tensor], count: int) -> Codes:
    """Mean and deviation of the posteriors of `count` batches of windows."""
    with torch.no_grad():
        found = [encoder(batch()) for _ in range(count)]
    return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found]).div(2).exp()


def cost(flow: nn.Module, codes: Codes, picked: Tensor) -> Tensor:
    """Nats of codes drawn from the posteriors of the picked windows, but for a constant."""
    mean, deviation = codes[0][picked], codes[1][picked]
    u, change = flow.inverse(mean + torch.randn_like(mean) * deviation)
    return (0.5 * u.square().sum(1) - change).mean()


def train_flow(model: nn.Module, codes: Codes, unseen: Codes, seconds: float, anew: bool, out: Path) -> None:
    """Maximum likelihood on samples of the posterior, drawn anew each time; the weights' moving average is kept, as it was
    when it said most of unseen codes."""
    flow = model.flow
    if anew:
        flow.mean.copy_(codes[0].mean(0))
        flow.scale.copy_((codes[0].var(0) + codes[1].square().mean(0)).sqrt())
    average = torch.optim.swa_utils.AveragedModel(flow, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999))
    adam, begin, step, saved = torch.optim.Adam(flow.parameters(), 1e-3), time.process_time(), 0, time.process_time()
    least, best = float("inf"), flow.state_dict()
    while (done := (time.process_time() - begin) / seconds) < 1:
        adam.param_groups[0]["lr"] = rate(done, 2e-3 if anew else 7e-4)
        loss = cost(flow, codes, torch.randint(len(codes[0]), (512,)))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        adam.step()
        average.update_parameters(flow)
        step += 1
        if step % 200 == 0:
            with torch.no_grad():
                told = cost(average.module, unseen, torch.arange(len(unseen[0])))
            print(f"flow {step} {loss.item():.2f}, held out {told.item():.2f}", flush=True)
            if told < least:
                least, best = told, {n: w.clone() for n, w in average.module.state_dict().items()}
        if time.process_time() - saved > SAVE_EVERY:
            torch.save(model.state_dict() | {f"flow.{n}": w for n, w in best.items()}, out)
            saved = time.process_time()
    flow.load_state_dict(best)
