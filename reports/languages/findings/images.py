"""Phrases about the images (`models.preprocessing`, `dicom_io.images`, `dicom_io.reading.series_notes`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

_PIXELS: Final = (
    Phrase(
        "The values of {on:s} look standardised: mean {mean:n}, deviation {deviation:n}, {share} negative. The "
        "scanner's own values were expected; what was done to them is not known.",
        de=(
            "Die Werte von {on} wirken standardisiert: Mittelwert {mean}, Abweichung {deviation}, {share} negativ. "
            "Erwartet wurden die Werte des Scanners; was mit ihnen geschah, ist nicht bekannt."
        ),
        zh=(
            "{on} 的像素值似乎经过标准化：均值 {mean}，标准差 {deviation}，负值占 {share}。预期为扫描仪的原始值；"
            "不知道对其做过何种处理。"
        ),
    ),
    Phrase(
        "The values of {on:s} run up to {top:n}: they seem to have been rescaled to 0 to 1. The scanner's own values "
        "were expected; a factor does not change the features.",
        de=(
            "Die Werte von {on} reichen bis {top}: Sie wurden wohl auf 0 bis 1 umskaliert. Erwartet wurden die Werte "
            "des Scanners; ein Faktor ändert die Merkmale nicht."
        ),
        zh="{on} 的像素值最大为 {top}：似乎被缩放到 0 至 1。预期为扫描仪的原始值；乘以系数不会改变特征。",
    ),
    Phrase(
        "{count:n} voxel[s|] of {on:s} [has|have] the largest value, {top:n}, which the next lower ones do not lead "
        "up to: the image is saturated. {inside} of them lie in the tumour ({share} of it).",
        de=(
            "{count} Voxel von {on} {count?hat|haben} den größten Wert {top}, zu dem die nächstniedrigeren nicht "
            "hinführen: Das Bild ist gesättigt. Davon im Tumor: {inside} ({share} von ihm)."
        ),
        zh=(
            "{on} 中有 {count} 个体素为最大值 {top}，而次低值并未连续过渡：图像已饱和。其中位于肿瘤内：{inside}（占肿"
            "瘤的 {share}）。"
        ),
    ),
    Phrase(
        "{count:n} voxel[s|] of {on:s} [has|have] the largest value, {top:n}, which the next lower ones do not lead "
        "up to: the image is saturated. {inside} of them lie in the tumour.",
        de=(
            "{count} Voxel von {on} {count?hat|haben} den größten Wert {top}, zu dem die nächstniedrigeren nicht "
            "hinführen: Das Bild ist gesättigt. Davon im Tumor: {inside}."
        ),
        zh="{on} 中有 {count} 个体素为最大值 {top}，而次低值并未连续过渡：图像已饱和。其中位于肿瘤内：{inside}。",
    ),
    Phrase("None", de="keines", zh="无"),
    Phrase("none", de="keines", zh="无"),
    Phrase(
        "{count:n} voxel[s|] of {on:s} ({share} of the image; {where}) [has|have] values far outside the rest ({low:n} "
        "to {high:n} against {from:n} to {to:n}) and [was|were] replaced by the median of [its|their] neighbours; "
        "{inside} of them [lies|lie] in the tumour.",
        de=(
            "{count} Voxel von {on} (Anteil {share} des Bildes; {where}) {count?hat|haben} Werte weit außerhalb der "
            "übrigen ({low} bis {high} gegenüber {from} bis {to}) und {count?wurde|wurden} durch den Median der "
            "Nachbarn ersetzt; davon im Tumor: {inside}."
        ),
        zh=(
            "{on} 中有 {count} 个体素（占图像的 {share}；{where}）的值远超其余（{low} 至 {high}，其余为 {from} 至 "
            "{to}），"
            "已用邻点的中位数替换；其中位于肿瘤内：{inside}。"
        ),
    ),
    Phrase(
        "{count:n} voxel[s|] in the fill of {on:s} ({share} of the image; {where}) [has|have] values far outside the "
        "rest ({low:n} to {high:n}) and [was|were] taken for fill.",
        de=(
            "{count} Voxel in der Füllung von {on} (Anteil {share} des Bildes; {where}) {count?hat|haben} Werte weit "
            "außerhalb der übrigen ({low} bis {high}) und {count?wurde|wurden} als Füllung behandelt."
        ),
        zh="{on} 填充区内有 {count} 个体素（占图像的 {share}；{where}）的值远超其余（{low} 至 {high}），按填充处理。",
    ),
    Phrase(
        "Labels burnt into {on:s} ({where}) border the body along {share} of their outline: the body beneath them is "
        "not measured.",
        de=(
            "In {on} eingebrannte Beschriftungen ({where}) grenzen mit {share} ihres Umrisses an den Körper: Der "
            "Körper darunter ist nicht gemessen."
        ),
        zh="{on} 中烧录的标注（{where}）有 {share} 的轮廓与身体相接：其下的身体没有测量值。",
    ),
    Phrase(
        "{count:n} voxel[s|] of {on:s} ({share} of the image; {where}) [lies|lie] in bright patches of one value, as "
        "letters burnt into the image make them; they and their neighbours were left out.",
        de=(
            "{count} Voxel von {on} (Anteil {share} des Bildes; {where}) {count?liegt|liegen} in hellen Flecken eines "
            "einzigen Werts, wie eingebrannte Buchstaben sie erzeugen; sie und ihre Nachbarn wurden ausgenommen."
        ),
        zh=(
            "{on} 中有 {count} 个体素（占图像的 {share}；{where}）位于单一值的亮斑中，与烧录的文字相符；这些体素及其"
            "邻点已排除。"
        ),
    ),
    Phrase(
        "{count:n} of {total} of {on:s} between others [is|are] blank ({where}); [it was|they were] left out. Slices "
        "may have been lost: compare with the archive.",
        de=(
            "{count} von {total} von {on}, zwischen anderen gelegen, {count?ist|sind} leer ({where}) und "
            "{count?wurde|wurden} ausgenommen. Schichten können verloren gegangen sein: mit dem Archiv vergleichen."
        ),
        zh=(
            "{on} 的 {total}中，有 {count} 层夹在其他层之间且为空白（{where}），已排除。可能丢失了层面：请与归档系统"
            "核对。"
        ),
    ),
    Phrase(
        "{count:n} of {total} of {on:s} [has|have] exactly the pixels of another slice ({where}), {inside} of them "
        "with tumour: an image was stored under two positions. Check the series.",
        de=(
            "{count} von {total} von {on} {count?hat|haben} genau die Pixel einer anderen Schicht ({where}), davon mit "
            "Tumor: {inside}. Ein Bild wurde unter zwei Positionen gespeichert. Die Serie prüfen."
        ),
        zh=(
            "{on} 的 {total}中，有 {count} 层与另一层像素完全相同（{where}），其中含肿瘤：{inside}。同一图像被存为两"
            "个位置。请检查该序列。"
        ),
    ),
    Phrase(
        "slice[s|] {slices}, row[s|] {rows}, column[s|] {columns}",
        de="Schicht {slices}, Zeile {rows}, Spalte {columns}",
        zh="第 {slices} 层，第 {rows} 行，第 {columns} 列",
    ),
    Phrase("{low:n} to {high:n}", de="{low} bis {high}", zh="{low} 至 {high}"),
    Phrase(
        "{share} of the tumour on {on:s} lies where the image holds fill and no measurement.",
        de="{share} des Tumors auf {on} liegen dort, wo das Bild Füllung und keine Messwerte enthält.",
        zh="{on} 上的肿瘤有 {share} 位于图像中只有填充而没有测量值之处。",
    ),
    Phrase(
        "{share} of the {on:s} image is fill and no measurement; it was left out.",
        de="{share} des {on}-Bildes sind Füllung und keine Messwerte; sie wurden ausgenommen.",
        zh="{on} 图像的 {share} 为填充而非测量值；已排除。",
    ),
    Phrase(
        "The body takes {share} of the {on:s} image; {low} to {high} is usual. Either there is hardly any air in the "
        "image, or tissue and air were not told apart: grey levels depend on it.",
        de=(
            "Der Körper nimmt {share} des {on}-Bildes ein; üblich sind {low} bis {high}. Entweder enthält das Bild "
            "kaum "
            "Luft, oder Gewebe und Luft wurden nicht unterschieden: Die Grauwerte hängen davon ab."
        ),
        zh=(
            "身体占 {on} 图像的 {share}；通常为 {low} 至 {high}。要么图像中几乎没有空气，要么组织与空气未能区分："
            "灰度值取决于此。"
        ),
    ),
    Phrase(
        "The {on:s} image ends {where}: it seems to be a crop. Grey levels are normalised over the body that is seen, "
        "so they are not those of the whole image.",
        de=(
            "Das {on}-Bild endet {where}: Es scheint ein Ausschnitt zu sein. Die Grauwerte werden über den sichtbaren "
            "Körper normiert und sind daher nicht die des ganzen Bildes."
        ),
        zh="{on} 图像在{where}处截止：似乎是裁剪后的图像。灰度按可见的身体归一化，因此与完整图像不同。",
    ),
    Phrase(
        "inside the body on {count:n} of its four sides in the plane",
        de="an {count} seiner vier Seiten in der Ebene innerhalb des Körpers",
        zh="平面内四边中的 {count} 边位于身体内",
    ),
    Phrase(
        "within {distance:n} mm of the tumour on all four sides in the plane, and inside the body",
        de="auf allen vier Seiten in der Ebene höchstens {distance} mm vom Tumor entfernt und innerhalb des Körpers",
        zh="平面内四边均距肿瘤 {distance} mm 以内且位于身体内",
    ),
    Phrase(
        "Fill borders {share} of the outline of the body on {on:s}: a part of it may be missing.",
        de="Füllung grenzt auf {on} an {share} des Körperumrisses: Ein Teil des Körpers kann fehlen.",
        zh="在 {on} 上，身体轮廓有 {share} 与填充相接：身体可能缺失一部分。",
    ),
    Phrase(
        "The {on:s} image goes on as fill where the body reaches its edge ({share} of the outline of the body): if the "
        "fill was put over the image, a part of the body is missing.",
        de=(
            "Das {on}-Bild setzt sich als Füllung fort, wo der Körper seinen Rand erreicht ({share} des "
            "Körperumrisses): Wurde die Füllung über das Bild gelegt, fehlt ein Teil des Körpers."
        ),
        zh="{on} 图像在身体到达边缘处以填充延续（占身体轮廓的 {share}）：若填充覆盖了图像，则身体缺失一部分。",
    ),
    Phrase(
        "The bias field of {on:s} was estimated on the CPU, because the accelerator has too little memory ({why}).",
        de="Das Bias-Feld von {on} wurde auf der CPU geschätzt, weil der Beschleuniger zu wenig Speicher hat ({why}).",
        zh="因加速器内存不足（{why}），{on} 的偏置场在 CPU 上估计。",
    ),
    Phrase(
        "N4 of an image of {size:p} voxels needs more memory than {device:s} has free",
        de="N4 eines Bildes von {size} Voxeln braucht mehr Speicher, als {device} frei hat",
        zh="对 {size} 个体素的图像进行 N4 校正所需的内存超过 {device} 的可用内存",
    ),
    Phrase(
        "The bias field of {on:s} could not be estimated; the image was used as it is.",
        de="Das Bias-Feld von {on} konnte nicht geschätzt werden; das Bild wurde unverändert verwendet.",
        zh="无法估计 {on} 的偏置场；图像按原样使用。",
    ),
    Phrase(
        "The bias field of {on:s} varies by a factor of {factor:n} (one standard deviation) in the body; at most "
        "{limit:n} is credible. Grey levels depend on it.",
        de=(
            "Das Bias-Feld von {on} schwankt im Körper um den Faktor {factor} (eine Standardabweichung); glaubhaft ist "
            "höchstens {limit}. Die Grauwerte hängen davon ab."
        ),
        zh="{on} 的偏置场在身体内的变化达 {factor} 倍（一个标准差）；可信上限为 {limit}。灰度值取决于此。",
    ),
    Phrase(
        "The bias field of {on:s} is flat (it varies by {share}): the correction changed nothing.",
        de="Das Bias-Feld von {on} ist flach (es schwankt um {share}): Die Korrektur hat nichts geändert.",
        zh="{on} 的偏置场平坦（变化 {share}）：校正未改变任何内容。",
    ),
    Phrase(
        "The bias field of {on:s} had not settled when every level of the fit had reached its limit of iterations.",
        de=(
            "Das Bias-Feld von {on} hatte sich nicht eingependelt, als jede Stufe ihre Höchstzahl an Iterationen "
            "erreichte."
        ),
        zh="{on} 的偏置场在各级拟合达到迭代上限时仍未收敛。",
    ),
    Phrase(
        "{share} of the body on {on:s} is too dark for the fit of the bias field.",
        de="{share} des Körpers auf {on} sind zu dunkel für die Schätzung des Bias-Felds.",
        zh="{on} 上的身体有 {share} 过暗，无法用于偏置场拟合。",
    ),
)
_QUALITY: Final = (
    Phrase(
        "Motion, ringing and other artefacts were not assessed: inspect the images.",
        de="Bewegungs-, Ringing- und andere Artefakte wurden nicht beurteilt: die Bilder ansehen.",
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
IMAGES: Final = (*_PIXELS, *_QUALITY)
