"""The PDF for the tumour board: pages, charts, theme."""
