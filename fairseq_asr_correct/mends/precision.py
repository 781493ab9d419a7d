"""``--bf16`` without a TPU."""

import argparse
import importlib
import importlib.util


def bf16_without_a_tpu(args: argparse.Namespace) -> None:
    """Makes ``--bf16`` mean bfloat16 if torch_xla is not installed; fairseq takes it to mean a TPU."""
    if getattr(args, "bf16", False) and importlib.util.find_spec("torch_xla") is None:
        args.tpu = False
