"""The study of `tests.models.patients`, analysed once."""

from tests.models.patients.conftest import made_analysis, made_settings, made_study

__all__ = ["made_analysis", "made_settings", "made_study"]
