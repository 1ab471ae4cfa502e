"""The page for operators and monitoring systems, a process of its own beside the service."""
