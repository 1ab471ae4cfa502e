"""Figures of journal quality: one theme, every chart as SVG, PDF and PNG."""
