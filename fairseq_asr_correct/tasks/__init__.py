"""Tasks for --task."""
