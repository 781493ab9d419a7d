"""``--criterion chunked_label_smoothed_cross_entropy``: fairseq's loss without its copies of the logits.

With 30,528 outputs the logits of a batch of 4096 tokens take 500 MB, and fairseq's criterion holds four of that
size. Here the output layer and the loss are one step, some hundred tokens at a time, and only for tokens that are
not padding. The gradient of the logits is known as soon as they are (it is softmax minus target), so it is turned
into that of features and weights at once, and the logits are forgotten.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from torch import Tensor, nn

from fairseq_asr_correct.errors import UserError

HALF_SCALE = 1024.0  # float16 would lose gradients of softmax, which are scaled by the loss scale only later


class ChunkedCrossEntropy(torch.autograd.Function):
    """Label-smoothed cross-entropy of ``softmax(features @ weight.T)``, summed, by fairseq's definition.

    With V outputs and s = smoothing / (V - 1), a token's loss is
    ``(1 - smoothing - s) * nll + s * sum over all outputs of -log p``, whose gradient by the logits is
    ``p - s - (1 - smoothing - s) * onehot``.
    """

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, target: Tensor, smoothing: float, chunk: int, count_right: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, negative log-likelihood, and how many targets are likeliest; float32 scalars.

        Args:
            ctx: autograd's.
            features: ``(tokens, dim)``.
            weight: ``(outputs, dim)``.
            target: ``(tokens,)``.
            smoothing: from 0 up to 1.
            chunk: tokens at a time.
            count_right: else the last result is 0.
        """
        outputs = len(weight)
        each, rest = smoothing / (outputs - 1), 1 - smoothing - smoothing / (outputs - 1)
        scale = HALF_SCALE if features.dtype == torch.float16 else 1.0
        wanted = features.requires_grad or weight.requires_grad
        feature_grad = torch.empty_like(features) if wanted else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if wanted else None
        loss, nll_loss, correct = (torch.zeros((), dtype=torch.float64, device=features.device) for _ in range(3))
        for start in range(0, len(features), chunk):
            some, right = features[start : start + chunk], target[start : start + chunk, None]
            log_probs = (some @ weight.T).float().log_softmax(dim=1)
            nll = -log_probs.gather(1, right).sum()
            nll_loss += nll
            loss += rest * nll
            if smoothing:
                loss -= each * log_probs.sum()
            if count_right:
                correct += log_probs.argmax(1, keepdim=True).eq(right).sum()
            if wanted:
                grad = log_probs.exp_().sub_(each)
                grad.scatter_add_(1, right, grad.new_full(right.shape, -rest))
                grad = grad.mul_(scale).to(features.dtype) if scale != 1 else grad.to(features.dtype)
                feature_grad[start : start + chunk] = grad @ weight
                if weight.dtype == torch.float32:
                    weight_grad.addmm_(grad.T, some)
                else:
                    weight_grad += grad.T @ some
        ctx.scale = scale
        ctx.save_for_backward(feature_grad, weight_grad)
        ctx.weight_type = weight.dtype
        return loss.float(), nll_loss.float(), correct.float()

    @staticmethod
    def backward(ctx: Any, loss_grad: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:
        """Only the loss has a gradient."""
        feature_grad, weight_grad = ctx.saved_tensors
        factor = loss_grad / ctx.scale
        return (
            feature_grad * factor.to(feature_grad),
            (weight_grad * factor).to(ctx.weight_type),
            None,
            None,
            None,
            None,
        )


@dataclass
class ChunkedCrossEntropyConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """The flags of fairseq's criterion, and one more."""

    loss_chunk: int = field(
        default=512, metadata={"help": "tokens whose logits are held at a time; the loss is the same (default: 512)"}
    )


@register_criterion("chunked_label_smoothed_cross_entropy", dataclass=ChunkedCrossEntropyConfig)
class ChunkedLabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyCriterion):
    """fairseq's ``label_smoothed_cross_entropy``, faster and smaller."""

    def __init__(
        self,
        task: Any,
        sentence_avg: bool,
        label_smoothing: float,
        ignore_prefix_size: int = 0,
        report_accuracy: bool = False,
        loss_chunk: int = 512,
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing, ignore_prefix_size, report_accuracy)
        if not 0 <= label_smoothing < 1:
            raise UserError(f"--label-smoothing {label_smoothing:g}: give a number from 0 to below 1")
        if loss_chunk < 1:
            raise UserError(f"--loss-chunk {loss_chunk}: must be at least 1")
        self.chunk = loss_chunk

    def forward(self, model: nn.Module, sample: dict[str, Any], reduce: bool = True) -> tuple:
        """See fairseq; ``reduce=False``, a loss for each token, is computed in fairseq's way."""
        if not reduce:
            return super().forward(model, sample, reduce)
        features, _ = model(**sample["net_input"], features_only=True)
        weight = output_weight(model)
        target = sample["target"]
        counted = target.ne(self.padding_idx)
        counted[:, : self.ignore_prefix_size] = False
        loss, nll_loss, correct = ChunkedCrossEntropy.apply(
            features[counted], weight, target[counted], self.eps, self.chunk, self.report_accuracy
        )
        logging_output = {
            "loss": loss.data,
            "nll_loss": nll_loss.data,
            "ntokens": sample["ntokens"],
            "nsentences": len(target),
            "sample_size": len(target) if self.sentence_avg else sample["ntokens"],
        }
        if self.report_accuracy:
            logging_output |= {"n_correct": int(correct), "total": int(counted.sum())}
        return loss, logging_output["sample_size"], logging_output


def output_weight(model: nn.Module) -> Tensor:
    """The matrix that makes logits of features.

    Raises:
        UserError: logits are made in another way.
    """
    layer = getattr(model.decoder, "output_projection", None)
    if not isinstance(layer, nn.Linear) or layer.bias is not None or model.decoder.adaptive_softmax is not None:
        raise UserError(
            "chunked_label_smoothed_cross_entropy needs a decoder whose outputs are one matrix without a bias; "
            "use --criterion label_smoothed_cross_entropy"
        )
    return layer.weight
