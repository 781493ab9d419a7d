r"""How much of a domain's gain is left when only what it changes in its base is stored, in so many megabytes.

    python scripts/measure_domains.py models/general-minilm-int8 ferry examples/demo/pairs/test.bad \
        examples/demo/pairs/test.good --megabytes 0.5 1 2 4

Word error rates are on ONNX Runtime, with every change that the model proposes but style, and spelling variants no
errors.
"""

import argparse
import tempfile
from pathlib import Path

from measure_general import errors

from fairseq_asr_correct.corrector.corrector import Corrector
from fairseq_asr_correct.corrector.onnx_model import OnnxModel
from fairseq_asr_correct.domains.domain_folder import Domain, make_domain
from fairseq_asr_correct.evaluation.markdown import markdown
from fairseq_asr_correct.transcripts.lines import read_lines


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, help="the base's folder")
    parser.add_argument("adapted", type=Path, help="the folder of what was trained on from it")
    parser.add_argument("recognized", type=Path, help="sentences, one a line")
    parser.add_argument("said", type=Path, help="their references")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[0.5, 1, 1.5, 2, 3, 4], metavar="N")
    args = parser.parse_args(argv)
    texts, references = (list(read_lines(path)) for path in (args.recognized, args.said))
    words = sum(len(said.split()) for said in references)

    def wer(folder: Path, domain: Path | None = None) -> float:
        model = OnnxModel.load(folder, 1, domain=domain and Domain.read(domain))
        model.rule = None  # every change
        return 100 * float(errors(references, Corrector(model).correct(texts)).sum()) / words

    base, adapted = wer(args.base), wer(args.adapted)
    rows = [["the base alone", "", f"{base:.2f}", "0%"]]
    for most in args.megabytes:
        with tempfile.TemporaryDirectory() as folder:
            make_domain(Path(folder), args.base, args.adapted, 1e6 * most)
            size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
            made = wer(args.base, Path(folder))
        rows.append([f"{most:g}", f"{size:.2f}", f"{made:.2f}", f"{100 * (base - made) / (base - adapted):.0f}%"])
    size = (args.adapted / "model.safetensors").stat().st_size / 1e6
    rows.append(["the adapted folder", f"{size:.2f}", f"{adapted:.2f}", "100%"])
    print(markdown(["--megabytes", "MB", "WER", "gain kept"], rows))


if __name__ == "__main__":
    main()
