"""Phrases about the tumour and its regions (`models.plausibility`, `models.preprocessing`, `models.outline`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

_OF_A_TUMOUR: Final = (
    Phrase(
        "The segmentation on {on:s} cannot be a breast tumour.",
        de="Die Segmentierung auf {on} kann kein Brusttumor sein.",
        zh="{on} 上的分割不可能是乳腺肿瘤。",
    ),
    Phrase("The tumour on {on:s}: {what:t}", de="Der Tumor auf {on}: {what}", zh="{on} 上的肿瘤：{what}"),
    Phrase(
        "It measures {found}; {expected} was expected.",
        de="Volumen {found}; erwartet wurde {expected}.",
        zh="体积为 {found}；预期{expected}。",
    ),
    Phrase(
        "Its longest diameter is {found}; {expected} was expected.",
        de="Größter Durchmesser {found}; erwartet wurde {expected}.",
        zh="最大直径为 {found}；预期{expected}。",
    ),
    Phrase(
        "It reaches {found}; {expected} was expected.",
        de="Er reicht über {found}; erwartet wurde {expected}.",
        zh="累及 {found}；预期{expected}。",
    ),
    Phrase(
        "It has {found}; {expected} was expected.",
        de="Er hat {found}; erwartet wurde {expected}.",
        zh="含 {found}；预期{expected}。",
    ),
    Phrase(
        "It is {found} of the body in the image; {expected} was expected.",
        de="Er macht {found} des Körpers im Bild aus; erwartet wurde {expected}.",
        zh="占图像中身体的 {found}；预期{expected}。",
    ),
    Phrase(
        "{found} of it lies outside the body; {expected} was expected.",
        de="{found} davon liegen außerhalb des Körpers; erwartet wurde {expected}.",
        zh="其中 {found} 位于身体之外；预期{expected}。",
    ),
    Phrase(
        "The segmented tissue enhances by {found} with contrast; {expected} was expected.",
        de="Das segmentierte Gewebe reichert um {found} an; erwartet wurde {expected}.",
        zh="所分割组织的强化幅度为 {found}；预期{expected}。",
    ),
    Phrase(
        "The segmented tissue is hardly brighter than its surroundings: with a probability of {found}; {expected} was "
        "expected.",
        de=(
            "Das segmentierte Gewebe ist kaum heller als seine Umgebung: mit einer Wahrscheinlichkeit von {found}; "
            "erwartet wurde {expected}."
        ),
        zh="所分割组织几乎不比周围亮：概率为 {found}；预期{expected}。",
    ),
    Phrase(
        "The segmented tissue is no brighter than its surroundings: with a probability of {found}; {expected} was "
        "expected.",
        de=(
            "Das segmentierte Gewebe ist nicht heller als seine Umgebung: mit einer Wahrscheinlichkeit von {found}; "
            "erwartet wurde {expected}."
        ),
        zh="所分割组织不比周围亮：概率为 {found}；预期{expected}。",
    ),
    Phrase(
        "{found} of the other tissue in the image is darker than the segmented tissue; {expected} was expected.",
        de="{found} des übrigen Gewebes im Bild sind dunkler als das segmentierte; erwartet wurde {expected}.",
        zh="图像中其他组织有 {found} 比所分割组织暗；预期{expected}。",
    ),
    Phrase("at most {limit}", de="höchstens {limit}", zh="不超过 {limit}"),
    Phrase("at least {limit}", de="mindestens {limit}", zh="不低于 {limit}"),
    Phrase("{value:n} %", de="{value}\u00a0%", zh="{value}%"),
    Phrase("{count:n} slice[s|]", de="{count} {count?Schicht|Schichten}", zh="{count} 层"),
    Phrase("{count:n} voxel[s|]", de="{count} Voxel", zh="{count} 个体素"),
    Phrase(
        "Check the segmentation and send it again.",
        de="Die Segmentierung prüfen und erneut senden.",
        zh="请检查分割并重新发送。",
    ),
    Phrase(
        "Check the segmentation and send it again (limits: {names:t}).",
        de="Die Segmentierung prüfen und erneut senden (Grenzwerte: {names}).",
        zh="请检查分割并重新发送（限值：{names}）。",
    ),
    Phrase(
        "Whether the tumour enhances with contrast was not checked, because {why}.",
        de="Ob der Tumor Kontrastmittel anreichert, wurde nicht geprüft: {why}.",
        zh="未核查肿瘤是否强化：{why}。",
    ),
    Phrase(
        "Whether the tumour is brighter than its surroundings was not checked, because {why}.",
        de="Ob der Tumor heller ist als seine Umgebung, wurde nicht geprüft: {why}.",
        zh="未核查肿瘤是否比周围亮：{why}。",
    ),
    Phrase(
        "there are no images before contrast",
        de="es gibt keine Bilder vor Kontrastmittelgabe",
        zh="没有注射对比剂之前的图像",
    ),
    Phrase(
        "the tumour is black before contrast",
        de="der Tumor ist vor Kontrastmittelgabe schwarz",
        zh="注射对比剂之前肿瘤为黑色",
    ),
    Phrase(
        "no tissue lies around the tumour in the image",
        de="im Bild liegt kein Gewebe um den Tumor",
        zh="图像中肿瘤周围没有组织",
    ),
)
_REGIONS: Final = (
    Phrase(
        "The tumour has only {count:n} voxel[s|] ({size} cm³) on {on:s}; texture features of fewer than {limit:n} "
        "voxels are unstable.",
        de=(
            "Der Tumor hat auf {on} nur {count} Voxel ({size} cm³); Texturmerkmale von weniger als {limit} Voxeln sind "
            "instabil."
        ),
        zh="{on} 上的肿瘤只有 {count} 个体素（{size} cm³）；不足 {limit} 个体素的纹理特征不稳定。",
    ),
    Phrase(
        "The tumour touches the edge of the {on:s} image; a part of it may be missing, and {share} of its voxels lack "
        "neighbours there.",
        de=(
            "Der Tumor berührt den Rand des {on}-Bildes; ein Teil kann fehlen, und {share} seiner Voxel haben dort "
            "keine Nachbarn."
        ),
        zh="肿瘤触及 {on} 图像的边缘；可能缺失一部分，且其 {share} 的体素在该处没有邻点。",
    ),
    Phrase(
        "On {on:s}, {share} of the {width:n} mm around the tumour lies {where} and is left out of the peritumoral "
        "region.",
        de=(
            "Auf {on} liegen {share} der {width} mm um den Tumor {where} und bleiben aus der peritumoralen Randzone "
            "ausgenommen."
        ),
        zh="在 {on} 上，肿瘤周围 {width} mm 范围的 {share} 位于{where}，未计入瘤周区。",
    ),
    Phrase("beyond the edge of the {on:s} image", de="jenseits des Randes des {on}-Bildes", zh=" {on} 图像边缘之外"),
    Phrase("outside the body", de="außerhalb des Körpers", zh="身体之外"),
    Phrase(
        "On {on:s}, {share} of the box of the tumour and the {count:n} voxels about it that filters read lies beyond "
        "the edge of the image, where its values were continued.",
        de=(
            "Auf {on} liegen {share} des Quaders um den Tumor und die {count} Voxel ringsum, die die Filter lesen, "
            "jenseits des Bildrands; dort wurden die Werte fortgesetzt."
        ),
        zh="在 {on} 上，肿瘤包围盒及滤波器读取的周围 {count} 个体素中有 {share} 位于图像边缘之外，该处数值为延拓所得。",
    ),
    Phrase(
        "On {on:s}, {share} of the box of the {width:n} mm around the tumour and the {count:n} voxels about it that "
        "filters read lies beyond the edge of the image, where its values were continued.",
        de=(
            "Auf {on} liegen {share} des Quaders um die {width} mm um den Tumor und die {count} Voxel ringsum, die die "
            "Filter lesen, jenseits des Bildrands; dort wurden die Werte fortgesetzt."
        ),
        zh=(
            "在 {on} 上，肿瘤周围 {width} mm 的包围盒及滤波器读取的周围 {count} 个体素中有 {share} 位于图像边缘之外，"
            "该处数值为延拓所得。"
        ),
    ),
    Phrase(
        "The tumour on {on:s} ({size} cm³) encloses {hollow} cm³ that were not segmented; they were {done} (setting "
        "cavities).",
        de=(
            "Der Tumor auf {on} ({size} cm³) umschließt {hollow} cm³, die nicht segmentiert wurden; sie wurden {done} "
            "(Einstellung cavities)."
        ),
        zh="{on} 上的肿瘤（{size} cm³）包围着 {hollow} cm³ 未分割的部分；该部分{done}（设置 cavities）。",
    ),
    Phrase("counted as tumour", de="zum Tumor gezählt", zh="计入肿瘤"),
    Phrase(
        "left out of tumour and surroundings",
        de="weder zum Tumor noch zur Umgebung gezählt",
        zh="既不计入肿瘤也不计入周围组织",
    ),
    Phrase(
        "The tumour was segmented on {one:s} and carried over to {other:s} in patient space ({there} cm³ there, "
        "{here} cm³ here); motion between the two is not corrected.",
        de=(
            "Der Tumor wurde auf {one} segmentiert und über die Patientenkoordinaten auf {other} übertragen (dort "
            "{there} cm³, hier {here} cm³); Bewegung dazwischen ist nicht korrigiert."
        ),
        zh=(
            "肿瘤在 {one} 上分割，并按患者坐标映射到 {other}（原为 {there} cm³，此处 {here} cm³）；两者之间的运动未校"
            "正。"
        ),
    ),
    Phrase(
        "On the grid of {on:s} the tumour measures {here} cm³ instead of the {there} cm³ segmented ({change}): the "
        "voxels are large for it.",
        de=(
            "Auf dem Gitter von {on} misst der Tumor {here} cm³ statt der segmentierten {there} cm³ ({change}): Die "
            "Voxel sind groß für ihn."
        ),
        zh="在 {on} 的网格上肿瘤为 {here} cm³，而分割为 {there} cm³（{change}）：相对于肿瘤，体素偏大。",
    ),
    Phrase(
        "{share} of the tumour lies outside the {on:s} image.",
        de="{share} des Tumors liegen außerhalb des {on}-Bildes.",
        zh="肿瘤的 {share} 位于 {on} 图像之外。",
    ),
    Phrase(
        "The tumour on {on:s} lies in one {axis} only: shape and texture across it are undetermined.",
        de="Der Tumor auf {on} liegt in nur einer {axis}: Form und Textur quer dazu sind unbestimmt.",
        zh="{on} 上的肿瘤仅位于一个{axis}内：垂直方向的形态和纹理无法确定。",
    ),
    Phrase("slice", de="Schicht", zh="层"),
    Phrase("row", de="Zeile", zh="行"),
    Phrase("column", de="Spalte", zh="列"),
    Phrase(
        "The tumour on {on:s} has {count:n} empty slice[s|] inside its extent (slice {where}): frames of the "
        "segmentation may be missing.",
        de=(
            "Der Tumor auf {on} hat {count} {count?leere Schicht|leere Schichten} innerhalb seiner Ausdehnung (Schicht "
            "{where}): Frames der Segmentierung können fehlen."
        ),
        zh="{on} 上的肿瘤范围内有 {count} 个空层（第 {where} 层）：分割可能缺少帧。",
    ),
    Phrase(
        "{count:n} tumour[ was|s were] segmented on {on:s} ({listed:t}); all of them together are analysed as one "
        "region of {size} cm³.",
        de=(
            "Auf {on} {count?wurde|wurden} {count} {count?Tumor|Tumoren} segmentiert ({listed}); alle zusammen werden "
            "als eine Region von {size} cm³ ausgewertet."
        ),
        zh="{on} 上分割了 {count} 个肿瘤（{listed}）；合并为一个 {size} cm³ 的区域分析。",
    ),
    Phrase(
        "{count:n} tumour[ was|s were] segmented on {on:s} ({listed:t}); only the largest, {name}, is analysed.",
        de=(
            "Auf {on} {count?wurde|wurden} {count} {count?Tumor|Tumoren} segmentiert ({listed}); nur der größte, "
            "{name}, wird ausgewertet."
        ),
        zh="{on} 上分割了 {count} 个肿瘤（{listed}）；仅分析最大的一个（{name}）。",
    ),
    Phrase(
        "The model '{name}' was trained on {one}; the settings ask for {other} ({on:s}).",
        de="Das Modell '{name}' wurde anders trainiert ({one}), als die Einstellungen verlangen ({other}; {on}).",
        zh="模型 '{name}' 的训练方式为：{one}；设置要求：{other}（{on}）。",
    ),
    Phrase("all tumours as one region", de="alle Tumoren als eine Region", zh="全部肿瘤作为一个区域"),
    Phrase("the largest tumour alone", de="nur der größte Tumor", zh="仅最大的肿瘤"),
    Phrase("patients with one tumour only", de="nur Patientinnen mit einem Tumor", zh="仅限单个肿瘤的患者"),
    Phrase(
        "Tumours were segmented on both sides of the {on:s} images: {left} cm³ in the left breast and {right} cm³ in "
        "the right. The models were made for one tumour, and both were analysed together.",
        de=(
            "Auf beiden Seiten der {on}-Bilder wurden Tumoren segmentiert: {left} cm³ in der linken und {right} cm³ in "
            "der rechten Brust. Die Modelle wurden für einen Tumor gemacht; beide wurden zusammen ausgewertet."
        ),
        zh=(
            "{on} 图像的两侧均分割有肿瘤：左侧乳腺 {left} cm³，右侧 {right} cm³。模型针对单个肿瘤而建，此处两者合并分"
            "析。"
        ),
    ),
    Phrase(
        "The images are of the {one} breast, but the segmentation says {other}: the side of the tumour is not stated. "
        "Check which is right.",
        de=(
            "Seite der Bilder: {one}, Seite der Segmentierung: {other}. Die Seite des Tumors wird nicht genannt. "
            "Prüfen, was stimmt."
        ),
        zh="图像的侧别为{one}，分割的侧别为{other}：不注明肿瘤侧别。请核对哪一个正确。",
    ),
    Phrase(
        "The {who:t} say[s|] {one}, but the tumour lies in the {other} half of images of both breasts: its side is not "
        "stated. Check which is right.",
        de=(
            "Angegebene Seite ({who}): {one}; der Tumor liegt aber in der anderen Hälfte ({other}) der Bilder beider "
            "Brüste. Die Seite wird nicht genannt. Prüfen, was stimmt."
        ),
        zh="注明的侧别（{who}）为{one}，但在双侧乳腺图像中肿瘤位于{other}：不注明侧别。请核对哪一个正确。",
    ),
    Phrase("segmentation", de="Segmentierung", zh="分割"),
    Phrase("images", de="Bilder", zh="图像"),
    Phrase("left", de="links", zh="左侧"),
    Phrase("right", de="rechts", zh="右侧"),
    Phrase("both sides", de="beide Seiten", zh="双侧"),
)
_OUTLINE: Final = (
    Phrase(
        "The tumour on {on:s} was outlined {how}.",
        de="Der Tumor auf {on} wurde {how} konturiert.",
        zh="{on} 上的肿瘤轮廓：{how}。",
    ),
    Phrase(
        "The tumour on {on:s} was outlined {how} ({method:t}).",
        de="Der Tumor auf {on} wurde {how} konturiert ({method}).",
        zh="{on} 上的肿瘤轮廓：{how}（{method}）。",
    ),
    Phrase("by hand", de="von Hand", zh="手工勾画"),
    Phrase("semi-automatically", de="halbautomatisch", zh="半自动勾画"),
    Phrase("automatically", de="automatisch", zh="自动勾画"),
    Phrase(
        "in a way the segmentation does not state",
        de="auf eine Weise, die die Segmentierung nicht angibt,",
        zh="分割未注明勾画方式",
    ),
    Phrase(
        "{method:s} from strokes on {count:n} slice[s|], version {version}",
        de="{method} aus Strichen auf {count} {count?Schicht|Schichten}, Version {version}",
        zh="{method}，依据 {count} 层上的标记，版本 {version}",
    ),
    Phrase("{method:t}, version {version}", de="{method}, Version {version}", zh="{method}，版本 {version}"),
    Phrase(
        "The draft was accepted unchanged{who:t}: Dice 1.00, {size} cm³.",
        de="Der Entwurf wurde unverändert übernommen{who}: Dice 1,00, {size} cm³.",
        zh="草稿未经修改即被采纳{who}：Dice 1.00，{size} cm³。",
    ),
    Phrase(
        "The draft was edited{who:t}: Dice {dice:n} between draft and final; {before} cm³ became {after} cm³.",
        de=(
            "Der Entwurf wurde bearbeitet{who}: Dice {dice} zwischen Entwurf und Endfassung; aus {before} cm³ wurden "
            "{after} cm³."
        ),
        zh="草稿经过修改{who}：草稿与最终版本的 Dice 为 {dice}；由 {before} cm³ 变为 {after} cm³。",
    ),
    Phrase(" by {name:t} on {when}", de=" von {name} am {when}", zh="（{name}，{when}）"),
    Phrase(" by {name:t}", de=" von {name}", zh="（{name}）"),
    Phrase(
        ", by whom is not stated on {when}", de=" (von wem, ist nicht angegeben) am {when}", zh="（未注明由谁，{when}）"
    ),
    Phrase(", by whom is not stated", de=" (von wem, ist nicht angegeben)", zh="（未注明由谁）"),
    Phrase(
        "The method adds to what readers differ by: the other contours of the plausible range agree with this one at "
        "Dice {one:n} instead of {other:n}.",
        de=(
            "Die Methode vergrößert die Unterschiede zwischen Befundern: Die anderen Konturen des plausiblen "
            "Bereichs "
            "stimmen mit dieser bei Dice {one} statt {other} überein."
        ),
        zh="该方法增大了阅片者之间的差异：合理范围内的其他轮廓与此轮廓的 Dice 为 {one}，而非 {other}。",
    ),
)
TUMOUR: Final = (*_OF_A_TUMOUR, *_REGIONS, *_OUTLINE)
