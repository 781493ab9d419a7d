"""``--criterion chunked_label_smoothed_cross_entropy``: fairseq's loss without its copies of the logits.

With 30,528 outputs the logits of a batch of 4096 tokens take 500 MB, and fairseq's criterion holds four tensors of that
size. This criterion computes the output layer and the loss together, for some hundred tokens at a time, without
padding. It computes the gradients of features and weights at once (the logits' gradient is softmax minus target), and
then frees the logits.
"""

import math
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
from fairseq_asr_correct.models.copying import copied_targets

HALF_SCALE = 1024.0  # otherwise float16 loses small gradients, because the loss scale comes only later


class ChunkedCrossEntropy(torch.autograd.Function):
    """Label-smoothed cross-entropy of ``softmax(features @ weight.T)``, summed, by fairseq's definition.

    With V outputs and s = smoothing / (V - 1), a token's loss is
    ``(1 - smoothing - s) * nll + s * sum over all outputs of -log p``, whose gradient by the logits is
    ``p - s - (1 - smoothing - s) * onehot``.

    If a target may also be copied (``models/copying.py``), its likelihood is ``copied + generated * p``. With r the
    share of the likelihood that is not copied, the gradient by the logits is ``(r (1 - smoothing - s) + V s) p - s - r
    (1 - smoothing - s) onehot``.
    """

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        target: Tensor,
        smoothing: float,
        chunk: int,
        count_right: bool,
        copied: Tensor | None = None,
        generated: Tensor | None = None,
        spelling: Tensor | None = None,
        outputs: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, negative log-likelihood, and how many targets are likeliest; float32 scalars.

        Args:
            ctx: autograd's.
            features: ``(tokens, dim)``.
            weight: ``(outputs, dim)``.
            target: ``(tokens,)``.
            smoothing: from 0 up to 1.
            chunk: tokens at a time.
            count_right: whether to count targets that are the likeliest to be generated; otherwise that result is 0.
            copied: ``(tokens,)``, float32, log-probability that the target is copied; default: nothing is copied.
            generated: ``(tokens,)``, float32, log-probability that any token is generated.
            spelling: ``(tokens, dim of spelling)``, whose products with ``outputs`` are added to the logits.
            outputs: ``(outputs, dim of spelling)``, which has no gradient.
        """
        each = smoothing / (len(weight) - 1)
        rest = 1 - smoothing - each
        scale = HALF_SCALE if features.dtype == torch.float16 else 1.0
        wanted = features.requires_grad or weight.requires_grad
        feature_grad = torch.empty_like(features) if wanted else None
        spelling_grad = None if spelling is None else torch.empty_like(spelling)
        weight_grad = None
        loss, nll_loss, correct = (torch.zeros((), dtype=torch.float64, device=features.device) for _ in range(3))
        not_copied = torch.ones_like(target, dtype=torch.float32)
        for start in range(0, len(features), chunk):
            some, right = features[start : start + chunk], target[start : start + chunk, None]
            logits = some @ weight.T
            if spelling is not None:
                logits = logits.addmm_(spelling[start : start + chunk], outputs.T)
            log_probs = logits.float().log_softmax(dim=1)
            log_likelihood = log_probs.gather(1, right)[:, 0]
            if copied is not None:
                made = generated[start : start + chunk] + log_likelihood
                log_likelihood = torch.logaddexp(copied[start : start + chunk], made)
                not_copied[start : start + chunk] = (made - log_likelihood).exp()
            nll = -log_likelihood.sum()
            nll_loss += nll
            loss += rest * nll
            if smoothing:
                loss -= each * log_probs.sum()
            if count_right:
                correct += log_probs.argmax(1, keepdim=True).eq(right).sum()
            if wanted:
                made_share = rest * not_copied[start : start + chunk, None]
                grad = log_probs.exp_().mul_(made_share + len(weight) * each).sub_(each)
                grad.scatter_add_(1, right, -made_share.to(grad))
                grad = grad.mul_(scale).to(features.dtype) if scale != 1 else grad.to(features.dtype)
                feature_grad[start : start + chunk] = grad @ weight
                if spelling is not None:
                    spelling_grad[start : start + chunk] = grad @ outputs
                weight_grad = _added(weight_grad, grad.T, some)
        ctx.scale = scale
        if wanted and weight_grad is None:  # no token at all
            weight_grad = torch.zeros_like(weight)
        share = None if copied is None else rest * not_copied
        ctx.save_for_backward(feature_grad, weight_grad, spelling_grad, share)
        ctx.rest = rest
        ctx.weight_type = weight.dtype
        return loss.float(), nll_loss.float(), correct.float()

    @staticmethod
    def backward(ctx: Any, loss_grad: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:
        """Only the loss has a gradient."""
        feature_grad, weight_grad, spelling_grad, share = ctx.saved_tensors
        factor = loss_grad / ctx.scale
        of_copying = (None, None) if share is None else ((share - ctx.rest) * loss_grad, -share * loss_grad)
        of_layer = feature_grad * factor.to(feature_grad), weight_grad.mul_(factor).to(ctx.weight_type)
        of_spelling = None if spelling_grad is None else spelling_grad * factor.to(spelling_grad)
        return *of_layer, None, None, None, None, *of_copying, of_spelling, None


def _added(total: Tensor | None, left: Tensor, right: Tensor) -> Tensor:
    """``total + left @ right``; a sum of several is kept in float32."""
    if total is None:
        return left @ right
    if right.dtype == torch.float32:
        return total.addmm_(left, right)
    return total.float().add_(left @ right)


@dataclass
class ChunkedCrossEntropyConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """The flags of fairseq's criterion, and one more."""

    loss_chunk: int = field(
        default=512, metadata={"help": "tokens whose logits are held at a time; the loss is the same (default: 512)"}
    )
    loss_skip_copied: float = field(
        default=1.0,
        metadata={
            "help": "with bert_transformer_copy: skip the output layer in training for targets that are copied with a "
            "higher probability than this; their loss is a little too high (default: 1, skip none)"
        },
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
        loss_skip_copied: float = 1.0,
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing, ignore_prefix_size, report_accuracy)
        if not 0 <= label_smoothing < 1:
            raise UserError(f"--label-smoothing {label_smoothing:g}: give a number from 0 to below 1")
        if loss_chunk < 1:
            raise UserError(f"--loss-chunk {loss_chunk}: must be at least 1")
        if not 0 < loss_skip_copied <= 1:
            raise UserError(f"--loss-skip-copied {loss_skip_copied:g}: give a probability above 0")
        self.chunk, self.skip_copied = loss_chunk, math.log(loss_skip_copied)

    def forward(self, model: nn.Module, sample: dict[str, Any], reduce: bool = True) -> tuple:
        """See fairseq; with ``reduce=False``, a loss for each token, fairseq's own code runs."""
        if not reduce:
            return super().forward(model, sample, reduce)
        features, extra = model(**sample["net_input"], features_only=True)
        weight = output_weight(model)
        target = sample["target"]
        counted = target.ne(self.padding_idx)
        counted[:, : self.ignore_prefix_size] = False
        copy, easy = (), 0.0
        if "copy" in extra:
            copied = copied_targets(extra["copy"], target)
            skipped = counted & (copied > self.skip_copied) & model.training
            easy, counted = -copied[skipped].sum(), counted & ~skipped
            copy = copied[counted], extra["copy"]["generated"][counted]
            spelling = extra["copy"]["spelling"][counted]
            copy = *copy, spelling, model.decoder.copying.outputs.to(spelling)
        loss, nll_loss, correct = ChunkedCrossEntropy.apply(
            features[counted], weight, target[counted], self.eps, self.chunk, self.report_accuracy, *copy
        )
        loss, nll_loss = loss + (1 - self.eps) * easy, nll_loss + easy
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
    """The output matrix, which turns features into logits.

    Raises:
        UserError: the decoder computes logits in another way.
    """
    layer = getattr(model.decoder, "output_projection", None)
    if not isinstance(layer, nn.Linear) or layer.bias is not None or model.decoder.adaptive_softmax is not None:
        raise UserError(
            "chunked_label_smoothed_cross_entropy needs a decoder whose outputs are one matrix without a bias; "
            "use --criterion label_smoothed_cross_entropy"
        )
    return layer.weight
