"""Mutated input of every kind, within the budgets of [limits]."""
