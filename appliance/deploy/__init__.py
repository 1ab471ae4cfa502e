"""How the appliance is deployed: image, compose, quadlet, Kubernetes, and what its Python packages are and allow."""
