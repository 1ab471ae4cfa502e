"""Radiomic features: names, settings, and the engines that compute them."""
