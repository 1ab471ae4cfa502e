"""Phrases about the pixels of the images (`models.preprocessing`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

PIXELS: Final = (
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
