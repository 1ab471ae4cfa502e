"""The DICOM conformance statement, written from the code."""
