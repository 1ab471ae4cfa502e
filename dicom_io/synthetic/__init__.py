"""Synthetic studies: a breast phantom written as DICOM files."""
