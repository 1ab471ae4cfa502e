"""The only place that knows DICOM, at both ends: files to `Study`, `Report` to DICOM objects, receiver and sender."""
