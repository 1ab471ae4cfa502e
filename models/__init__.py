"""Computes and knows no DICOM: arrays in, tables and predictions out."""
