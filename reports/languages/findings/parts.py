"""Parts of rows: what was used, where it comes from, and which rule took it (`dicom_io.reading`, `default_rules`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

_PLANES: Final = (
    ("axial", "axiale", "轴位"),
    ("coronal", "koronale", "冠状位"),
    ("sagittal", "sagittale", "矢状位"),
    ("oblique axial", "schräg axiale", "斜轴位"),
    ("oblique coronal", "schräg koronale", "斜冠状位"),
    ("oblique sagittal", "schräg sagittale", "斜矢状位"),
)
_ROWS: Final = (
    Phrase("Tumour segmentation ({on:s})", de="Segmentierung des Tumors ({on})", zh="肿瘤分割（{on}）"),
    Phrase("stated in the headers, not confirmed", de="laut Header, nicht bestätigt", zh="头信息注明，未经证实"),
    Phrase(
        "stated in the headers, confirmed by the images",
        de="laut Header, durch die Bilder bestätigt",
        zh="头信息注明，并由图像证实",
    ),
    Phrase(
        "from the images; the headers do not say",
        de="aus den Bildern; die Header sagen es nicht",
        zh="依据图像；头信息未注明",
    ),
    Phrase(
        "phase {phase:n} of {count:n} ({why})",
        de="Phase {phase} von {count} ({why})",
        zh="第 {phase}/{count} 期（{why}）",
    ),
    Phrase("phase {phase:n} of {count:n}", de="Phase {phase} von {count}", zh="第 {phase}/{count} 期"),
    *(
        Phrase(
            f"{{count:n}} {english} slice[s|] of {{distance:n}} mm",
            de=f"{{count}} {german} {{count?Schicht|Schichten}} von {{distance}} mm",
            zh=f"{{count}} 层{chinese}，层距 {{distance}} mm",
        )
        for english, german, chinese in _PLANES
    ),
    Phrase(
        "{count:n} slices of {distance:n} mm",
        de="{count} Schichten von {distance} mm",
        zh="{count} 层，层距 {distance} mm",
    ),
    Phrase(
        "{count:n} voxel[s|] in {slices:n} slice[s|], {size:n} cm³",
        de="{count} Voxel in {slices} {slices?Schicht|Schichten}, {size} cm³",
        zh="{slices} 层中 {count} 个体素，{size} cm³",
    ),
    Phrase("{count:n} voxel[s|], {size:n} cm³", de="{count} Voxel, {size} cm³", zh="{count} 个体素，{size} cm³"),
    Phrase(
        'segment {number:n} "{label:q}" ({meaning:p})',
        de='Segment {number} "{label}" ({meaning})',
        zh='分割段 {number} "{label}"（{meaning}）',
    ),
    Phrase('segment {number:n} "{label:q}"', de='Segment {number} "{label}"', zh='分割段 {number} "{label}"'),
    Phrase(
        'region {number:n} "{label:q}" ({meaning:p})',
        de='Region {number} "{label}" ({meaning})',
        zh='区域 {number} "{label}"（{meaning}）',
    ),
    Phrase('region {number:n} "{label:q}"', de='Region {number} "{label}"', zh='区域 {number} "{label}"'),
    Phrase("binary, manual", de="binär, von Hand", zh="二值，手工"),
    Phrase("binary, semiautomatic", de="binär, halbautomatisch", zh="二值，半自动"),
    Phrase("binary, automatic", de="binär, automatisch", zh="二值，自动"),
    Phrase("fractional, manual", de="anteilig, von Hand", zh="分数，手工"),
    Phrase("fractional, semiautomatic", de="anteilig, halbautomatisch", zh="分数，半自动"),
    Phrase("fractional, automatic", de="anteilig, automatisch", zh="分数，自动"),
    Phrase("contours", de="Konturen", zh="轮廓"),
    Phrase("the tumour segmentation refers to it", de="die Tumorsegmentierung verweist darauf", zh="肿瘤分割引用了它"),
    Phrase(
        "the tumour segmentations refer to them",
        de="die Tumorsegmentierungen verweisen darauf",
        zh="肿瘤分割引用了它们",
    ),
    Phrase("phase of the settings", de="Phase laut Einstellungen", zh="设置所指定的期相"),
    Phrase(
        "first phase after contrast, by description or contrast agent",
        de="erste Phase nach Kontrastmittelgabe, laut Beschreibung oder Kontrastmittelangabe",
        zh="依据描述或对比剂信息为增强后的第一期",
    ),
    Phrase(
        "second phase, taken as the first after contrast",
        de="zweite Phase, als erste nach Kontrastmittelgabe angenommen",
        zh="第二期，视为增强后的第一期",
    ),
    Phrase("Model {name}", de="Modell {name}", zh="模型 {name}"),
    Phrase(
        "{count:n} object[s|]: {kinds:t}", de="{count} {count?Objekt|Objekte}: {kinds}", zh="{count} 个对象：{kinds}"
    ),
    *(
        Phrase(
            f"{{count:n}} {english} slice[s|]",
            de=f"{{count}} {german} {{count?Schicht|Schichten}}",
            zh=f"{{count}} 层{chinese}",
        )
        for english, german, chinese in _PLANES
    ),
    Phrase("the segmentation of the tumour is missing", de="die Segmentierung des Tumors fehlt", zh="缺少肿瘤分割"),
    Phrase("no series with contrast was found", de="keine Serie mit Kontrastmittel gefunden", zh="未找到增强序列"),
    Phrase("images are missing", de="Bilder fehlen", zh="缺少图像"),
    Phrase("a choice is needed", de="eine Auswahl ist nötig", zh="需要选择"),
    Phrase(
        "images or segmentation do not fit together",
        de="Bilder oder Segmentierung passen nicht zusammen",
        zh="图像与分割不匹配",
    ),
    Phrase("an object cannot be read", de="ein Objekt ist nicht lesbar", zh="有对象无法读取"),
    Phrase("the study cannot be evaluated", de="die Untersuchung kann nicht ausgewertet werden", zh="该检查无法评估"),
    Phrase("the processing failed", de="die Verarbeitung ist fehlgeschlagen", zh="处理失败"),
    Phrase("assigned", de="zugewiesen", zh="指定"),
    Phrase("rule: {rule:t}", de="Regel: {rule}", zh="规则：{rule}"),
    Phrase("{segment:t} (rule: {rule:t})", de="{segment} (Regel: {rule})", zh="{segment}（规则：{rule}）"),
    Phrase(
        'segment {number:n} "{label:q}" ({meaning:p}) of "{series:q}"',
        de='Segment {number} "{label}" ({meaning}) aus "{series}"',
        zh='"{series}" 的分割段 {number} "{label}"（{meaning}）',
    ),
    Phrase(
        'segment {number:n} "{label:q}" ({meaning:p}) of "{series:q}" of {when:t}',
        de='Segment {number} "{label}" ({meaning}) aus "{series}" vom {when}',
        zh='"{series}"（{when}）的分割段 {number} "{label}"（{meaning}）',
    ),
    Phrase(
        'region {number:n} "{label:q}" of the structure set "{series:q}"',
        de='Region {number} "{label}" des Structure Set "{series}"',
        zh='结构集 "{series}" 的区域 {number} "{label}"',
    ),
    Phrase(
        "stack {number:n} of {count:n}, {slices} from {low:n} to {high:n} mm",
        de="Stapel {number} von {count}, {slices} von {low} bis {high} mm",
        zh="第 {number}/{count} 组，{slices}，{low} 至 {high} mm",
    ),
)
# Names of the rules that ship (`dicom_io.default_rules`); those of a site stay as it writes them.
_RULES: Final = (
    Phrase(
        "water image of a dynamic Dixon series, by description and image type",
        de="Wasserbild einer dynamischen Dixon-Serie, laut Beschreibung und Bildtyp",
        zh="动态 Dixon 序列的水像（依据描述和图像类型）",
    ),
    Phrase(
        "dynamic contrast-enhanced series by its description",
        de="dynamische Serie mit Kontrastmittel, laut Beschreibung",
        zh="动态增强序列（依据描述）",
    ),
    Phrase(
        "water image of a contrast-enhanced Dixon series, by description and image type",
        de="Wasserbild einer Dixon-Serie mit Kontrastmittel, laut Beschreibung und Bildtyp",
        zh="增强 Dixon 序列的水像（依据描述和图像类型）",
    ),
    Phrase(
        "contrast-enhanced series by its description",
        de="Serie mit Kontrastmittel, laut Beschreibung",
        zh="增强序列（依据描述）",
    ),
    Phrase(
        "contrast-enhanced series by its protocol name",
        de="Serie mit Kontrastmittel, laut Protokollname",
        zh="增强序列（依据协议名）",
    ),
    Phrase(
        "fast T1-weighted gradient echo with several phases (the timing of a dynamic series)",
        de="schnelles T1-gewichtetes Gradientenecho mit mehreren Phasen (Zeitablauf einer dynamischen Serie)",
        zh="多期快速 T1 加权梯度回波（具有动态序列的时间参数）",
    ),
    Phrase(
        "T1-weighted series with a contrast agent in its header",
        de="T1-gewichtete Serie mit Kontrastmittel im Header",
        zh="头信息含对比剂的 T1 加权序列",
    ),
    Phrase(
        "water image of a T2-weighted Dixon series, by description and image type",
        de="Wasserbild einer T2-gewichteten Dixon-Serie, laut Beschreibung und Bildtyp",
        zh="T2 加权 Dixon 序列的水像（依据描述和图像类型）",
    ),
    Phrase(
        "T2-weighted series with fat suppression, by its description",
        de="T2-gewichtete Serie mit Fettunterdrückung, laut Beschreibung",
        zh="压脂 T2 加权序列（依据描述）",
    ),
    Phrase(
        "T2-weighted series by its description",
        de="T2-gewichtete Serie, laut Beschreibung",
        zh="T2 加权序列（依据描述）",
    ),
    Phrase(
        "short-tau inversion recovery series by its description",
        de="STIR-Serie, laut Beschreibung",
        zh="STIR 序列（依据描述）",
    ),
    Phrase(
        "T2-weighted series by its protocol name",
        de="T2-gewichtete Serie, laut Protokollname",
        zh="T2 加权序列（依据协议名）",
    ),
    Phrase(
        "spin echo with the timing of T2 weighting",
        de="Spinecho mit dem Zeitablauf einer T2-Gewichtung",
        zh="具有 T2 加权时间参数的自旋回波",
    ),
    Phrase(
        "property type is a neoplasm, mass or lesion",
        de="Property Type ist Neoplasie, Raumforderung oder Läsion",
        zh="属性类型为新生物、肿块或病灶",
    ),
    Phrase(
        "label says tumour, mass or lesion",
        de="Bezeichnung nennt Tumor, Raumforderung oder Läsion",
        zh="标签注明肿瘤、肿块或病灶",
    ),
)
PARTS: Final = (*_ROWS, *_RULES)
