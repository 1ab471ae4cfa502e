"""Preprocessing of a volume: body mask, bias field correction (N4), regions, registration."""
