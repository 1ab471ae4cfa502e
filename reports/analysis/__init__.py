"""Analyses of a cohort: sections, tables and figures; HTML, PDF, JSON, CSV, vector figures, methods to paste."""
