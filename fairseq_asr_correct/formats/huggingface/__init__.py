"""Correctors for Hugging Face's transformers, written and read, and BERT's own folders."""
