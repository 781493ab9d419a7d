"""Says which instructions each library computes with, and fails if it is not what the environment asks for."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOLD_AS = {
    "CT2_FORCE_CPU_ISA": r"Selected ISA: (\w+)",
    "ATEN_CPU_CAPABILITY": r"ATen: (\w+)",
    "ONEDNN_MAX_CPU_ISA": r"info,cpu,isa:Intel (.+)",
    "MKL_CBWR": r"CNR:(\w+)",
}


def compute() -> None:
    """A product by each library."""
    from rules import drawn  # first: it imports fairseq_asr_correct

    # isort: split
    import torch
    from fairseq.data import Dictionary

    from fairseq_asr_correct.formats.ctranslate2.folder import write
    from fairseq_asr_correct.formats.ctranslate2.opening import load_ctranslate2
    from fairseq_asr_correct.formats.pretrained import Pretrained, make_task

    print("ATen:", torch.backends.cpu.get_cpu_capability(), flush=True)
    some = torch.ones(1, 8, 32, 32)
    some @ some  # MKL's
    torch.nn.functional.conv2d(some, some.view(8, 8, 16, 8))  # oneDNN's
    dictionary = Dictionary()
    for letter in "abcdefgh":
        dictionary.add_symbol(letter)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), Pretrained(drawn(dictionary).model(), make_task(dictionary)), "float32")
        load_ctranslate2(folder)


def main() -> None:
    """Asks a process that tells."""
    told = os.environ | {"CT2_VERBOSE": "1", "ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"}
    command = [sys.executable, "-c", "import forced; forced.compute()"]
    done = subprocess.run(command, env=told, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    wrong = 0
    for name, pattern in TOLD_AS.items():
        found = re.search(pattern, done.stdout + done.stderr)[1].replace("SSE4.1", "SSE41")
        print(f"{name}: {found}", flush=True)
        wrong += os.environ.get(name, found).upper() != found.upper()
    if wrong:
        raise SystemExit("a library does not compute as it is asked to")


if __name__ == "__main__":
    main()
