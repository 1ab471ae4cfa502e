"""Training, simulated cohorts and the demonstration packages."""
