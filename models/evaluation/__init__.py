"""Evaluation of a model on patients with known outcomes."""
