"""NovoGrad: one second moment for each parameter tensor, normalized gradients, half of Adam's state.

Ginsburg et al. 2019, "Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training of
Deep Networks" (arXiv 1905.11286), Algorithm 1. The published corrector used betas (0.95, 0.25).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer, register_optimizer
from omegaconf import II
from torch import Tensor

from fairseq_asr_correct.errors import UserError


class NovoGrad(torch.optim.Optimizer):
    r"""NovoGrad over lists of tensors (``torch._foreach_*``); ``p.grad`` is left as it is.

    For each tensor with gradient :math:`g`:

    .. math::
        v &= \|g\|^2 \text{ at the first step, then } \beta_2 v + (1 - \beta_2) \|g\|^2 \\
        m &= \beta_1 m + (g / (\sqrt{v} + \epsilon) + \lambda w) \\
        w &= w - \eta m

    State is kept in float32 for half-precision parameters, as fairseq's memory-efficient modes need.

    Args:
        params: parameters or parameter groups.
        lr: learning rate, :math:`\eta`.
        betas: decay of the first moment and of the squared norm.
        eps: added to the norm, :math:`\epsilon`.
        weight_decay: :math:`\lambda`.
        grad_averaging: multiply what enters ``m`` by :math:`1 - \beta_1`.
        amsgrad: divide by the largest ``v`` so far.

    Raises:
        ValueError: a value is out of range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.95, 0.25),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        grad_averaging: bool = False,
        amsgrad: bool = False,
    ) -> None:
        for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
            if value < 0:
                raise ValueError(f"{name} must not be negative, but is {value}")
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be two numbers in [0, 1), but are {betas}")
        defaults = dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, grad_averaging=grad_averaging, amsgrad=amsgrad
        )
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Makes one update; parameters without a gradient do not change."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if any(p.grad.is_sparse for p in params):
                raise RuntimeError("NovoGrad does not take sparse gradients")
            for device in {p.device for p in params}:
                self._update(group, [p for p in params if p.device == device])
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loads a state in its own type: torch would cast it to the parameters' type, which may be half precision."""
        super().load_state_dict(state_dict)
        ids = [i for group in state_dict["param_groups"] for i in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        for i, p in zip(ids, params, strict=True):
            if i in state_dict["state"]:
                self.state[p] = {name: v.to(p.device, copy=True) for name, v in state_dict["state"][i].items()}

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        grads = [_widened(p.grad) for p in params]
        denominators = self._denominators(params, grads, beta2, group["eps"], group["amsgrad"])
        moments = [self.state[p]["exp_avg"] for p in params]
        widened = [_widened(p) for p in params]

        updates = torch._foreach_div(grads, denominators)
        if group["weight_decay"]:
            torch._foreach_add_(updates, widened, alpha=group["weight_decay"])
        torch._foreach_mul_(moments, beta1)
        torch._foreach_add_(moments, updates, alpha=1 - beta1 if group["grad_averaging"] else 1)
        torch._foreach_add_(widened, moments, alpha=-group["lr"])
        if any(p is not wide for p, wide in zip(params, widened, strict=True)):
            torch._foreach_copy_(params, widened)

    def _denominators(
        self, params: list[Tensor], grads: list[Tensor], beta2: float, eps: float, amsgrad: bool
    ) -> list[float]:
        """Updates ``v``, and returns ``sqrt(v) + eps`` for each tensor.

        All of them come from the device in one transfer; as scalars, they let the division run as one kernel.
        """
        norms = torch.stack(torch._foreach_norm(grads))
        squares = norms.square()
        for p, square in zip(params, squares.unbind(), strict=True):
            state = self.state[p]
            if not state:
                # b2 * v + (1 - b2) * v == v makes the first step no special case below.
                state.update(exp_avg=torch.zeros_like(_widened(p)), exp_avg_sq=square.clone())
            elif state["exp_avg"].device != p.device:  # fairseq's memory-efficient modes load it so
                state.update({name: value.to(p.device) for name, value in state.items()})
        seconds = [self.state[p]["exp_avg_sq"] for p in params]
        averaged = torch.stack(seconds).mul_(beta2).add_(squares, alpha=1 - beta2)
        torch._foreach_copy_(seconds, averaged.unbind())
        if amsgrad:
            largest = [self.state[p].setdefault("max_exp_avg_sq", torch.zeros_like(norms[0])) for p in params]
            torch._foreach_maximum_(largest, seconds)
            averaged = torch.stack(largest)
        return averaged.sqrt_().add_(eps).tolist()


def _widened(tensor: Tensor) -> Tensor:
    """Half precision as float32; any other tensor itself, not a copy."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


@dataclass
class FairseqNovoGradConfig(FairseqDataclass):
    """The flags of ``--optimizer novograd``."""

    novograd_betas: str = field(
        default="(0.95, 0.25)", metadata={"help": "decay of the first moment and of the squared gradient norm"}
    )
    novograd_eps: float = field(default=1e-8, metadata={"help": "added to each gradient norm"})
    novograd_grad_averaging: bool = field(
        default=False, metadata={"help": "multiply the normalized gradient by 1 - beta1"}
    )
    novograd_amsgrad: bool = field(default=False, metadata={"help": "divide by the largest norm average so far"})
    weight_decay: float = field(default=0.0, metadata={"help": "weight decay"})
    lr: list[float] = II("optimization.lr")


@register_optimizer("novograd", dataclass=FairseqNovoGradConfig)
class FairseqNovoGrad(FairseqOptimizer):
    """:class:`NovoGrad` for fairseq-train."""

    cfg: FairseqNovoGradConfig

    def __init__(self, cfg: FairseqNovoGradConfig, params: Iterable[Tensor]) -> None:
        super().__init__(cfg)
        self._optimizer = NovoGrad(params, **self.optimizer_config)

    @property
    def optimizer_config(self) -> dict[str, Any]:
        """The settings, which override those in a checkpoint when training resumes."""
        return {
            "lr": self.cfg.lr[0] if not isinstance(self.cfg.lr, float) else self.cfg.lr,
            "betas": parse_betas(self.cfg.novograd_betas),
            "eps": self.cfg.novograd_eps,
            "weight_decay": self.cfg.weight_decay,
            "grad_averaging": self.cfg.novograd_grad_averaging,
            "amsgrad": self.cfg.novograd_amsgrad,
        }

    @property
    def supports_flat_params(self) -> bool:
        """No: NovoGrad needs the norm of each tensor, and a flat parameter would have only one."""
        return False

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        """Yes: state is float32, and parameters are updated in float32."""
        return True


def parse_betas(text: str) -> tuple[float, float]:
    """``"(0.95, 0.25)"``, ``"0.95,0.25"`` or ``"0.95 0.25"`` as two numbers."""
    try:
        first, second = (float(part) for part in text.strip("()[] ").replace(",", " ").split())
    except ValueError:
        raise UserError(f"--novograd-betas {text!r}: give two numbers, such as '(0.95, 0.25)'") from None
    if not (0 <= first < 1 and 0 <= second < 1):
        raise UserError(f"--novograd-betas {text!r}: each must be at least 0 and below 1")
    return first, second
