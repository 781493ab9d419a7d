#!/usr/bin/env python3
"""`asr-correct export --to ctranslate2` under an older name; see `python scripts/export_ctranslate2.py --help`."""

from fairseq_asr_correct.commands.export_ctranslate2 import main

if __name__ == "__main__":
    main()
