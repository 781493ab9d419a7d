"""Architectures, and the way from BERT's weights into them."""
