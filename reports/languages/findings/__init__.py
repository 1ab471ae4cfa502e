"""Sentences of the closed lists (quality notes, reasons of a validity, rows of the images) in every language."""
