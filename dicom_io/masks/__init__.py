"""Masks of regions: SEG and RTSTRUCT, and their placement on the grid of an image."""
