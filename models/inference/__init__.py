"""Model packages: files, signature, runtime, and the prediction for one patient."""
