"""Simulated cohorts of the paper's size, drawn from a measured distribution of features."""
