"""Reports: one `Report`, its wording, its figures and its PDF."""
