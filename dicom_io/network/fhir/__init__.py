"""FHIR R4 as a way to send results: a transaction to a server."""
