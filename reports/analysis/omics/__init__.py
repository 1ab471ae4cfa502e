"""Reports of analyses of gene expression."""
