"""The fault matrix: the real service, killed, starved and lied to, judged by what peers outside it saw.

`python -m tests.faults --help`; what was measured is in docs/reference/faults.md. Nothing here is in the product, and
the product has no hooks for it: the service is started by `starter.py`, which wraps named functions of the product.
"""
