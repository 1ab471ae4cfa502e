"""Phrases about headers and series of the images (`dicom_io.images`, `dicom_io.reading.series_notes`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

IMAGES: Final = (
    Phrase(
        "Motion, ringing and other artefacts were not assessed: inspect the images.",
        de="Bewegung, Ringing und andere Artefakte wurden nicht beurteilt: bitte die Bilder ansehen.",
        zh="未评估运动、振铃及其他伪影：请查看图像。",
    ),
    Phrase(
        "The {on:s} images do not state the field strength of the scanner.",
        de="Die {on}-Bilder geben die Feldstärke des Scanners nicht an.",
        zh="{on} 图像未注明扫描仪的磁场强度。",
    ),
    Phrase(
        "The {on:s} images were made at {strength:n} T; the training images of the model '{name}' at {low:n} to "
        "{high:n} T.",
        de=(
            "Die {on}-Bilder wurden bei {strength} T aufgenommen, die Trainingsbilder des Modells '{name}' bei {low} "
            "bis "
            "{high} T."
        ),
        zh="{on} 图像在 {strength} T 下采集；模型 '{name}' 的训练图像为 {low} 至 {high} T。",
    ),
    Phrase(
        "The {on:s} images were made at {strength:n} T; {low:n} to {high:n} T is usual for the examinations the method "
        "is meant for.",
        de=(
            "Die {on}-Bilder wurden bei {strength} T aufgenommen; üblich sind bei Untersuchungen, für die das "
            "Verfahren "
            "bestimmt ist, {low} bis {high} T."
        ),
        zh="{on} 图像在 {strength} T 下采集；该方法所针对的检查通常为 {low} 至 {high} T。",
    ),
    Phrase(
        "The voxels of the {on:s} images have an unusual size: the {odd}. Texture features depend on it.",
        de="Die Voxel der {on}-Bilder haben eine ungewöhnliche Größe: {odd}. Texturmerkmale hängen davon ab.",
        zh="{on} 图像的体素尺寸不常见：{odd}。纹理特征取决于体素尺寸。",
    ),
    Phrase(
        "The voxels of the {on:s} images have a size the model '{name}' was not trained on: the {odd}. Texture "
        "features depend on it.",
        de=(
            "Die Voxel der {on}-Bilder haben eine Größe, auf der das Modell '{name}' nicht trainiert wurde: {odd}. "
            "Texturmerkmale hängen davon ab."
        ),
        zh="{on} 图像的体素尺寸不在模型 '{name}' 的训练范围内：{odd}。纹理特征取决于体素尺寸。",
    ),
    *(
        Phrase(
            f"{start}{what} are {{size:n}} mm {how} ({kind}: {{low:n}} to {{high:n}} mm)",
            de=f"{german} {{size}} mm ({kind_de}: {{low}} bis {{high}} mm)",
            zh=f"{chinese} {{size}} mm（{kind_zh}：{{low}} 至 {{high}} mm）",
        )
        for start in ("", "the ")
        for kind, kind_de, kind_zh in (("usual", "üblich", "通常"), ("training", "Training", "训练"))
        for what, how, german, chinese in (
            ("slices", "apart", "Schichtabstand", "层间距"),
            ("slices", "thick", "Schichtdicke", "层厚"),
            ("rows", "apart", "Zeilenabstand", "行间距"),
            ("columns", "apart", "Spaltenabstand", "列间距"),
        )
    ),
    Phrase(
        "The scanner scaled the slices of the {on:s} images differently for display (Philips scale slope times Rescale "
        'Slope from {low:n} to {high:n}): equal values are not equal signal. Set value_mapping = "philips" to use the '
        "signal.",
        de=(
            "Der Scanner hat die Schichten der {on}-Bilder für die Anzeige verschieden skaliert (Philips Scale Slope "
            "mal "
            "Rescale Slope von {low} bis {high}): Gleiche Werte sind nicht gleiches Signal. Mit value_mapping = "
            '"philips" wird das Signal verwendet.'
        ),
        zh=(
            "扫描仪为显示目的对 {on} 图像的各层采用了不同的缩放（Philips scale slope 乘以 Rescale Slope 为 {low} 至 "
            '{high}）：相同的值不代表相同的信号。设置 value_mapping = "philips" 可使用信号值。'
        ),
    ),
    Phrase(
        "The {on:s} images are shown with their smallest values brightest (MONOCHROME1); values were inverted, so that "
        "bright is large: check that fluid and fat look as expected.",
        de=(
            "Die {on}-Bilder zeigen die kleinsten Werte am hellsten (MONOCHROME1); die Werte wurden umgekehrt, sodass "
            "hell groß ist: prüfen, ob Flüssigkeit und Fett wie erwartet aussehen."
        ),
        zh="{on} 图像以最小值为最亮（MONOCHROME1）；已反转数值，使亮处为大值：请核对液体和脂肪的显示是否符合预期。",
    ),
    Phrase(
        "The Frame of Reference UID of the {on:s} images {found}. In the segmentations sent back it is replaced by a "
        "valid one, so viewers that go by it may not lay them over the images. Correct it at the archive.",
        de=(
            "Frame of Reference UID der {on}-Bilder: {found}. In den zurückgesendeten Segmentierungen steht eine "
            "gültige; "
            "Betrachter, die sich danach richten, legen sie womöglich nicht über die Bilder. Im Archiv berichtigen."
        ),
        zh=(
            "{on} 图像的 Frame of Reference UID：{found}。返回的分割中已换成有效值，依据该 UID 的浏览器可能无法把分割"
            "叠加到"
            "图像上。请在归档系统中更正。"
        ),
    ),
    Phrase("is no valid UID", de="keine gültige UID", zh="不是有效的 UID"),
    Phrase(
        "The {on:s} images state no Frame of Reference; their coordinates were trusted.",
        de="Die {on}-Bilder geben keinen Frame of Reference an; ihren Koordinaten wurde vertraut.",
        zh="{on} 图像未注明 Frame of Reference；已采信其坐标。",
    ),
    Phrase(
        "{count:n} object[ of the study is|s of the study are] there in copies that are compressed differently "
        "({first:t} and {copy:t}); their decoded pixels and attributes are equal, so each counts once.",
        de=(
            "{count} {count?Objekt|Objekte} der Untersuchung {count?liegt|liegen} in verschieden komprimierten Kopien "
            "vor ({first}; {copy}); dekodierte Pixel und Attribute sind gleich, jedes zählt einmal."
        ),
        zh="本检查有 {count} 个对象存在压缩方式不同的副本（{first}；{copy}）；解码后的像素与属性相同，各计一次。",
    ),
    Phrase(
        "The {on:s} series holds {count:n} stack[s|] of slices; one of them was used ({part}).",
        de="Die {on}-Serie enthält {count} {count?Schichtstapel|Schichtstapel}; einer davon wurde verwendet ({part}).",
        zh="{on} 序列包含 {count} 组层面；使用了其中一组（{part}）。",
    ),
    Phrase(
        "Left out of the {on:s} series, because they are no MR images: {classes}.",
        de="Aus der {on}-Serie ausgenommen, weil es keine MR-Bilder sind: {classes}.",
        zh="因不是 MR 图像而未计入 {on} 序列：{classes}。",
    ),
    Phrase(
        "Left out of the {on:s} series, because they are no MR images: {classes}; they have a place in the patient, so "
        "a slice may be missing.",
        de=(
            "Aus der {on}-Serie ausgenommen, weil es keine MR-Bilder sind: {classes}; sie haben einen Ort im "
            "Patienten, "
            "es kann also eine Schicht fehlen."
        ),
        zh="因不是 MR 图像而未计入 {on} 序列：{classes}；它们具有患者坐标位置，因此可能缺少一层。",
    ),
    Phrase(
        "The Instance Numbers of the {on:s} series {doubt}: a slice at the edge of the stack may be missing.",
        de="Instance Numbers der {on}-Serie: {doubt}. Am Rand des Stapels kann eine Schicht fehlen.",
        zh="{on} 序列的 Instance Number：{doubt}。层组边缘可能缺少一层。",
    ),
    Phrase(
        "run from {first:n} to {last:n} with {count:n} missing",
        de="von {first} bis {last}, {count} {count?fehlt|fehlen}",
        zh="从 {first} 到 {last}，缺 {count} 个",
    ),
    Phrase(
        "occur {often:n} time[s|] each, but not {numbers}",
        de="jede kommt {often}-mal vor, aber nicht {numbers}",
        zh="各出现 {often} 次，但以下除外：{numbers}",
    ),
    Phrase(
        "are absent or no numbers in {count:n} of {total:n} image[s|]",
        de="fehlen oder sind keine Zahlen in {count} von {total} Bildern",
        zh="在 {total} 幅图像中有 {count} 幅缺失或不是数字",
    ),
    Phrase(
        "Phases {one:n} and {other:n} of {count:n} of the {on:s} series have exactly the same pixels: one phase seems "
        "to have been stored twice. Check that the phase that is used, {used:n}, is the one that is meant.",
        de=(
            "Die Phasen {one} und {other} von {count} der {on}-Serie haben genau dieselben Pixel: Eine Phase wurde "
            "wohl "
            "zweimal gespeichert. Prüfen, ob die verwendete Phase {used} die gemeinte ist."
        ),
        zh=(
            "{on} 序列的 {count} 个期相中，第 {one} 期和第 {other} 期像素完全相同：似乎有一个期相被存了两次。"
            "请核对所用的第 {used} 期是否正确。"
        ),
    ),
    Phrase(
        "The phases were put in order by {by}; {others} would order them differently.",
        de="Die Phasen wurden nach {by} geordnet; nach {others} wäre die Reihenfolge eine andere.",
        zh="期相按 {by} 排序；若按 {others} 则顺序不同。",
    ),
    Phrase(
        "Phase {phase:n} of the {on:s} series has images at {count:n} of {total:n} position[s|]: the scan was stopped, "
        "or images are missing. It was left out; the {complete:n} complete phase[ was|s were] used.",
        de=(
            "Phase {phase} der {on}-Serie hat Bilder an {count} von {total} Positionen: Die Aufnahme wurde "
            "abgebrochen, "
            "oder Bilder fehlen. Sie wurde ausgenommen; verwendet {complete?wurde|wurden} {complete} vollständige "
            "{complete?Phase|Phasen}."
        ),
        zh=(
            "{on} 序列的第 {phase} 期在 {total} 个位置中只有 {count} 个有图像：扫描中断或图像缺失。该期已排除；"
            "使用了 {complete} 个完整的期相。"
        ),
    ),
    Phrase(
        "The description of {which} calls it unenhanced: check that it is after contrast.",
        de="Die Beschreibung nennt {which} nativ: prüfen, ob sie nach Kontrastmittelgabe aufgenommen wurde.",
        zh="描述中称{which}为平扫：请核对其是否为增强后。",
    ),
    Phrase(
        "The headers of {which} do not say whether a contrast agent was given: check that it is after contrast.",
        de=(
            "Laut Header ist für {which} offen, ob Kontrastmittel gegeben wurde: prüfen, ob sie nach "
            "Kontrastmittelgabe "
            "aufgenommen wurde."
        ),
        zh="{which}的头信息未注明是否注射对比剂：请核对其是否为增强后。",
    ),
    Phrase(
        "The headers of {which} name no contrast agent ({agent:t}): check that it is after contrast.",
        de=(
            "Die Header nennen für {which} kein Kontrastmittel ({agent}): prüfen, ob sie nach Kontrastmittelgabe "
            "aufgenommen wurde."
        ),
        zh="{which}的头信息未列出对比剂（{agent}）：请核对其是否为增强后。",
    ),
    Phrase("phase {phase:n} of the T1+C series", de="Phase {phase} der T1+C-Serie", zh=" T1+C 序列的第 {phase} 期"),
    Phrase("the T1+C series", de="die T1+C-Serie", zh=" T1+C 序列"),
    Phrase(
        "The first of {count:n} phase[s|] of the T1+C series is used, which is usually unenhanced: check that it is "
        "after contrast.",
        de=(
            "Verwendet wird die erste von {count} Phasen der T1+C-Serie, die meist nativ ist: prüfen, ob sie nach "
            "Kontrastmittelgabe aufgenommen wurde."
        ),
        zh="使用了 T1+C 序列 {count} 个期相中的第一期，该期通常为平扫：请核对其是否为增强后。",
    ),
    Phrase(
        "The headers of the {count:n} phase[s|] do not tell which is before contrast; the first was taken as "
        "unenhanced and the second as the first after contrast.",
        de=(
            "Die Header der {count} Phasen sagen nicht, welche vor Kontrastmittelgabe liegt; die erste wurde als nativ "
            "und die zweite als erste nach Kontrastmittelgabe genommen."
        ),
        zh="{count} 个期相的头信息未说明哪一期在注射对比剂之前；将第一期视为平扫，第二期视为增强后的第一期。",
    ),
)
