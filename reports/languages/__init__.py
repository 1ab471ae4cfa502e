"""Languages of a report: what a tumour board reads, as modules of typed functions, one folder for each language."""
