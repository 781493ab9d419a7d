"""Tiny models by construction: a bert_transformer of a converted BERT, and a recognizer."""

import json
from argparse import Namespace
from pathlib import Path

import torch
import transformers
from fairseq.data import Dictionary

from fairseq_asr_correct.models.bert_transformer import BertTransformerModel, bert_transformer

SYMBOLS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


def build(folder: Path, **flags: object) -> tuple[BertTransformerModel, Dictionary]:
    dictionary = Dictionary.load(str(folder / "dict.txt"))
    args = Namespace(bert_init=str(folder), **flags)
    bert_transformer(args)
    task = Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    return BertTransformerModel.build_model(args, task).eval(), dictionary


def make_ctc(folder: Path, norm: str = "layer", **config: object) -> Path:
    """A tiny random wav2vec 2.0 with a CTC head, large weights and lively dropout.

    Such weights make much of rounding: in float32 a batch and an utterance alone differ by up to 0.001, as much as the
    likeliest symbol of some frame is ahead of the next. In float64 it is a thousand million times less.
    """
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({symbol: i for i, symbol in enumerate(SYMBOLS)}))
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    features = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=norm == "layer")
    transformers.Wav2Vec2Processor(features, tokenizer).save_pretrained(folder)
    settings = dict(
        vocab_size=len(SYMBOLS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20,
        conv_dim=(8, 8), conv_stride=(20, 16), conv_kernel=(20, 16), num_feat_extract_layers=2, initializer_range=1.0,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, feat_extract_norm=norm, layerdrop=0.5,
        do_stable_layer_norm=norm == "layer",
        mask_time_prob=0.5, mask_time_length=2, hidden_dropout=0.3, attention_dropout=0.3, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(3)
    transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**(settings | config))).double().save_pretrained(folder)
    return folder
