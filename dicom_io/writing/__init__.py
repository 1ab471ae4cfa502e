"""A `Report` to DICOM objects: SR, SEG, Encapsulated PDF; their check; reading them back."""
