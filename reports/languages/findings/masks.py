"""Phrases about segmentations and their place on the images (`dicom_io.masks`, `dicom_io.reading`, `mask_fit`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

MASKS: Final = (
    Phrase(
        "On {on:s} the newer segmentation counts: {later:t} replaces {earlier:t}, since both are about the same region "
        "(Dice {dice:n}).",
        de=(
            "Auf {on} gilt die neuere Segmentierung: {later} ersetzt {earlier}, da beide dieselbe Region betreffen "
            "(Dice "
            "{dice})."
        ),
        zh="在 {on} 上以较新的分割为准：{later} 取代 {earlier}，因为两者针对同一区域（Dice {dice}）。",
    ),
    Phrase(
        "Could be a tumour as well, but cannot be used: {names:t}.",
        de="Könnte ebenfalls ein Tumor sein, ist aber nicht verwendbar: {names}.",
        zh="也可能是肿瘤，但无法使用：{names}。",
    ),
    Phrase(
        "Not used on {on:s}, because a rule with precedence chose the tumour: {names:t}.",
        de="Auf {on} nicht verwendet, weil eine vorrangige Regel den Tumor gewählt hat: {names}.",
        zh="在 {on} 上未使用，因为优先级更高的规则已选定肿瘤：{names}。",
    ),
    Phrase(
        "The tumour was drawn on {drawn:t}; the series {used:t} was taken instead: check that it shows the tumour "
        "where it "
        "was drawn.",
        de=(
            "Gezeichnet wurde der Tumor auf: {drawn}; stattdessen wurde die Serie {used} genommen: prüfen, ob sie den "
            "Tumor dort zeigt, wo er gezeichnet wurde."
        ),
        zh="肿瘤勾画于：{drawn}；改用了序列 {used}：请核对肿瘤是否位于勾画之处。",
    ),
    Phrase(
        "The tumour was drawn on {drawn:t}; phase {phase:n} of {count:n} ({why}) of the series {used:t} was taken "
        "instead: "
        "check that it shows the tumour where it was drawn.",
        de=(
            "Gezeichnet wurde der Tumor auf: {drawn}; stattdessen wurde Phase {phase} von {count} ({why}) der Serie "
            "{used} genommen: prüfen, ob sie den Tumor dort zeigt, wo er gezeichnet wurde."
        ),
        zh=("肿瘤勾画于：{drawn}；改用了序列 {used} 的第 {phase}/{count} 期（{why}）：请核对肿瘤是否位于勾画之处。"),
    ),
    Phrase("the series {names:t}, which is not used", de="Serie {names}, nicht verwendet", zh="序列 {names}（未使用）"),
    Phrase(
        "{count:n} image[s|] that did not arrive with the study",
        de="{count} {count?Bild, das|Bilder, die} nicht mit der Untersuchung eintrafen",
        zh="未随检查到达的 {count} 幅图像",
    ),
    Phrase(
        "The tumour on {on:s} is stored as fractions of {whole:n}; voxels of at least half of it ({half:n}) were "
        "taken.",
        de=(
            "Der Tumor auf {on} ist in Bruchteilen von {whole} gespeichert; Voxel mit mindestens der Hälfte ({half}) "
            "wurden genommen."
        ),
        zh="{on} 上的肿瘤以 {whole} 为满值的分数存储；取不低于一半（{half}）的体素。",
    ),
    Phrase(
        "The tumour segmentation has another grid than the {on:s} images; it was carried over in patient space "
        "(nearest neighbour).",
        de=(
            "Die Tumorsegmentierung hat ein anderes Gitter als die {on}-Bilder; sie wurde über die "
            "Patientenkoordinaten übertragen (nächster Nachbar)."
        ),
        zh="肿瘤分割的网格与 {on} 图像不同；已按患者坐标映射（最近邻）。",
    ),
    Phrase(
        "The frames of the tumour segmentation lie {distance:n} mm off the {on:s} voxels ({slices:n} slices, {rows:n} "
        "rows, {columns:n} columns); nearest neighbour was used.",
        de=(
            "Die Frames der Tumorsegmentierung liegen {distance} mm neben den {on}-Voxeln ({slices} Schichten, {rows} "
            "Zeilen, {columns} Spalten); verwendet wurde der nächste Nachbar."
        ),
        zh=("肿瘤分割的帧偏离 {on} 体素 {distance} mm（{slices} 层，{rows} 行，{columns} 列）；采用最近邻。"),
    ),
    Phrase(
        "{count:n} voxel[s|] of the tumour segmentation [lies|lie] on the border of the {on:s} images and [was|were] "
        "left out.",
        de=(
            "{count} Voxel der Tumorsegmentierung {count?liegt|liegen} am Rand der {on}-Bilder und "
            "{count?wurde|wurden} ausgenommen."
        ),
        zh="肿瘤分割有 {count} 个体素位于 {on} 图像的边界上，已排除。",
    ),
    Phrase(
        "{count:n} of {total:n} frame[s|] of the segmentation [names|name] images at another place (up to {distance:n} "
        "mm off) than the images they lie on; they were placed by their own positions. Check on the key image that the "
        "tumour is where it was drawn.",
        de=(
            "{count} von {total} Frames der Segmentierung {count?nennt|nennen} Bilder an anderer Stelle (bis zu "
            "{distance} mm entfernt) als die, auf denen sie liegen; sie wurden nach ihrer eigenen Position "
            "eingeordnet. "
            "Am Schlüsselbild prüfen, ob der Tumor dort ist, wo er gezeichnet wurde."
        ),
        zh=(
            "分割的 {total} 帧中有 {count} 帧所引用的图像与其实际所在的图像位置不同（相差最多 {distance} mm）；"
            "已按其自身位置放置。请在关键图像上核对肿瘤是否位于勾画之处。"
        ),
    ),
    Phrase(
        "The frames of the segmentation have {rows:n} × {columns:n} pixels, the images it names {other:n} × {wide:n}, "
        "from the same corner and of the same size. Check on the key image that the tumour is where it was drawn.",
        de=(
            "Die Frames der Segmentierung haben {rows} × {columns} Pixel, die genannten Bilder {other} × {wide}, von "
            "derselben Ecke aus und gleich groß. Am Schlüsselbild prüfen, ob der Tumor dort ist, wo er gezeichnet "
            "wurde."
        ),
        zh=(
            "分割的帧为 {rows} × {columns} 像素，其引用的图像为 {other} × {wide} 像素，起点和像素大小相同。"
            "请在关键图像上核对肿瘤是否位于勾画之处。"
        ),
    ),
    Phrase(
        "The frames of the segmentation are {one:n} mm apart, the images it names {other:n} mm, on one grid of rows "
        "and columns. Check that its writer did not take the slice thickness for the distance.",
        de=(
            "Die Frames der Segmentierung sind {one} mm voneinander entfernt, die genannten Bilder {other} mm, bei "
            "gleichem Gitter aus Zeilen und Spalten. Prüfen, ob nicht die Schichtdicke als Abstand genommen wurde."
        ),
        zh="分割的帧间距为 {one} mm，其引用的图像为 {other} mm，行列网格相同。请核对写入程序是否把层厚当作间距。",
    ),
    Phrase(
        "The corners of the frames of the segmentation lie up to {distance:n} voxels off the images they name; at most "
        "{limit:n} was expected.",
        de=(
            "Die Ecken der Frames der Segmentierung liegen bis zu {distance} Voxel neben den genannten Bildern; "
            "erwartet "
            "wurde höchstens {limit}."
        ),
        zh="分割各帧的角点偏离其引用图像最多 {distance} 个体素；预期不超过 {limit}。",
    ),
    Phrase(
        "{count:n} frame[s|] of the segmentation [is|are] there twice, equal in position and pixels; each counts once.",
        de=(
            "{count} {count?Frame|Frames} der Segmentierung {count?ist|sind} zweimal vorhanden, gleich in Position und "
            "Pixeln; jeder zählt einmal."
        ),
        zh="分割有 {count} 帧重复，位置和像素均相同；各计一次。",
    ),
    Phrase(
        "{count:n} frame[s|] of the segmentation [has|have] exactly the pixels of the one beside them ({extent} along "
        "the normal): it was drawn on fewer slices and carried on, or frames were stored twice.",
        de=(
            "{count} {count?Frame|Frames} der Segmentierung {count?hat|haben} genau die Pixel des Nachbarn ({extent} "
            "entlang der Normalen): Es wurde auf weniger Schichten gezeichnet und fortgesetzt, oder Frames wurden "
            "zweimal gespeichert."
        ),
        zh="分割有 {count} 帧与相邻帧像素完全相同（沿法向 {extent}）：可能只在较少层面上勾画后延续，或帧被重复存储。",
    ),
    Phrase(
        "{count:n} frame[s|] of the segmentation in a row have exactly the pixels of {other:n} other[s|] ({one}, and "
        "{two} along the normal): its writer may have stored them under wrong positions. Check on the key image that "
        "the tumour is where it was drawn.",
        de=(
            "{count} aufeinanderfolgende Frames der Segmentierung haben genau die Pixel von {other} anderen ({one} und "
            "{two} entlang der Normalen): Womöglich wurden sie unter falschen Positionen gespeichert. Am Schlüsselbild "
            "prüfen, ob der Tumor dort ist, wo er gezeichnet wurde."
        ),
        zh=(
            "分割有连续 {count} 帧与另外 {other} 帧像素完全相同（沿法向 {one} 和 {two}）：可能存储了错误的位置。"
            "请在关键图像上核对肿瘤是否位于勾画之处。"
        ),
    ),
    Phrase("{low:n} to {high:n} mm", de="{low} bis {high} mm", zh="{low} 至 {high} mm"),
    Phrase(
        "{count:n} of the contours of {name} enclose no area ({points}) and were left out.",
        de="{count} der Konturen von {name} umschließen keine Fläche ({points}) und wurden ausgenommen.",
        zh="{name} 有 {count} 条轮廓未围成面积（{points}），已排除。",
    ),
    Phrase(
        "{count:n} of {points:n} point[s|]",
        de="{count} mit {points} {points?Punkt|Punkten}",
        zh="{count} 条各 {points} 点",
    ),
    Phrase(
        "{count:n} of the contours of {name} are there twice (slice {where}); each was taken once.",
        de="{count} der Konturen von {name} sind zweimal vorhanden (Schicht {where}); jede wurde einmal genommen.",
        zh="{name} 有 {count} 条轮廓重复（第 {where} 层）；各取一次。",
    ),
    Phrase(
        "{count:n} of the contours of {name} overlap in part (slice {where}); their union was taken.",
        de=(
            "{count} der Konturen von {name} überlappen sich teilweise (Schicht {where}); genommen wurde die "
            "Vereinigung."
        ),
        zh="{name} 有 {count} 条轮廓部分重叠（第 {where} 层）；取其并集。",
    ),
    Phrase(
        "Beside its closed contours {name} has others that enclose nothing ({found}); they were left out.",
        de=(
            "Neben den geschlossenen Konturen hat {name} andere, die nichts umschließen ({found}); sie wurden "
            "ausgenommen."
        ),
        zh="除闭合轮廓外，{name} 还有未围成区域的轮廓（{found}）；已排除。",
    ),
    Phrase(
        "T1+C and T2W have different Frames of Reference; each has its own segmentation, so nothing was carried over "
        "from one to the other.",
        de=(
            "T1+C und T2W haben verschiedene Frames of Reference; jede hat eine eigene Segmentierung, es wurde nichts "
            "übertragen."
        ),
        zh="T1+C 与 T2W 的 Frame of Reference 不同；两者各有分割，因此没有相互映射。",
    ),
    Phrase(
        "T1+C and T2W have different Frames of Reference. {other:s} was registered rigidly to {one:s}: translation "
        "{shift:n} mm ({along} mm to the left, back and head), rotation {angle:n}°, mutual information {after:n} "
        "(before: {before:n}). The tumour of {drawn:s} was carried over with it: check it.",
        de=(
            "T1+C und T2W haben verschiedene Frames of Reference. {other} wurde starr auf {one} registriert: "
            "Verschiebung "
            "{shift} mm ({along} mm nach links, dorsal und kranial), Drehung {angle}°, Transinformation {after} "
            "(vorher: {before}). Der Tumor von {drawn} wurde damit übertragen: prüfen."
        ),
        zh=(
            "T1+C 与 T2W 的 Frame of Reference 不同。已将 {other} 刚性配准到 {one}：平移 {shift} mm（向左、后、头侧 "
            "{along} "
            "mm），旋转 {angle}°，互信息 {after}（之前 {before}）。{drawn} 的肿瘤随之映射：请核对。"
        ),
    ),
    Phrase(
        "T1+C and T2W have different Frames of Reference. Registering {other:s} to {one:s} found no motion that fits "
        "better than their coordinates as they are (mutual information {after:n}, before {before:n}), so these were "
        "kept. The tumour of {drawn:s} was carried over with them: check it.",
        de=(
            "T1+C und T2W haben verschiedene Frames of Reference. Beim Registrieren von {other} auf {one} passte keine "
            "Bewegung besser als die Koordinaten selbst (Transinformation {after}, vorher {before}); sie wurden "
            "beibehalten. Der Tumor von {drawn} wurde damit übertragen: prüfen."
        ),
        zh=(
            "T1+C 与 T2W 的 Frame of Reference 不同。将 {other} 配准到 {one} 未找到比原坐标更合适的变换（互信息 "
            "{after}，之前 "
            "{before}），因此保留原坐标。{drawn} 的肿瘤据此映射：请核对。"
        ),
    ),
    Phrase(
        "The mask is on another grid than the image ({differing}); its voxels lie within {share:n} of a voxel of the "
        "image's and were taken for these.",
        de=(
            "Die Maske liegt auf einem anderen Gitter als das Bild ({differing}); ihre Voxel liegen höchstens {share} "
            "Voxel neben denen des Bildes und wurden für diese genommen."
        ),
        zh="掩膜与图像的网格不同（{differing}）；其体素与图像体素相差不到 {share} 个体素，视为相同。",
    ),
    Phrase(
        "The mask is on another grid than the image ({differing}) and was carried over in patient space: {there} "
        "there; {here} here.",
        de=(
            "Die Maske liegt auf einem anderen Gitter als das Bild ({differing}) und wurde über die "
            "Patientenkoordinaten übertragen: dort {there}; hier {here}."
        ),
        zh="掩膜与图像的网格不同（{differing}），已按患者坐标映射：原为 {there}；此处 {here}。",
    ),
    Phrase(
        "{share} of it lie outside the image.",
        de="{share} davon liegen außerhalb des Bildes.",
        zh="其中 {share} 位于图像之外。",
    ),
    Phrase(
        "Its volume changed by {change}: the voxels are large for it.",
        de="Ihr Volumen änderte sich um {change}: Die Voxel sind groß für sie.",
        zh="其体积变化 {change}：相对而言体素偏大。",
    ),
    Phrase(
        "its size is {one} voxels instead of {other} (slices × rows × columns)",
        de="Größe {one} statt {other} Voxel (Schichten × Zeilen × Spalten)",
        zh="大小为 {one} 而非 {other} 个体素（层 × 行 × 列）",
    ),
    Phrase(
        "its voxels measure {one} instead of {other}",
        de="Voxelgröße {one} statt {other}",
        zh="体素大小为 {one} 而非 {other}",
    ),
    Phrase(
        "its axes are in another order ({along} of the image)",
        de="andere Reihenfolge der Achsen ({along} des Bildes)",
        zh="坐标轴次序不同（{along}，以图像为准）",
    ),
    Phrase("its {axes} run the other way", de="umgekehrte Richtung: {axes}", zh="方向相反：{axes}"),
    Phrase("its direction is turned by {angle:n}°", de="um {angle}° gedreht", zh="方向旋转 {angle}°"),
    Phrase(
        "its origin is {distance:n} mm from that of the image ({steps} voxels)",
        de="Ursprung {distance} mm von dem des Bildes entfernt ({steps} Voxel)",
        zh="原点距图像原点 {distance} mm（{steps} 个体素）",
    ),
    Phrase(
        "its first voxel is {distance:n} mm from that of the image ({steps} voxels)",
        de="erstes Voxel {distance} mm von dem des Bildes entfernt ({steps} Voxel)",
        zh="首个体素距图像首个体素 {distance} mm（{steps} 个体素）",
    ),
    Phrase("{one} along the {other}", de="{one} entlang {other}", zh="{one}沿{other}"),
    Phrase("slices", de="Schichten", zh="层"),
    Phrase("rows", de="Zeilen", zh="行"),
    Phrase("columns", de="Spalten", zh="列"),
)
