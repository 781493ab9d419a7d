"""Obstacles to loading: a torchaudio that cannot load, and one harmless class in checkpoints."""

import argparse
import sys
import warnings

import torch


def hide_broken_torchaudio() -> None:
    """Let transformers be imported although an unusable torchaudio is installed.

    fairseq's package asks for torchaudio, whose last release does not load beside newer torch
    releases; transformers imports whatever torchaudio it finds, and fails with it. This project uses
    no audio library, so one that cannot load is hidden from this process: ``None`` in ``sys.modules``
    is Python's own way to say "not importable", and package look-ups honour it.
    """
    if "torchaudio" in sys.modules:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torchaudio  # noqa: F401
    except ModuleNotFoundError:
        return
    except Exception:  # OSError, RuntimeError or ImportError, by release
        for name in [name for name in sys.modules if name.startswith("torchaudio.")]:
            del sys.modules[name]
        sys.modules["torchaudio"] = None  # type: ignore[assignment]


def allow_fairseq_checkpoints() -> None:
    """Allow the one harmless class in fairseq checkpoints that torch >= 2.6 does not know.

    torch loads checkpoints with ``weights_only=True``: nothing in the file can run. fairseq keeps its
    model arguments as an :class:`argparse.Namespace`, a plain bag of attributes. The protection itself
    stays on, so a checkpoint that names any other class or function is still refused.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])
