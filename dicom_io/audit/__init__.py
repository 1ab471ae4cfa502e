"""Audit trail: DICOM audit messages and their way to an audit repository."""
