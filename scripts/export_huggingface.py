#!/usr/bin/env python3
"""`asr-correct export --to huggingface` under an older name; see `python scripts/export_huggingface.py --help`."""

from fairseq_asr_correct.commands.export_huggingface import main

if __name__ == "__main__":
    main()
