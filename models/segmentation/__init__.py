"""Drafts of a tumour's outline, made from what a person marked: strokes, or a point and a box."""
