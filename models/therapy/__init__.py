"""Features before and after neoadjuvant therapy: who changes, who differs, and what chance alone would give."""
