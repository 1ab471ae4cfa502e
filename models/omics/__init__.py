"""Expression of genes: tables, annotation, screens, gene sets."""
