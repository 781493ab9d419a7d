#!/usr/bin/env python3
"""`asr-correct transcribe` under an older name; see `python preprocess/transcribe.py --help`."""

from fairseq_asr_correct.commands.transcribe import main

if __name__ == "__main__":
    main()
