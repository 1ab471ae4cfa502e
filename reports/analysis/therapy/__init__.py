"""Report of a therapy analysis: what is shown, in which words."""
