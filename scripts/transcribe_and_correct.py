#!/usr/bin/env python3
"""`asr-correct subtitles` under an older name; see `python scripts/transcribe_and_correct.py --help`."""

from fairseq_asr_correct.commands.make_subtitles import main

if __name__ == "__main__":
    main()
