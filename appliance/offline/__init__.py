"""Runs over folders: studies to results, features and evaluations, without a service."""
