"""Report of the analysis of patients: what is shown, in which words."""
