#!/usr/bin/env python3
"""`asr-correct average` under an older name; see `python scripts/average_checkpoints.py --help`."""

from fairseq_asr_correct.commands.average_checkpoints import main

if __name__ == "__main__":
    main()
