"""Phrases about the intended use and the headers (`models.intended_use`, `dicom_io.images.{subject,intended_use}`)."""

from __future__ import annotations

from typing import Final

from reports.languages.findings.phrase import Phrase

USE: Final = (
    Phrase(
        "The headers name another organ ({organ:t}); the models are meant for the breast.",
        de="Die Header nennen ein anderes Organ ({organ}); die Modelle sind für die Brust bestimmt.",
        zh="图像头信息注明的是其他器官（{organ}）；模型仅适用于乳腺。",
    ),
    Phrase(
        "The headers name a breast ({breast:t}) and another organ ({organ:t}).",
        de="Die Header nennen eine Brust ({breast}) und ein anderes Organ ({organ}).",
        zh="图像头信息既注明乳腺（{breast}），又注明其他器官（{organ}）。",
    ),
    Phrase(
        "The headers do not say that this is a breast.",
        de="Die Header sagen nicht, dass dies eine Brust ist.",
        zh="图像头信息未注明这是乳腺。",
    ),
    Phrase(
        "The headers do not say that this is a breast; the patient lay prone, as for one.",
        de="Die Header sagen nicht, dass dies eine Brust ist; die Patientin lag wie dafür üblich auf dem Bauch.",
        zh="图像头信息未注明这是乳腺；患者取俯卧位，与乳腺检查相符。",
    ),
    Phrase(
        "The headers say that the patient is male; the models are meant for women.",
        de="Laut Header ist der Patient männlich; die Modelle sind für Frauen bestimmt.",
        zh="图像头信息注明患者为男性；模型仅适用于女性。",
    ),
    Phrase(
        "The headers do not say that the patient is a woman.",
        de="Die Header sagen nicht, dass es sich um eine Frau handelt.",
        zh="图像头信息未注明患者为女性。",
    ),
    Phrase(
        "The headers do not say how old the patient is; the models are meant for women of {years:n} years and over.",
        de="Die Header geben das Alter nicht an; die Modelle sind für Frauen ab {years} Jahren bestimmt.",
        zh="图像头信息未注明患者年龄；模型适用于 {years} 岁及以上的女性。",
    ),
    Phrase(
        "The patient is {age} old; the models are meant for women of {years:n} years and over.",
        de="Alter der Patientin: {age}; die Modelle sind für Frauen ab {years} Jahren bestimmt.",
        zh="患者年龄为 {age}；模型适用于 {years} 岁及以上的女性。",
    ),
    Phrase(
        "The patient was {one} old by the dates of birth and study, but the headers state {other}: check that it is "
        "the right patient.",
        de=(
            "Nach Geburts- und Untersuchungsdatum betrug das Alter {one}, die Header geben {other} an: prüfen, ob es "
            "die richtige Patientin ist."
        ),
        zh="按出生日期和检查日期计算，患者年龄为 {one}，但图像头信息注明 {other}：请核对是否为该患者。",
    ),
    Phrase("less than 1 year", de="weniger als 1 Jahr", zh="不到 1 岁"),
    Phrase("{count:n} year[s|]", de="{count} {count?Jahr|Jahre}", zh="{count} 岁"),
    Phrase(
        "Nothing says that contrast was given before the T1+C images: no agent, no dynamic series.",
        de=(
            "Nichts belegt, dass vor den T1+C-Bildern Kontrastmittel gegeben wurde: kein Kontrastmittel angegeben, "
            "keine dynamische Serie."
        ),
        zh="没有任何信息表明 T1+C 图像采集前注射过对比剂：未注明对比剂，也不是动态序列。",
    ),
    Phrase(
        "The images were made at {strength:n} T; {low:n} to {high:n} T was expected.",
        de="Die Bilder wurden bei {strength} T aufgenommen; erwartet wurden {low} bis {high} T.",
        zh="图像在 {strength} T 下采集；预期为 {low} 至 {high} T。",
    ),
    Phrase("It was confirmed by {who:t}.", de="Bestätigt durch {who}.", zh="已由 {who} 确认。"),
    Phrase("the rule for the sender {title}", de="die Regel für den Absender {title}", zh="针对发送方 {title} 的规则"),
    Phrase(
        "the setting intended_use.confirmed",
        de="die Einstellung intended_use.confirmed",
        zh="设置 intended_use.confirmed",
    ),
    Phrase(
        "The headers mention an implant or silicone ({words:t}): the body mask holds it, and whether the training "
        "patients had implants is not known.",
        de=(
            "Die Header erwähnen ein Implantat oder Silikon ({words}): Es liegt in der Körpermaske, und ob die "
            "Trainingspatientinnen Implantate hatten, ist nicht bekannt."
        ),
        zh="图像头信息提到假体或硅胶（{words}）：身体掩膜包含它，而训练患者是否有假体不得而知。",
    ),
    Phrase(
        "The images declare {set}, which does not fit their texts: names may be shown wrongly.",
        de="Die Bilder geben {set} an, was nicht zu ihren Texten passt: Namen können falsch erscheinen.",
        zh="图像声明的字符集为 {set}，与其中的文本不符：姓名可能显示有误。",
    ),
    Phrase("no character set", de="keinen Zeichensatz", zh="（无）"),
    Phrase(
        "The images carry no {missing}; expected what the archive has. The report can be told by the Study Instance "
        "UID only: correct the patient at the archive and send the study again.",
        de=(
            "Die Bilder tragen keine Angabe zu {missing}; erwartet wird, was das Archiv führt. Der Bericht ist nur an "
            "der Study Instance UID zu erkennen: die Patientendaten im Archiv berichtigen und die Untersuchung erneut "
            "senden."
        ),
        zh=(
            "图像中没有 {missing}；应与归档系统中的一致。只能凭 Study Instance UID 识别本报告：请在归档系统中更正患者"
            "信息后"
            "重新发送检查。"
        ),
    ),
    Phrase("Patient ID and no Patient's Name", de="Patient ID und Patient's Name", zh="Patient ID 和 Patient's Name"),
    Phrase(
        "Patient or study attributes of the images hold values that DICOM does not allow. In the objects sent back: "
        "{values:t}. Correct them at the archive.",
        de=(
            "Patienten- oder Untersuchungsattribute der Bilder enthalten Werte, die DICOM nicht erlaubt. In den "
            "zurückgesendeten Objekten: {values}. Im Archiv berichtigen."
        ),
        zh="图像的患者或检查属性含有 DICOM 不允许的值。在返回的对象中：{values}。请在归档系统中更正。",
    ),
    Phrase("{value} (carried as it came)", de="{value} (unverändert übernommen)", zh="{value}（原样保留）"),
    Phrase("{value} (repaired)", de="{value} (repariert)", zh="{value}（已修复）"),
    *(
        Phrase(f"{{name}} {english}", de=f"{{name}} {german}", zh=f"{{name}} {chinese}")
        for english, german, chinese in (
            ("is none of F, M, O", "ist keines von F, M, O", "不是 F、M、O 之一"),
            ("is no offset from UTC", "ist kein Abstand zu UTC", "不是与 UTC 的时差"),
            ("is no time of the form HHMMSS", "ist keine Zeit der Form HHMMSS", "不是 HHMMSS 形式的时间"),
            ("holds control characters", "enthält Steuerzeichen", "含有控制字符"),
            ("holds a backslash", "enthält einen Backslash", "含有反斜杠"),
            ("has too many components", "hat zu viele Komponenten", "组成部分过多"),
            ("is no valid {vr:s}", "ist kein gültiges {vr}", "不是有效的 {vr}"),
            (
                "holds {count:n} value[s|], one is allowed",
                "enthält {count} Werte, erlaubt ist einer",
                "有 {count} 个值，只允许一个",
            ),
            (
                "has more than {count:n} groups of {length:n} characters",
                "hat mehr als {count} Gruppen von {length} Zeichen",
                "超过 {count} 组（每组 {length} 个字符）",
            ),
        )
    ),
    Phrase("{value} (left out)", de="{value} (weggelassen)", zh="{value}（已省略）"),
    Phrase("{name} is no valid UID", de="{name} ist keine gültige UID", zh="{name} 不是有效的 UID"),
    Phrase(
        "{name} has {count:n} characters, at most {limit:n} are allowed",
        de="{name} hat {count} Zeichen, erlaubt sind höchstens {limit}",
        zh="{name} 有 {count} 个字符，最多允许 {limit} 个",
    ),
    Phrase(
        "{name} is no date of the form YYYYMMDD",
        de="{name} ist kein Datum der Form YYYYMMDD",
        zh="{name} 不是 YYYYMMDD 形式的日期",
    ),
    Phrase(
        "The DICOM library remarked on the files of the study, and read them: {listed:t}.",
        de="Die DICOM-Bibliothek hat die Dateien der Untersuchung gelesen und dabei bemängelt: {listed}.",
        zh="DICOM 程序库读取了本检查的文件，并提示：{listed}。",
    ),
    Phrase("{what} ({count:n} times)", de="{what} ({count}-mal)", zh="{what}（{count} 次）"),
    Phrase("a character set that does not exist", de="ein Zeichensatz, den es nicht gibt", zh="不存在的字符集"),
    Phrase(
        "texts that do not fit their character set",
        de="Texte, die nicht zu ihrem Zeichensatz passen",
        zh="文本与其字符集不符",
    ),
    Phrase(
        "character sets that exclude each other",
        de="Zeichensätze, die einander ausschließen",
        zh="互相排斥的字符集",
    ),
    Phrase(
        "another kind of value representation than the transfer syntax has",
        de="eine andere Art der Wertdarstellung als die der Transfersyntax",
        zh="值表示方式与传输语法不符",
    ),
    Phrase("a file that ends early", de="eine Datei, die vorzeitig endet", zh="文件提前结束"),
    Phrase("pixel data of an unexpected length", de="Pixeldaten unerwarteter Länge", zh="像素数据长度异常"),
    Phrase(
        "another number of frames than the header says",
        de="eine andere Zahl von Frames als im Header",
        zh="帧数与头信息不符",
    ),
    Phrase(
        "pixel attributes that contradict each other",
        de="Pixelattribute, die einander widersprechen",
        zh="互相矛盾的像素属性",
    ),
    Phrase(
        "values that break a rule of their type",
        de="Werte, die gegen eine Regel ihres Typs verstoßen",
        zh="不符合其类型规则的值",
    ),
    Phrase(
        "The notice “not processed” of {when} UTC ({heading}) is void: this report is the result.",
        de=(
            "Die Mitteilung „nicht verarbeitet“ vom {when} UTC ({heading}) ist hinfällig: Dieser Bericht ist das "
            "Ergebnis."
        ),
        zh="{when} UTC 的“未处理”通知（{heading}）已失效：本报告即为结果。",
    ),
)
