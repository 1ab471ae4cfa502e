"""Model cards and the reporting checklists they answer."""
