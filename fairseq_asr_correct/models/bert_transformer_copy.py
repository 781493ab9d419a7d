"""``bert_transformer_copy``: the published model with a copy path, which can copy before any training.

It does not replace ``bert_transformer``: BERT and ``EncoderDecoderModel`` do not have its additional weights.
"""

from argparse import Namespace
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import register_model, register_model_architecture
from fairseq.models.transformer import TransformerConfig
from torch import Tensor

from fairseq_asr_correct.models.bert_transformer import BertDecoder, BertTransformerModel, bert_transformer
from fairseq_asr_correct.models.copying import CopyPath, mixed


class BertCopyDecoder(BertDecoder):
    """A decoder whose output is a mixture of generated and copied tokens."""

    def __init__(self, cfg: TransformerConfig, dictionary: Dictionary, embed_tokens: torch.nn.Embedding) -> None:
        super().__init__(cfg, dictionary, embed_tokens)
        self.copying = CopyPath(self.output_embed_dim, self.padding_idx, dictionary.symbols)

    def forward(
        self, prev_output_tokens: Tensor, *args: Any, features_only: bool = False, **kwargs: Any
    ) -> tuple[Tensor, dict]:
        """See fairseq; the output is log-probabilities, ``(batch, tgt_len, vocab)``."""
        features, extra = super().forward(prev_output_tokens, *args, features_only=True, **kwargs)
        if features_only:
            return features, extra
        logits = self.output_layer(features) + self.copying.resembling(extra["copy"]["spelling"])
        return mixed(logits, extra["copy"]), extra

    def extract_features(
        self, prev_output_tokens: Tensor, encoder_out: dict[str, list[Tensor]], *args: Any, **kwargs: Any
    ) -> tuple[Tensor, dict]:
        """See fairseq; the dictionary also has ``copy``, the output of :class:`CopyPath`."""
        features, extra = super().extract_features(prev_output_tokens, encoder_out, *args, **kwargs)
        written = self.with_cls(prev_output_tokens)
        states, source = encoder_out["encoder_out"][0], encoder_out["src_tokens"][0]
        extra["copy"] = self.copying(features, written, states, source)
        return features, extra


@register_model("bert_transformer_copy")
class BertTransformerCopyModel(BertTransformerModel):
    """``bert_transformer`` with a copy path."""

    @classmethod
    def build_decoder(cls, args: Namespace, tgt_dict: Dictionary, embed_tokens: torch.nn.Embedding) -> BertCopyDecoder:
        """A decoder that can copy."""
        return BertCopyDecoder(TransformerConfig.from_namespace(args), tgt_dict, embed_tokens)


@register_model_architecture("bert_transformer_copy", "bert_transformer_copy")
def bert_transformer_copy(args: Namespace) -> None:
    """The shape of ``bert_transformer``."""
    bert_transformer(args)
