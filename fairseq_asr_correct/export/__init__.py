"""Trained correctors in the formats of other libraries."""
