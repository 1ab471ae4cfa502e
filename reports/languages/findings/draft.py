"""Phrases about the images and marks that a draft is made from (`dicom_io.reading.marks`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

DRAFT: Final = (
    Phrase("the image alone", de="nur dieses Bild", zh="仅此图像"),
    Phrase("phase {phase:n} minus phase 1", de="Phase {phase} minus Phase 1", zh="第 {phase} 期减去第 1 期"),
    Phrase("phase {phase:n} is the late one", de="Phase {phase} ist die späte", zh="第 {phase} 期为晚期"),
    Phrase("box {corners}, point {point}", de="Quader {corners}, Punkt {point}", zh="方框 {corners}，点 {point}"),
)
