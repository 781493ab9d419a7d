"""``--bf16`` without a TPU."""

import argparse
import importlib
import importlib.util


def bf16_without_a_tpu(args: argparse.Namespace) -> None:
    """Fairseq takes ``--bf16`` on the command line to mean a TPU; without torch_xla it means bfloat16."""
    if getattr(args, "bf16", False) and importlib.util.find_spec("torch_xla") is None:
        args.tpu = False
