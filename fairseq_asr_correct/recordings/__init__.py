"""Recordings with Whisper in front: the times of words, and subtitles. It imports ``corrector``."""
