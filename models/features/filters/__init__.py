"""Image filters before extraction: wavelet, Laplacian of Gaussian, discretisation."""
