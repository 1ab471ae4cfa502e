"""Patients of a study: who was left out, their characteristics, and what a score adds to them."""
