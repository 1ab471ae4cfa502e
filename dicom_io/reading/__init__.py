"""Files to a `Study`: which series plays which role, and the tumour on each grid."""
