"""Analyses of a cohort: rdeepnet analyse."""
