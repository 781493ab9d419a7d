"""Folders for ONNX Runtime: how they are written and checked. The graphs are made in ``runtime/building``."""
