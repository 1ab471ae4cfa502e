"""DICOM over the network: receiver, sender, query, storage commitment, TLS."""
