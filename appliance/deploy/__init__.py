"""Deployment of the appliance: image, compose, quadlet, Kubernetes; contents and licences of its packages."""
