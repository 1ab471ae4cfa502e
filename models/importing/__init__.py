"""Tables of features that other programs made: read by a schema, written as a table of ours with its provenance."""
