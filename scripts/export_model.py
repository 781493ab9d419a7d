#!/usr/bin/env python3
"""`asr-correct export` under an older name; see `python scripts/export_model.py --help`."""

from fairseq_asr_correct.commands.export_fairseq import main

if __name__ == "__main__":
    main()
