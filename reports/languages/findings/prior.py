"""Phrases about earlier studies of the patient that are not compared (`reports.change`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

PRIOR: Final = (
    Phrase(
        "The study of {day} is not compared, because {why}.",
        de="Die Untersuchung vom {day} wird nicht verglichen: {why}.",
        zh="未与 {day} 的检查比较：{why}。",
    ),
    Phrase(
        "The archive could not be asked for earlier studies of the patient; only answers that are kept here were "
        "looked at.",
        de=(
            "Das Archiv konnte nicht nach früheren Untersuchungen der Patientin gefragt werden; nur hier aufbewahrte "
            "Ergebnisse wurden angesehen."
        ),
        zh="无法向归档系统查询该患者的既往检查；仅查看了此处保存的结果。",
    ),
    Phrase("not stated", de="ohne Angabe", zh="未注明"),
    Phrase(
        "its Patient ID is not exactly the same",
        de="ihre Patient ID ist nicht genau dieselbe",
        zh="其 Patient ID 不完全相同",
    ),
    Phrase(
        "only one of the two studies states who issued the Patient ID, so it may be of another patient",
        de="nur eine der beiden gibt an, wer die Patient ID vergeben hat; sie kann von einer anderen Person sein",
        zh="两次检查中只有一次注明 Patient ID 的签发机构，可能属于另一名患者",
    ),
    Phrase(
        "its Patient ID was issued by another assigning authority, so it may be of another patient",
        de="ihre Patient ID wurde von einer anderen Stelle vergeben; sie kann von einer anderen Person sein",
        zh="其 Patient ID 由另一机构签发，可能属于另一名患者",
    ),
    Phrase("it states another birth date", de="sie gibt ein anderes Geburtsdatum an", zh="其出生日期不同"),
    Phrase("it states another sex", de="sie gibt ein anderes Geschlecht an", zh="其性别不同"),
    Phrase(
        "one of the two studies has no Study Date",
        de="eine der beiden hat kein Study Date",
        zh="两次检查之一没有 Study Date",
    ),
    Phrase("it is not earlier than this study", de="sie ist nicht früher als diese", zh="它不早于本次检查"),
    Phrase(
        "the archive did not send all of it",
        de="das Archiv hat sie nicht vollständig gesendet",
        zh="归档系统未完整发送",
    ),
    Phrase(
        "there is no measurement of a tumour in it, for example because it has no segmentation",
        de="darin ist kein Tumor gemessen, zum Beispiel weil eine Segmentierung fehlt",
        zh="其中没有肿瘤测量，例如没有分割",
    ),
    Phrase(
        "it was answered by other model packages, or other versions of them",
        de="sie wurde mit anderen Modellpaketen oder anderen Versionen davon beantwortet",
        zh="其结果由其他模型包或其他版本得出",
    ),
    Phrase(
        "its features were computed with other settings",
        de="ihre Merkmale wurden mit anderen Einstellungen berechnet",
        zh="其特征按其他设置计算",
    ),
    Phrase(
        "no sequence was measured in both studies",
        de="keine Sequenz wurde in beiden gemessen",
        zh="没有在两次检查中都测量的序列",
    ),
    Phrase(
        "its images are from a scanner of another manufacturer",
        de="ihre Bilder stammen vom Scanner eines anderen Herstellers",
        zh="其图像来自其他厂商的扫描仪",
    ),
    Phrase(
        "its images are from another scanner model",
        de="ihre Bilder stammen von einem anderen Scannermodell",
        zh="其图像来自其他型号的扫描仪",
    ),
    Phrase(
        "its images are of another field strength, or it is not stated",
        de="ihre Bilder haben eine andere Feldstärke, oder sie ist nicht angegeben",
        zh="其图像的磁场强度不同或未注明",
    ),
    Phrase(
        "one of the two has a dynamic series with contrast, and the other a single one",
        de="eine der beiden hat eine dynamische Serie mit Kontrastmittel, die andere eine einzelne",
        zh="一次为动态增强序列，另一次为单期增强序列",
    ),
    Phrase(
        "its voxel sizes differ by more than the settings allow",
        de="ihre Voxelgrößen weichen stärker ab, als die Einstellungen erlauben",
        zh="其体素尺寸的差异超出设置允许的范围",
    ),
    Phrase("the tumour is in the other breast", de="der Tumor ist in der anderen Brust", zh="肿瘤在另一侧乳腺"),
    Phrase("a later one is compared", de="eine spätere wird verglichen", zh="已与更晚的一次检查比较"),
)
