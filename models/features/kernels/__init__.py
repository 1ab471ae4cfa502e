"""Compiled counting kernels (Numba) behind the feature families."""
