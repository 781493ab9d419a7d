"""A bert_transformer made by arithmetic, so that what it writes is known beforehand and is the same on any processor.

At the place of a source's token x, after the token y, the logit of a token z is ``sure[x, z] + taste[y, z]``, tables of
which every number is chosen. All that comes before the output is made of zeros and of two numbers that differ in their
signs: float16 and int8 hold it exactly.
"""

import random
from argparse import Namespace
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import Tensor

from fairseq_asr_correct.formats.pretrained import make_task
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel, bert_transformer
from fairseq_asr_correct.stored.config import ARGUMENTS

MARGIN = 8  # of keep-or-correct, in tests of it
CODE = 64  # numbers that tell tokens apart, and places
WIDTH = 4 * CODE
# Which of the numbers between two layers say what. Of two neighbours one has no weight in any matrix with more than one
# weight a row: processors without VNNI add the products of two neighbours in 16 bits, which hold one product of int8.
SOURCE, PLACE, WRITTEN, REST = (torch.arange(part, WIDTH, 4) for part in range(4))
POSITIONS = 40


def codes() -> Tensor:
    """``(126, 64)`` ones and minus ones, as many of both in a row; orthogonal, but for pairs that are opposites."""
    rows = torch.ones(1, 1)
    while len(rows) < CODE:
        rows = torch.cat([torch.cat([rows, rows], 1), torch.cat([rows, -rows], 1)])
    return torch.cat([rows[1:], -rows[1:]])


@dataclass
class Rules:
    """Two tables of ``(token, token written)``."""

    dictionary: Dictionary
    sure: Tensor  #: of the source's token
    taste: Tensor  #: of the token written before; of the first one it is [CLS]

    @cached_property
    def logits(self) -> Tensor:
        """``(source's token, token before, token)`` in float64: a token with an opposite has its share taken away."""
        said = codes()[: len(self.dictionary)].double()
        alike = said @ said.T / CODE
        found = (alike @ self.sure.double())[:, None] + (alike @ self.taste.double())[None]
        return found.index_fill(2, self._never(), -1000.0)

    def greedily(self, source: list[int], longest: int) -> list[int]:
        """What is written of a source without its end, with an end after ``longest`` tokens."""
        best, end = self.logits.argmax(-1), self.dictionary.eos()
        written = [self.dictionary.bos()]
        while written[-1] != end and len(written) <= longest:
            place = len(written) - 1
            written.append(int(best[source[place] if place < len(source) else end, written[-1]]))
        return [*written[1:], *([end] if written[-1] != end else [])]

    def _never(self) -> Tensor:
        """What is never written."""
        return torch.tensor([self.dictionary.pad(), self.dictionary.bos(), self.dictionary.unk()])

    def model(self) -> BertTransformerModel:
        """What follows them."""
        args = Namespace(arch="bert_transformer", max_source_positions=POSITIONS, max_target_positions=POSITIONS)
        for side in ("encoder", "decoder"):
            for name, size in {"layers": 1, "embed_dim": WIDTH, "ffn_embed_dim": 8, "attention_heads": 2}.items():
                setattr(args, f"{side}_{name}", size)
        args.share_all_embeddings = args.share_decoder_input_output_embed = False
        bert_transformer(args)
        model = BertTransformerModel.build_model(args, make_task(self.dictionary)).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.fill_(name.endswith("norm.weight") or name.endswith("norm_embedding.weight"))  # LayerNorm's
        self._fill(model)
        return model

    def save(self, checkpoint: Path, path: Path) -> None:
        """Writes the model as fairseq-train would; all else is as in another's checkpoint."""
        model, state = self.model(), torch.load(checkpoint)
        shape = {name: getattr(model.args, name) for name in ARGUMENTS}
        vars(state["cfg"]["model"]).update(shape, decoder_input_dim=WIDTH, decoder_output_dim=WIDTH)
        with open(path, "wb") as file:  # named so, the archive in it would be called after the file
            torch.save(state | {"model": model.state_dict()}, file)

    @torch.no_grad()
    def _fill(self, model: BertTransformerModel) -> None:
        encoder, decoder = model.encoder, model.decoder
        said, end = codes()[: len(self.dictionary)], self.dictionary.eos()
        encoder.embed_tokens.weight[:, SOURCE] = decoder.embed_tokens.weight[:, WRITTEN] = said
        for positions, places in ((encoder.embed_positions, codes()), (decoder.embed_positions, codes()[1:])):
            positions.weight[positions.padding_idx + 1 :, PLACE] = places[:POSITIONS]
        # The first layer attends to the token of its own place, which is behind [CLS], or else to the end.
        attention, half = decoder.layers[0].encoder_attn, WIDTH // 2
        for number, place in enumerate(PLACE):
            attention.q_proj.weight[number, place], attention.k_proj.weight[number, place] = 8, 1
        attention.q_proj.bias[CODE], attention.k_proj.weight[CODE, SOURCE] = 256, said[end] / CODE
        for number, place in enumerate(SOURCE):
            attention.v_proj.weight[number, place] = attention.out_proj.weight[place, number] = 1
        assert number < half, "the first head does it all"
        # Every number that is not 0 is then the square root of 4 / 3, and the rest is made 1.
        decoder.layers[-1].final_layer_norm.bias[REST] = 1
        output, size = decoder.output_projection.weight, CODE * (4 / 3) ** 0.5
        output[:, SOURCE], output[:, WRITTEN] = self.sure.T @ said / size, self.taste.T @ said / size
        output[self._never()] = 0
        output[self._never()[:, None], REST] = -1000 / CODE


def drawn(dictionary: Dictionary, seed: int = 3, sure: float = 8.0, varied: float = 0.7, changed: float = 0.3) -> Rules:
    """Most tokens become themselves and the others anything; after one nothing else is written any more, one ends all.

    Args:
        dictionary: of the tiny BERT.
        seed: of the draws.
        sure: the least that is in ``sure``, where something is; the most is twice that.
        varied: of the numbers in ``taste``, their standard deviation.
        changed: the share of tokens that become others.
    """
    draw, size, end = random.Random(seed), len(dictionary), dictionary.eos()
    rules = Rules(dictionary, torch.zeros(size, size), torch.zeros(size, size))
    for token in range(dictionary.nspecial, size):
        written = token if draw.random() > changed else draw.randrange(dictionary.nspecial, size)
        rules.sure[token, written] = draw.uniform(sure, 2 * sure)
    rules.taste[:] = torch.tensor([[draw.gauss(0, varied) for _ in range(size)] for _ in range(size)])
    rules.sure[end, end] = 2 * sure
    last, endless = draw.sample(range(dictionary.nspecial, size), 2)
    rules.sure[last] = 0
    rules.sure[last, end] = 2 * sure
    rules.taste[endless, endless] = 4 * sure
    return rules


def unsure(dictionary: Dictionary) -> Rules:
    """Rules by which the likeliest token is often not on the likeliest way, and many end early or late."""
    return drawn(dictionary, seed=4, sure=4, varied=2)
