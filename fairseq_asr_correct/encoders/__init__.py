"""Subword encoders for --bpe."""
