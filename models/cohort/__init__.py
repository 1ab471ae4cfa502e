"""Cohorts of patients: features joined with outcomes, and every doubt about them."""
