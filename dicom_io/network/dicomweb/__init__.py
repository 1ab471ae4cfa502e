"""DICOMweb (PS3.18): results stored by STOW-RS, studies fetched by WADO-RS, images taken by STOW-RS."""
