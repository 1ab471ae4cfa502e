"""Evaluation of a model on a cohort: content, words, figures; JSON, HTML and PDF."""
