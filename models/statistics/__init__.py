"""Statistics of survival and classification, each equal to R."""
