"""Phrases about the models and where their numbers come from (`models.inference`, `models.features`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

_STATISTICS: Final = (
    ("Harrell's C", "C-Index nach Harrell", "Harrell C 指数"),
    ("area under the ROC curve", "Fläche unter der ROC-Kurve", "ROC 曲线下面积"),
)
_AGAINST: Final = (
    Phrase(
        "The cut-off of {cut_off} lies in the plausible range of the score, {low} to {high}.",
        de="Der Trennwert von {cut_off} liegt im plausiblen Bereich des Scores, {low} bis {high}.",
        zh="界值 {cut_off} 位于评分的合理范围 {low} 至 {high} 之内。",
    ),
    Phrase(
        "The model '{name}' {version} gives no plausible range, because its package holds one training without members "
        "or refits: it is not known whether another contour of the tumour or another training would change the group. "
        "Train the package again with this version of the software.",
        de=(
            "Das Modell '{name}' {version} gibt keinen plausiblen Bereich an, weil sein Paket nur ein Training ohne "
            "Mitglieder oder Wiederholungen enthält: Ob eine andere Kontur des Tumors oder ein anderes Training die "
            "Gruppe "
            "ändern würde, ist nicht bekannt. Das Paket mit dieser Version der Software neu trainieren."
        ),
        zh=(
            "模型 '{name}' {version} 不给出合理范围，因为其模型包只含一次训练，没有集成成员或重复训练：不知道换一个肿"
            "瘤轮廓或"
            "重新训练是否会改变分组。请用本版本软件重新训练该模型包。"
        ),
    ),
    *(
        Phrase(
            f"The model '{{name}}' could not be shown to tell patients apart: {statistic} {{value}} out of fold, and "
            f"0.50 "
            "is chance.",
            de=(
                "Für das Modell '{name}' ließ sich nicht zeigen, dass es Patientinnen unterscheidet: "
                f"{german}, kreuzvalidiert: {{value}}; 0,50 entspricht dem Zufall."
            ),
            zh=f"未能证明模型 '{{name}}' 能区分患者：{chinese}（折外）{{value}}，而 0.50 相当于随机。",
        )
        for statistic, german, chinese in _STATISTICS
    ),
    *(
        Phrase(
            f"The model '{{name}}' showed no signal in its training: {statistic} {{value:n}} out of fold, 95% interval "
            "{low:n} to {high:n}, which does not lie above the 0.50 of chance. Its numbers say nothing about this "
            "patient.",
            de=(
                f"Das Modell '{{name}}' zeigte im Training kein Signal: {german}, kreuzvalidiert: {{value}}, "
                "95-%-Intervall {low} bis {high}; es liegt nicht über dem Zufallswert 0,50. Seine Zahlen sagen nichts "
                "über diese Patientin aus."
            ),
            zh=(
                f"模型 '{{name}}' 在训练中没有表现出信号：{chinese}（折外）{{value}}，95% 区间 {{low}} 至 {{high}}，"
                "未高于随机水平 0.50。其数值对该患者没有意义。"
            ),
        )
        for statistic, german, chinese in _STATISTICS
    ),
    Phrase("Not applicable, because {why:t}.", de="Nicht anwendbar: {why}.", zh="不适用：{why}。"),
    Phrase(
        "{value:n} (95% {low:n} to {high:n})",
        de="{value} (95\u00a0% {low} bis {high})",
        zh="{value}（95% {low} 至 {high}）",
    ),
    Phrase(
        "The model '{name}': must not be used on patients: {count:n} event[s|] for about {parameters:n} effective "
        "parameters are fewer than {limit:n} for each.",
        de=(
            "Das Modell '{name}' darf nicht auf Patientinnen angewendet werden: {count} {count?Ereignis|Ereignisse} "
            "für "
            "etwa {parameters} effektive Parameter sind weniger als {limit} je Parameter."
        ),
        zh="模型 '{name}' 不得用于患者：约 {parameters} 个有效参数只有 {count} 个事件，每个参数不足 {limit} 个。",
    ),
    Phrase(
        "The model '{name}': must not be used on patients: {count:n} patient[s|] of the rarer class for about "
        "{parameters:n} effective parameters are fewer than {limit:n} for each.",
        de=(
            "Das Modell '{name}' darf nicht auf Patientinnen angewendet werden: {count} {count?Patientin|Patientinnen} "
            "der selteneren Klasse für etwa {parameters} effektive Parameter sind weniger als {limit} je Parameter."
        ),
        zh=(
            "模型 '{name}' 不得用于患者：约 {parameters} 个有效参数只有 {count} 名较少类别的患者，每个参数不足 "
            "{limit} 名。"
        ),
    ),
    Phrase(
        "The images are {how} those of the training patients of '{name}': {ratio:n} times the limit that 99% of new "
        "patients keep, and {count:n} of {total:n} input[s|] beyond {far:n} standard deviations ({usual}).",
        de=(
            "Bilder im Vergleich zu denen der Trainingspatientinnen von '{name}': {how}; das {ratio}-Fache der Grenze, "
            "die 99\u00a0% neuer Patientinnen einhalten, und {count} von {total} Eingaben jenseits von {far} "
            "Standardabweichungen ({usual})."
        ),
        zh=(
            "这些图像与 '{name}' 的训练患者图像{how}：为 99% 新患者所满足限值的 {ratio} 倍，{total} 个输入中有 "
            "{count} 个"
            "超出 {far} 倍标准差（{usual}）。"
        ),
    ),
    Phrase("far from", de="weit davon entfernt", zh="相差甚远"),
    Phrase("unlike", de="unähnlich", zh="不相似"),
    Phrase(
        "how many are usual this package does not state",
        de="wie viele üblich sind, gibt dieses Paket nicht an",
        zh="本模型包未注明通常的个数",
    ),
    Phrase(
        "{count:n} at most in 99% of new patients",
        de="höchstens {count} bei 99\u00a0% neuer Patientinnen",
        zh="99% 的新患者不超过 {count} 个",
    ),
    Phrase(
        "A score would be extrapolated: the model sees such inputs as if they were closer.",
        de="Ein Score wäre extrapoliert: Das Modell sieht solche Eingaben, als wären sie näher.",
        zh="评分将属于外推：模型会把此类输入当作更接近的输入处理。",
    ),
    Phrase(
        "This comparison cannot tell: {what}.",
        de="Dieser Vergleich erkennt nicht: {what}.",
        zh="此比较无法识别：{what}。",
    ),
    Phrase(
        "The inputs of the model '{name}' are unlike those of its training patients: {reasons}. 99% of new patients "
        "from the same source stay below each limit.",
        de=(
            "Die Eingaben des Modells '{name}' unterscheiden sich von denen seiner Trainingspatientinnen: {reasons}. "
            "99\u00a0% neuer Patientinnen derselben Herkunft bleiben unter jeder Grenze."
        ),
        zh="模型 '{name}' 的输入与其训练患者的输入不相似：{reasons}。同一来源的新患者有 99% 低于各限值。",
    ),
    Phrase(
        "they do not follow the pattern of the training patients (residual {value:n}, limit {limit:n})",
        de="sie folgen nicht dem Muster der Trainingspatientinnen (Residuum {value}, Grenze {limit})",
        zh="不符合训练患者的模式（残差 {value}，限值 {limit}）",
    ),
    Phrase(
        "they are far along that pattern (Mahalanobis distance {value:n}, limit {limit:n})",
        de="sie liegen weit außen in diesem Muster (Mahalanobis-Abstand {value}, Grenze {limit})",
        zh="沿该模式偏离较远（马氏距离 {value}，限值 {limit}）",
    ),
    Phrase(
        "{count:n} of {total:n} ({share}) lie outside the range of 99% of them (limit {limit})",
        de="{count} von {total} ({share}) liegen außerhalb des Bereichs von 99\u00a0% von ihnen (Grenze {limit})",
        zh="{total} 个中有 {count} 个（{share}）超出其中 99% 的范围（限值 {limit}）",
    ),
    Phrase(
        "{count:n} input[s are| is] more than {far:n} standard deviations from the mean: {names:t}.",
        de=(
            "{count} {count?Eingabe ist|Eingaben sind} mehr als {far} Standardabweichungen vom Mittel entfernt: "
            "{names}."
        ),
        zh="有 {count} 个输入偏离均值超过 {far} 倍标准差：{names}。",
    ),
)
_ORIGIN: Final = (
    Phrase(
        "The features were extracted with settings {one}, but the model '{name}' was trained with settings {other}: "
        "its numbers are not comparable with those of its training patients.",
        de=(
            "Die Merkmale wurden mit den Einstellungen {one} berechnet, das Modell '{name}' wurde aber mit den "
            "Einstellungen {other} trainiert: Seine Zahlen sind nicht mit denen der Trainingspatientinnen vergleichbar."
        ),
        zh="特征按设置 {one} 提取，而模型 '{name}' 用设置 {other} 训练：其数值与训练患者的数值不可比。",
    ),
    Phrase(
        "The images were corrected with '{one}', but the model '{name}' was trained on images corrected with "
        "'{other}'.",
        de=(
            "Die Bilder wurden mit '{one}' korrigiert, das Modell '{name}' wurde aber an Bildern trainiert, die mit "
            "'{other}' korrigiert waren."
        ),
        zh="图像用 '{one}' 校正，而模型 '{name}' 用经 '{other}' 校正的图像训练。",
    ),
    Phrase(
        "The features were computed by '{one}'; those of the training patients of '{name}' by '{other}'.",
        de="Die Merkmale wurden mit '{one}' berechnet, die der Trainingspatientinnen von '{name}' mit '{other}'.",
        zh="特征由 '{one}' 计算；'{name}' 的训练患者特征由 '{other}' 计算。",
    ),
    Phrase(
        "The models ran on the CPU because {why}; the results are the same within rounding.",
        de="Die Modelle liefen auf der CPU ({why}); die Ergebnisse sind bis auf Rundung dieselben.",
        zh="模型在 CPU 上运行（{why}）；结果除舍入外相同。",
    ),
    Phrase(
        "this build of ONNX Runtime has no CUDA support",
        de="diese ONNX Runtime hat keine CUDA-Unterstützung",
        zh="此 ONNX Runtime 不支持 CUDA",
    ),
    Phrase(
        "ONNX Runtime could not start CUDA (driver, CUDA or cuDNN libraries)",
        de="ONNX Runtime konnte CUDA nicht starten (Treiber, CUDA- oder cuDNN-Bibliotheken)",
        zh="ONNX Runtime 无法启动 CUDA（驱动、CUDA 或 cuDNN 库）",
    ),
    Phrase(
        "The memory of the GPU did not suffice for the features of a region; they were computed on the CPU instead, "
        "with the same result.",
        de=(
            "Der Speicher der GPU reichte für die Merkmale einer Region nicht; sie wurden stattdessen auf der CPU "
            "berechnet, mit demselben Ergebnis."
        ),
        zh="GPU 内存不足以计算某一区域的特征；改在 CPU 上计算，结果相同。",
    ),
    Phrase(
        "Range from {trainings} and {contours}.",
        de="Bereich aus {trainings} und {contours}.",
        zh="范围来自{trainings}和{contours}。",
    ),
    Phrase(
        "{count:n} other training[s|] of the model",
        de="{count} {count?anderen Training|anderen Trainings} des Modells",
        zh="模型的 {count} 次其他训练",
    ),
    Phrase(
        "one training of the model (its members)",
        de="einem Training des Modells (seinen Mitgliedern)",
        zh="模型的一次训练（其集成成员）",
    ),
    Phrase(
        "{count:n} other contour[s|] of the tumour",
        de="{count} {count?anderen Kontur|anderen Konturen} des Tumors",
        zh="肿瘤的 {count} 个其他轮廓",
    ),
    Phrase("no other contour of the tumour", de="keiner anderen Kontur des Tumors", zh="无其他肿瘤轮廓"),
    Phrase(
        "{on:s} was left out, and models that need it were not run: {why:t}",
        de="{on} wurde weggelassen, und Modelle, die es brauchen, wurden nicht ausgeführt: {why}",
        zh="{on} 已排除，需要它的模型未运行：{why}",
    ),
    Phrase("{on:s} cannot be used: {why:t}", de="{on} ist nicht verwendbar: {why}", zh="{on} 无法使用：{why}"),
    Phrase("no {on:s} series was found", de="keine {on}-Serie gefunden", zh="未找到 {on} 序列"),
    Phrase(
        "no {on:s} series was found ({option} was assigned)",
        de="keine {on}-Serie gefunden ({option} wurde zugewiesen)",
        zh="未找到 {on} 序列（指定了 {option}）",
    ),
    Phrase(
        "it substitutes for '{model:t}', which was run because the study has all it needs ({what})",
        de="es vertritt '{model}', das ausgeführt wurde, weil die Untersuchung alles Nötige hat ({what})",
        zh="它是 '{model}' 的替代模型，而本检查具备后者所需的全部内容（{what}），故运行了后者",
    ),
    Phrase("T1+C and T2W", de="T1+C und T2W", zh="T1+C 和 T2W"),
    Phrase(
        "demonstration model, not trained on patients",
        de="Demonstrationsmodell, nicht an Patientinnen trainiert",
        zh="演示模型，未经患者数据训练",
    ),
    Phrase(
        "{count:n} simulated feature vectors (truth '{truth}', seed {seed:n}, models/simulation/cohort.py). No "
        "patient is "
        "behind them: distributions and correlations of the features were measured on lesions placed at random in "
        "public MR images, outcomes follow an invented risk",
        de=(
            "{count} simulierte Merkmalsvektoren (Wahrheit '{truth}', Startwert {seed}, "
            "models/simulation/cohort.py), keine "
            "Patientin: Verteilungen der Merkmale von zufällig in öffentliche MR-Bilder gesetzten Läsionen, Verläufe "
            "nach "
            "erfundenem Risiko"
        ),
        zh=(
            "{count} 个模拟特征向量（真值 '{truth}'，种子 {seed}，models/simulation/cohort.py）。其中没有真实患者："
            "特征的分布与相关性测自随机放置在公开 MR 图像中的病灶，结局遵循虚构的风险"
        ),
    ),
    Phrase("RDeepNet recurrence score", de="RDeepNet-Rezidivscore", zh="RDeepNet 复发评分"),
    Phrase(
        "RDeepNet recurrence score (T1+C only)",
        de="RDeepNet-Rezidivscore (nur T1+C)",
        zh="RDeepNet 复发评分（仅 T1+C）",
    ),
    Phrase("KRT7-AS expression", de="KRT7-AS-Expression", zh="KRT7-AS 表达"),
)
MODELS: Final = (*_AGAINST, *_ORIGIN)
