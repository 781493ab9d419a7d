"""The ways to decode that ``benchmark_decoding.py`` compares: functions from a batch of sources to what is written."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import torch
import transformers
from fairseq.data import Dictionary, data_utils
from fairseq.sequence_generator import SequenceGenerator
from torch import nn

from fairseq_asr_correct.decoding.input_guided import InputGuidedGenerator
from fairseq_asr_correct.formats.pretrained import Pretrained
from fairseq_asr_correct.runtime.graphs import open_graphs
from fairseq_asr_correct.runtime.guided import GuidedDecoder
from fairseq_asr_correct.stored.config import ARGUMENTS, build
from fairseq_asr_correct.tokens.search import FLAGS

GREEDY, BEAM, GUIDED = "fairseq greedy", "fairseq beam 4", "input-guided, torch"
Sources = list[list[int]]  # without their ends
Way = Callable[[Sources, int], Sources]  # a batch, and how many tokens to write if the model is only of the same shape

MEASURE = """
import re, sys, time
begin = time.perf_counter()
def memory():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
one = ["he wated for along time"]
many = one * 16 + ["so he wated and wated for a very long time to here what she had too say about the hole matter"] * 16
%s
correct(one)
first = time.process_time(), time.perf_counter() - begin, memory()
correct(many)
print(*first, memory())
"""
CORRECTOR = """
from fairseq_asr_correct import Corrector
corrector = Corrector.from_pretrained(sys.argv[1], threads=1%s)
correct = lambda texts: corrector.correct(texts%s)
"""
HUGGING_FACE = """
sys.modules["torchaudio"] = None  # one that does not load beside this torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
tokenizer, model = (kind.from_pretrained(sys.argv[1]) for kind in (AutoTokenizer, AutoModelForSeq2SeqLM))
def correct(texts):
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    length = batch.input_ids.shape[1]
    return tokenizer.batch_decode(model.generate(**batch, num_beams=1, min_new_tokens=length, max_new_tokens=length))
"""
ITSELF = """
import ctranslate2
translator = ctranslate2.Translator(sys.argv[1], intra_threads=1, inter_threads=1)
how = {"beam_size": 1, "min_decoding_length": 20, "max_decoding_length": 20}
correct = lambda texts: translator.translate_batch([text.split() for text in texts], **how)
"""
STARTS = {  # what a process runs, by the beginning of a folder's name
    "ONNX": MEASURE % CORRECTOR % ("", ""),
    "torch": MEASURE % CORRECTOR % (', dtype="float32"', ', decoding="input-guided"'),
    "CTranslate2": MEASURE % ITSELF,
    "Hugging Face": MEASURE % HUGGING_FACE,
}


def searches(corrector: Pretrained) -> dict[str, Way]:
    """Fairseq's searches, and input-guided search in torch."""
    dictionary, model = corrector.dictionary, corrector.model

    def by_torch(kind: type[SequenceGenerator], beam: int) -> Way:
        generator = kind(
            [model],
            dictionary,
            beam_size=beam,
            len_penalty=FLAGS["lenpen"],
            min_len=0,
            max_len_a=FLAGS["max_len_a"],
            max_len_b=FLAGS["max_len_b"],
        )

        @torch.inference_mode()
        def decode(batch: Sources, length: int) -> Sources:
            rows = [torch.tensor([*tokens, dictionary.eos()]) for tokens in batch]
            source = data_utils.collate_tokens(rows, dictionary.pad(), left_pad=True)
            sample = {"net_input": {"src_tokens": source, "src_lengths": source.ne(dictionary.pad()).sum(1)}}
            return [beams[0]["tokens"].tolist()[:-1] for beams in generator.generate([model], sample)]

        return decode

    kinds = {GREEDY: (SequenceGenerator, 1), BEAM: (SequenceGenerator, 4), GUIDED: (InputGuidedGenerator, 1)}
    return {name: by_torch(*how) for name, how in kinds.items()}


def onnx(folder: Path, threads: int) -> Way:
    """Input-guided search on ONNX Runtime."""
    decoder = GuidedDecoder(open_graphs(folder, threads))
    return lambda batch, length: [one.tokens for one in decoder.decode(batch, scored=False)]


def plain_model(corrector: Pretrained) -> nn.Module:
    """The corrector without its copy path."""
    ours = corrector.model
    arguments = {name: getattr(ours.args, name) for name in ARGUMENTS}
    weights = ours.state_dict()
    args = Namespace(**arguments, arch="bert_transformer")
    plain = build(args, corrector.task, sum(one.numel() for one in weights.values()), len(weights))
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    return plain.eval()


def with_ctranslate2(folder: Path, threads: int) -> Way:
    """CTranslate2's greedy search, which must write a given number of tokens."""
    translator = ctranslate2.Translator(str(folder), device="cpu", intra_threads=threads, inter_threads=1)
    symbols = (folder / "dict.txt").read_text().splitlines()
    words = ["<s>", "<pad>", "</s>", "<unk>", *(line.rpartition(" ")[0] for line in symbols)]

    def decode(batch: Sources, length: int) -> Sources:
        pieces = [[words[token] for token in tokens] for tokens in batch]
        how = {"beam_size": 1, "min_decoding_length": length, "max_decoding_length": length, "max_input_length": 0}
        return [[len(one.hypotheses[0])] for one in translator.translate_batch(pieces, **how)]

    return decode


def with_transformers(folder: Path, dictionary: Dictionary) -> Way:
    """Hugging Face's greedy search, which must write a given number of tokens."""
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    ends = model.generation_config

    @torch.inference_mode()
    def decode(batch: Sources, length: int) -> Sources:
        rows = [torch.tensor([dictionary.bos(), *tokens, dictionary.eos()]) for tokens in batch]
        source = data_utils.collate_tokens(rows, ends.pad_token_id, left_pad=False)
        attended = data_utils.collate_tokens([torch.ones_like(row) for row in rows], 0, left_pad=False)
        how = {"num_beams": 1, "do_sample": False, "min_new_tokens": length, "max_new_tokens": length}
        return model.generate(source, attention_mask=attended, **how).tolist()

    return decode
