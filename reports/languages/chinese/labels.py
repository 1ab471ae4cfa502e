"""Chinese labels (simplified)."""

from __future__ import annotations

from typing import Final

from models.quality_notes import Severity
from models.volume import Region
from reports import wording
from reports.languages.chinese.change import CHANGE
from reports.languages.words import Labels

LABELS: Final = Labels(
    title="乳腺 MRI 影像组学：复发风险与 KRT7-AS 表达",
    notice=(
        "仅供研究使用。本软件不是医疗器械；不得用于个体患者的诊断、预后判断或治疗决策。未获 FDA 许可，无 CE 标志。"
    ),
    research_use_only="仅供研究使用",
    training_population="训练患者（折外预测）",
    not_stated="未注明",
    tumour="肿瘤",
    key_images="关键图像",
    why="原因（按重要性排列）",
    all_reasons="有效性：全部原因",
    nothing_against="未发现不利于这些结果的情况。",
    not_checked=(
        "因图像头信息中没有记载，软件未核查以下内容：分期（模型适用于 I 至 III 期）、组织学类型（浸润性癌），"
        "以及图像是否在手术前采集。"
    ),
    what_to_do="处理建议",
    received="收到的数据",
    reviewed_by="审阅者（姓名、日期）",
    quality_notes="质量说明",
    no_quality_notes="本次检查没有质量说明。",
    regions="区域与部分特征",
    contributions="对模型输出的贡献",
    leading_features="归因值最大的特征",
    series="所用图像",
    not_applicable="未运行的模型",
    provenance="版本、设置与校验值",
    how_to_read="如何阅读本报告",
    series_columns=("用途", "序列", "几何参数", "选用原因"),
    feature_column="特征",
    value_column="数值",
    ibsi_column="IBSI 代码",
    whole_slice="整层",
    enlarged="放大",
    enlarged_part="放大部分",
    survival_heading="无复发生存率",
    score_below="低",
    score_above="高",
    training_groups="训练患者中的无复发比例",
    at_risk="风险人数",
    months="月",
    contributions_note=(
        "各特征组在该患者输出与模型参考患者输出之差中所占的净份额（积分梯度）。条形后面的细线表示该组特征向上和向下"
        "拉动的幅度：若细线远长于条形，说明组内特征方向不一致。份额不代表因果关系。"
    ),
    leading_features_note=(
        "仅作记录，不作为依据：用相同数据训练的不同模型，其首要单个特征并不相同。请以上面的特征组为准。"
    ),
    lowers="降低输出值",
    raises="升高输出值",
    cut_off="界值",
    volume="体积",
    range_means=(
        "合理范围：换用其他轮廓或其他训练时，10 个评分中有 8 个落在此范围内；"
        "未涵盖其他扫描仪、运动以及其他医院带来的差异。"
    ),
    reading_guide=(
        (
            "复发评分",
            "相对于模型参考患者的风险的对数值。数值越高，风险越高；无单位。高于界值的患者属于高风险组。",
        ),
        (
            "无复发生存率",
            "在 100 名具有该评分的患者中，模型预计届时存活且无复发的人数。它不反映治疗效果。",
        ),
        (
            "KRT7-AS",
            "仅根据图像估计的、肿瘤高表达长链非编码 RNA KRT7-AS 的概率。它不能代替组织检测。",
        ),
        (
            "肿瘤、瘤周区",
            "肿瘤即随检查送来的分割，未经核查或修改。瘤周区是肿瘤周围、体内的组织。",
        ),
        (
            "警告、说明",
            "警告涉及数值的可信程度。说明记录数值是如何得到的。",
        ),
    ),
    severity={Severity.WARNING: "警告", Severity.NOTE: "说明"},
    regions_drawn={Region.INTRATUMORAL: "肿瘤", Region.PERITUMORAL: "瘤周区"},
    change=CHANGE,
    provenance_labels={
        wording.SOFTWARE: "软件",
        wording.CREATED: "报告生成时间",
        wording.STUDY_UID: "Study Instance UID",
        wording.BIAS: "偏置场校正",
        wording.INTENSITIES: "灰度",
        wording.IMAGE_TYPES: "图像类型",
        wording.ENGINE: "特征计算",
        wording.FEATURE_COUNT: "特征数目",
        wording.VALIDITY_SETTINGS: "有效性设置",
        wording.SETTINGS_DIGEST: "特征设置的 SHA-256",
        wording.PROVIDER: "运行设备",
    },
)
