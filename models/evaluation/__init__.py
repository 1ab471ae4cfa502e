"""How well a model does on patients with known outcomes."""
