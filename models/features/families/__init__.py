"""Feature families of PyRadiomics and IBSI: shape, first-order, texture, diagnostics."""
