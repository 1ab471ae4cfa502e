"""Names of features in the languages, side by side; English ones are made by `reports.feature_words`.

A name outside the table is shown as it is written: a reader can look it up. Chinese names are those of the Chinese
radiomics literature where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Name:
    """A feature's name; without any language it does not type-check."""

    de: str
    zh: str


# PyRadiomics' name of the feature → its name. Those of one name in several families mean the same in each.
NAMES: Final[Mapping[str, Name]] = MappingProxyType(
    {
        # shape
        "Elongation": Name(de="Elongation", zh="伸长率"),
        "Flatness": Name(de="Flachheit", zh="扁平率"),
        "LeastAxisLength": Name(de="Länge der kürzesten Achse", zh="最短轴长"),
        "MajorAxisLength": Name(de="Länge der Hauptachse", zh="长轴长"),
        "MinorAxisLength": Name(de="Länge der Nebenachse", zh="短轴长"),
        "Maximum2DDiameterColumn": Name(de="größter Durchmesser in der Zeilen-Schicht-Ebene", zh="行层平面最大直径"),
        "Maximum2DDiameterRow": Name(de="größter Durchmesser in der Spalten-Schicht-Ebene", zh="列层平面最大直径"),
        "Maximum2DDiameterSlice": Name(de="größter Durchmesser in einer Schicht", zh="层内最大直径"),
        "Maximum3DDiameter": Name(de="größter 3D-Durchmesser", zh="三维最大直径"),
        "MeshVolume": Name(de="Volumen der Oberfläche", zh="网格体积"),
        "Sphericity": Name(de="Sphärizität", zh="球形度"),
        "SurfaceArea": Name(de="Oberfläche", zh="表面积"),
        "SurfaceVolumeRatio": Name(de="Verhältnis Oberfläche zu Volumen", zh="表面积体积比"),
        "VoxelVolume": Name(de="Volumen nach Voxelzahl", zh="体素体积"),
        # first order
        "10Percentile": Name(de="10. Perzentil", zh="第 10 百分位数"),
        "90Percentile": Name(de="90. Perzentil", zh="第 90 百分位数"),
        "Energy": Name(de="Energie", zh="能量"),
        "Entropy": Name(de="Entropie", zh="熵"),
        "InterquartileRange": Name(de="Interquartilsabstand", zh="四分位距"),
        "Kurtosis": Name(de="Kurtosis", zh="峰度"),
        "Maximum": Name(de="Maximum", zh="最大值"),
        "Mean": Name(de="Mittelwert", zh="均值"),
        "MeanAbsoluteDeviation": Name(de="mittlere absolute Abweichung", zh="平均绝对偏差"),
        "Median": Name(de="Median", zh="中位数"),
        "Minimum": Name(de="Minimum", zh="最小值"),
        "Range": Name(de="Spannweite", zh="极差"),
        "RobustMeanAbsoluteDeviation": Name(de="robuste mittlere absolute Abweichung", zh="稳健平均绝对偏差"),
        "RootMeanSquared": Name(de="quadratisches Mittel", zh="均方根"),
        "Skewness": Name(de="Schiefe", zh="偏度"),
        "TotalEnergy": Name(de="Gesamtenergie", zh="总能量"),
        "Uniformity": Name(de="Gleichförmigkeit", zh="均匀度"),
        "Variance": Name(de="Varianz", zh="方差"),
        "StandardDeviation": Name(de="Standardabweichung", zh="标准差"),
        # co-occurrence
        "Autocorrelation": Name(de="Autokorrelation", zh="自相关"),
        "ClusterProminence": Name(de="Cluster-Prominenz", zh="聚类显著性"),
        "ClusterShade": Name(de="Cluster-Schiefe", zh="聚类阴影"),
        "ClusterTendency": Name(de="Cluster-Tendenz", zh="聚类趋势"),
        "Contrast": Name(de="Kontrast", zh="对比度"),
        "Correlation": Name(de="Korrelation", zh="相关性"),
        "DifferenceAverage": Name(de="mittlere Differenz", zh="差均值"),
        "DifferenceEntropy": Name(de="Entropie der Differenzen", zh="差熵"),
        "DifferenceVariance": Name(de="Varianz der Differenzen", zh="差方差"),
        "Id": Name(de="inverse Differenz", zh="逆差"),
        "Idm": Name(de="inverses Differenzmoment", zh="逆差矩"),
        "Idmn": Name(de="normiertes inverses Differenzmoment", zh="归一化逆差矩"),
        "Idn": Name(de="normierte inverse Differenz", zh="归一化逆差"),
        "Imc1": Name(de="Informationsmaß der Korrelation 1", zh="相关信息测度 1"),
        "Imc2": Name(de="Informationsmaß der Korrelation 2", zh="相关信息测度 2"),
        "InverseVariance": Name(de="inverse Varianz", zh="逆方差"),
        "JointAverage": Name(de="gemeinsamer Mittelwert", zh="联合均值"),
        "JointEnergy": Name(de="gemeinsame Energie", zh="联合能量"),
        "JointEntropy": Name(de="gemeinsame Entropie", zh="联合熵"),
        "MCC": Name(de="maximaler Korrelationskoeffizient", zh="最大相关系数"),
        "MaximumProbability": Name(de="größte Wahrscheinlichkeit", zh="最大概率"),
        "SumAverage": Name(de="mittlere Summe", zh="和均值"),
        "SumEntropy": Name(de="Entropie der Summen", zh="和熵"),
        "SumSquares": Name(de="Quadratsumme", zh="平方和"),
        # run length, size zone, dependence
        "GrayLevelNonUniformity": Name(de="Ungleichförmigkeit der Grauwerte", zh="灰度不均匀度"),
        "GrayLevelNonUniformityNormalized": Name(
            de="normierte Ungleichförmigkeit der Grauwerte", zh="归一化灰度不均匀度"
        ),
        "GrayLevelVariance": Name(de="Varianz der Grauwerte", zh="灰度方差"),
        "HighGrayLevelEmphasis": Name(de="Betonung hoher Grauwerte", zh="高灰度强调"),
        "LowGrayLevelEmphasis": Name(de="Betonung niedriger Grauwerte", zh="低灰度强调"),
        "HighGrayLevelRunEmphasis": Name(de="Betonung von Läufen hoher Grauwerte", zh="高灰度游程强调"),
        "LowGrayLevelRunEmphasis": Name(de="Betonung von Läufen niedriger Grauwerte", zh="低灰度游程强调"),
        "HighGrayLevelZoneEmphasis": Name(de="Betonung von Zonen hoher Grauwerte", zh="高灰度区域强调"),
        "LowGrayLevelZoneEmphasis": Name(de="Betonung von Zonen niedriger Grauwerte", zh="低灰度区域强调"),
        "LongRunEmphasis": Name(de="Betonung langer Läufe", zh="长游程强调"),
        "LongRunHighGrayLevelEmphasis": Name(de="Betonung langer Läufe hoher Grauwerte", zh="长游程高灰度强调"),
        "LongRunLowGrayLevelEmphasis": Name(de="Betonung langer Läufe niedriger Grauwerte", zh="长游程低灰度强调"),
        "ShortRunEmphasis": Name(de="Betonung kurzer Läufe", zh="短游程强调"),
        "ShortRunHighGrayLevelEmphasis": Name(de="Betonung kurzer Läufe hoher Grauwerte", zh="短游程高灰度强调"),
        "ShortRunLowGrayLevelEmphasis": Name(de="Betonung kurzer Läufe niedriger Grauwerte", zh="短游程低灰度强调"),
        "RunEntropy": Name(de="Entropie der Läufe", zh="游程熵"),
        "RunLengthNonUniformity": Name(de="Ungleichförmigkeit der Lauflängen", zh="游程长度不均匀度"),
        "RunLengthNonUniformityNormalized": Name(
            de="normierte Ungleichförmigkeit der Lauflängen", zh="归一化游程长度不均匀度"
        ),
        "RunPercentage": Name(de="Anteil der Läufe", zh="游程百分比"),
        "RunVariance": Name(de="Varianz der Läufe", zh="游程方差"),
        "LargeAreaEmphasis": Name(de="Betonung großer Zonen", zh="大区域强调"),
        "LargeAreaHighGrayLevelEmphasis": Name(de="Betonung großer Zonen hoher Grauwerte", zh="大区域高灰度强调"),
        "LargeAreaLowGrayLevelEmphasis": Name(de="Betonung großer Zonen niedriger Grauwerte", zh="大区域低灰度强调"),
        "SmallAreaEmphasis": Name(de="Betonung kleiner Zonen", zh="小区域强调"),
        "SmallAreaHighGrayLevelEmphasis": Name(de="Betonung kleiner Zonen hoher Grauwerte", zh="小区域高灰度强调"),
        "SmallAreaLowGrayLevelEmphasis": Name(de="Betonung kleiner Zonen niedriger Grauwerte", zh="小区域低灰度强调"),
        "SizeZoneNonUniformity": Name(de="Ungleichförmigkeit der Zonengrößen", zh="区域大小不均匀度"),
        "SizeZoneNonUniformityNormalized": Name(
            de="normierte Ungleichförmigkeit der Zonengrößen", zh="归一化区域大小不均匀度"
        ),
        "ZoneEntropy": Name(de="Entropie der Zonen", zh="区域熵"),
        "ZonePercentage": Name(de="Anteil der Zonen", zh="区域百分比"),
        "ZoneVariance": Name(de="Varianz der Zonen", zh="区域方差"),
        "DependenceEntropy": Name(de="Entropie der Abhängigkeiten", zh="依赖熵"),
        "DependenceNonUniformity": Name(de="Ungleichförmigkeit der Abhängigkeiten", zh="依赖不均匀度"),
        "DependenceNonUniformityNormalized": Name(
            de="normierte Ungleichförmigkeit der Abhängigkeiten", zh="归一化依赖不均匀度"
        ),
        "DependenceVariance": Name(de="Varianz der Abhängigkeiten", zh="依赖方差"),
        "LargeDependenceEmphasis": Name(de="Betonung großer Abhängigkeiten", zh="大依赖强调"),
        "LargeDependenceHighGrayLevelEmphasis": Name(
            de="Betonung großer Abhängigkeiten hoher Grauwerte", zh="大依赖高灰度强调"
        ),
        "LargeDependenceLowGrayLevelEmphasis": Name(
            de="Betonung großer Abhängigkeiten niedriger Grauwerte", zh="大依赖低灰度强调"
        ),
        "SmallDependenceEmphasis": Name(de="Betonung kleiner Abhängigkeiten", zh="小依赖强调"),
        "SmallDependenceHighGrayLevelEmphasis": Name(
            de="Betonung kleiner Abhängigkeiten hoher Grauwerte", zh="小依赖高灰度强调"
        ),
        "SmallDependenceLowGrayLevelEmphasis": Name(
            de="Betonung kleiner Abhängigkeiten niedriger Grauwerte", zh="小依赖低灰度强调"
        ),
        # neighbourhood
        "Busyness": Name(de="Unruhe", zh="繁忙度"),
        "Coarseness": Name(de="Grobheit", zh="粗糙度"),
        "Complexity": Name(de="Komplexität", zh="复杂度"),
        "Strength": Name(de="Stärke", zh="强度"),
    }
)

# Names of the diagnostics of image and mask.
DIAGNOSTICS: Final[Mapping[str, Name]] = MappingProxyType(
    {
        "Spacing": Name(de="Volumen eines Voxels", zh="单个体素的体积"),
        "Size": Name(de="Zahl der Voxel des Gitters", zh="网格体素数"),
        "Mean": Name(de="Mittelwert", zh="均值"),
        "Minimum": Name(de="Minimum", zh="最小值"),
        "Maximum": Name(de="Maximum", zh="最大值"),
        "BoundingBox": Name(de="Voxel im umschließenden Quader", zh="包围盒内体素数"),
        "VoxelNum": Name(de="Zahl der Voxel der Region", zh="区域体素数"),
        "VolumeNum": Name(de="Zahl getrennter Teile", zh="分离部分的数目"),
        "CenterOfMassIndex": Name(
            de="Abstand des Schwerpunkts von der Bildmitte in Voxeln", zh="质心到图像中心的距离（体素）"
        ),
        "CenterOfMass": Name(de="Abstand des Schwerpunkts von der Bildmitte", zh="质心到图像中心的距离"),
    }
)
