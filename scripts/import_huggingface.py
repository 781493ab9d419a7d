#!/usr/bin/env python3
"""`asr-correct import` under an older name; see `python scripts/import_huggingface.py --help`."""

from fairseq_asr_correct.commands.import_huggingface import main

if __name__ == "__main__":
    main()
