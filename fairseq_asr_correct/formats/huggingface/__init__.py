"""Correctors for Hugging Face's transformers: writing, reading, and BERT's own folders."""
