"""``--task asr_correction``: translation that counts word errors in validation and can reject doubtful changes."""

import math
from argparse import Namespace
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Optional

from fairseq.dataclass import ChoiceEnum
from fairseq.logging import metrics
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from torch import nn

from fairseq_asr_correct.choice.rule import SCOPES, Rule, check_confidence
from fairseq_asr_correct.decoding.input_guided import InputGuidedGenerator
from fairseq_asr_correct.decoding.keep import KeepOrCorrect
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.alignment import Changes, align, errors
from fairseq_asr_correct.folders.rules import read_rule
from fairseq_asr_correct.tokens.words import text

LOGGED = "_wer_"  # prefix of each count's name; fairseq does not print names that begin with "_"
DECODINGS = ("fairseq", "input-guided")
RATES = ("wer", "baseline_wer", "false_correction_rate")


@dataclass(frozen=True)
class WordCounts:
    """Integer counts over any number of sentences; the rates derived from them are percentages."""

    errors: int = 0  #: after correction
    input_errors: int = 0  #: before correction
    words: int = 0  #: in the references
    right: int = 0  #: reference words that are right before correction
    made_wrong: int = 0  #: of these, the words that are wrong after it

    @property
    def wer(self) -> float:
        """Word error rate after correction."""
        return _percent(self.errors, self.words)

    @property
    def baseline_wer(self) -> float:
        """Word error rate of the unchanged input."""
        return _percent(self.input_errors, self.words)

    @property
    def false_correction_rate(self) -> float:
        """Share of the right words that correction makes wrong."""
        return _percent(self.made_wrong, self.right)

    def __add__(self, other: "WordCounts") -> "WordCounts":
        return WordCounts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def _percent(part: int, whole: int) -> float:
    if not whole:
        return math.inf if part else 0.0
    return 100 * part / whole


def count_changes(reference: str, before: str, after: str) -> WordCounts:
    """Counts one sentence, as ``asr-correct evaluate`` does."""
    steps = align([reference] * 2, [before, after])
    changes = Changes()
    changes.add(reference, before, after, *steps)
    return WordCounts(errors(steps[1]), changes.errors, len(reference.split()), changes.right, changes.broken)


@dataclass
class AsrCorrectionConfig(TranslationConfig):
    """The flags of ``--task asr_correction``, on top of translation's."""

    eval_wer: bool = field(
        default=False,
        metadata={
            "help": "correct the validation sets too, and log wer, baseline_wer (of the input) and "
            "false_correction_rate (right words made wrong), in percent; for --best-checkpoint-metric wer"
        },
    )
    eval_wer_beam: int = field(default=1, metadata={"help": "beam of --eval-wer (default: 1, greedy)"})
    keep_threshold: Optional[float] = field(  # noqa: UP045  (OmegaConf reads it, and wants Optional)
        default=None,
        metadata={
            "help": "take a correction only where its log-probability (natural) is above the unchanged input's by "
            "this margin; asr-correct tune chooses it (default: take every correction)"
        },
    )
    keep_scope: ChoiceEnum(SCOPES) = field(
        default="span",
        metadata={"help": "decide on each changed span of words, or on the whole sentence (default: span)"},
    )
    decision: Optional[str] = field(  # noqa: UP045
        default=None,
        metadata={
            "help": "take a correction only where it is likely to mend something, as this decision.json of "
            "asr-correct tune weighs it (default: by --keep-threshold)"
        },
    )
    min_confidence: Optional[float] = field(  # noqa: UP045
        default=None,
        metadata={
            "help": "the least confidence, from 0 to 1, of a correction that is taken (default: that in --decision)"
        },
    )
    decoding: ChoiceEnum(DECODINGS) = field(
        default="fairseq",
        metadata={
            "help": "input-guided gives the output of fairseq's search with --beam 1 in fewer passes of the decoder: "
            "each pass scores the rest of the source as a guess (default: fairseq)"
        },
    )
    decoding_stats: bool = field(
        default=False,
        metadata={"help": "log passes per sentence and tokens per pass of --decoding input-guided"},
    )


@register_task("asr_correction", dataclass=AsrCorrectionConfig)
class AsrCorrectionTask(TranslationTask):
    """Translation from what a recognizer wrote to what was said."""

    cfg: AsrCorrectionConfig

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> nn.Module:
        """Builds the model and, with ``--eval-wer``, the generator that corrects validation sets."""
        model = super().build_model(cfg, from_checkpoint)
        if self.cfg.eval_wer:
            flags = Namespace(beam=self.cfg.eval_wer_beam, max_len_a=1, max_len_b=50, lenpen=0, min_len=0)
            self._eval_wer_generator = self.build_generator([model], flags)
        return model

    def build_generator(self, models: list[nn.Module], args: Any, *more: Any, **kwargs: Any) -> Any:
        """The generator of fairseq or of ``--decoding``, inside a :class:`KeepOrCorrect` if there is a rule.

        Raises:
            UserError: flags do not go together, a value cannot be used, or source and target have different
                dictionaries.
        """
        if getattr(args, "score_reference", False):
            return super().build_generator(models, args, *more, **kwargs)
        if self.cfg.decoding == "input-guided":
            kwargs |= self._input_guided(args, kwargs)
        generator = super().build_generator(models, args, *more, **kwargs)
        if self.rule is None:
            return generator
        self._need_one_dictionary("--decision" if self.rule.likelihood else "--keep-threshold")
        return KeepOrCorrect(generator, self.target_dictionary, self.rule)

    @cached_property
    def rule(self) -> Rule | None:
        """Which corrections are taken; None if all are, without a look at their scores.

        Raises:
            UserError: flags do not go together, or a value cannot be used.
        """
        margin, least, path = self.cfg.keep_threshold, self.cfg.min_confidence, self.cfg.decision
        if margin is not None and (path or least is not None):
            flag = "--decision" if path else "--min-confidence"
            raise UserError(f"--keep-threshold and {flag} both say which corrections are taken: give one of them")
        if margin is not None and math.isnan(margin):
            raise UserError("--keep-threshold nan: give a number, or leave it out to take every correction")
        if margin is None and least is None and path is None:
            return None
        if least is not None:
            check_confidence(least, "--min-confidence")
        rule = read_rule(path) if path else Rule(-math.inf if margin is None else margin, str(self.cfg.keep_scope))
        return rule if least is None else rule.from_confidence(least)

    def _input_guided(self, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments with which fairseq's ``build_generator`` builds an :class:`InputGuidedGenerator`."""
        self._need_one_dictionary("--decoding input-guided")
        if getattr(args, "print_alignment", None):
            raise UserError("--decoding input-guided has no --print-alignment: leave it out, or use --decoding fairseq")
        extra = (kwargs.get("extra_gen_cls_kwargs") or {}) | {"stats": self.cfg.decoding_stats}
        return {"seq_gen_cls": InputGuidedGenerator, "extra_gen_cls_kwargs": extra}

    def _need_one_dictionary(self, flag: str) -> None:
        source, target = self.source_dictionary, self.target_dictionary
        if source is not target and source != target:
            raise UserError(f"{flag} needs one dictionary for source and target: binarize both sides with one dict.txt")

    def valid_step(self, sample: dict[str, Any], model: nn.Module, criterion: nn.Module) -> tuple:
        """Adds the counts of ``--eval-wer`` to the logging output; integers, so that workers can be summed."""
        loss, sample_size, logging_output = super().valid_step(sample, model, criterion)
        if self.cfg.eval_wer:
            counts = self._correct_and_count(sample, model)
            logging_output |= {LOGGED + name: getattr(counts, name) for name in WordCounts.__dataclass_fields__}
        return loss, sample_size, logging_output

    def reduce_metrics(self, logging_outputs: list[dict[str, Any]], criterion: nn.Module) -> None:
        """Sums the counts and derives the rates from the sums."""
        super().reduce_metrics(logging_outputs, criterion)
        if not any(LOGGED + "words" in log for log in logging_outputs):  # training steps have none
            return
        for name in WordCounts.__dataclass_fields__:
            metrics.log_scalar_sum(LOGGED + name, int(sum(log.get(LOGGED + name, 0) for log in logging_outputs)))
        for rate in RATES:
            metrics.log_derived(rate, lambda meters, rate=rate: getattr(_from_meters(meters), rate))

    def _correct_and_count(self, sample: dict[str, Any], model: nn.Module) -> WordCounts:
        hypotheses = self.inference_step(self._eval_wer_generator, [model], sample)
        # As in fairseq-generate, an unknown word in a reference never counts as right.
        references = [text(self.target_dictionary, row, escape_unk=True) for row in sample["target"]]
        inputs = [text(self.source_dictionary, row) for row in sample["net_input"]["src_tokens"]]
        outputs = [text(self.target_dictionary, beam[0]["tokens"]) for beam in hypotheses]
        return sum(map(count_changes, references, inputs, outputs), WordCounts())


def _from_meters(meters: Any) -> WordCounts:
    return WordCounts(*(int(meters[LOGGED + name].sum) for name in WordCounts.__dataclass_fields__))
