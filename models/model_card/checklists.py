"""The items of three reporting guidelines, titled in our own words, and what answers each.

TRIPOD+AI: Collins et al. (2024), BMJ 385:e078378. CLEAR: Kocak et al. (2023), Insights Imaging 14:75, 58 items.
METRICS: Kocak et al. (2024), Insights Imaging 15:8, 30 items.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One item of a guideline.

    Attributes
    ----------
    number : in the guideline
    title : in our words
    known : keys of what the package says about it (`models.model_card.guidelines`)
    stated : keys of what only the trainers can say (`models.model_card.statements`)
    """

    number: str
    title: str
    known: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


TRIPOD = (
    Item("3b", "Intended use and users", (), ("intended_use",)),
    Item("5a, 5b", "Sources and dates of the data", ("data",), ("dates",)),
    Item("6a", "Setting and centres", (), ("centres",)),
    Item("6b", "Eligibility", (), ("population",)),
    Item("6c", "Treatments", (), ("treatment",)),
    Item("7", "Data preparation", ("preparation",)),
    Item("8a", "Outcome and horizon", ("outcome",), ("outcome",)),
    Item("9a", "Predictors", ("predictors",)),
    Item("10", "Sample size", ("sample_size",)),
    Item("11", "Missing data", ("left_out",), ("missing_data",)),
    Item("12a", "Partition of the data", ("partition",)),
    Item("12b", "Scaling of predictors", ("scaling",)),
    Item("12c", "Model building, tuning, internal validation", ("recipe", "search")),
    Item("12d", "Heterogeneity between centres", ("heterogeneity",)),
    Item("12e", "Measures of performance", ("measures",)),
    Item("12f", "Model updating", (), ("updating",)),
    Item("12g", "Computing predictions", ("computing",)),
    Item("13", "Class imbalance", ("imbalance",)),
    Item("14", "Fairness", (), ("fairness",)),
    Item("15", "Output and threshold", ("threshold",)),
    Item("16", "Development against evaluation", (), ("characteristics",)),
    Item("17", "Ethics", (), ("ethics",)),
    Item("18a", "Funding", (), ("funding",)),
    Item("18b", "Conflicts of interest", (), ("conflicts",)),
    Item("18c", "Protocol", (), ("protocol",)),
    Item("18d", "Registration", (), ("registration",)),
    Item("18e", "Data availability", (), ("data_availability",)),
    Item("18f", "Code availability", (), ("code_availability",)),
    Item("19", "Patient and public involvement", (), ("involvement",)),
    Item("20a", "Flow of participants", (), ("flow",)),
    Item("20b, 20c", "Characteristics", (), ("characteristics",)),
    Item("21", "Participants and events", ("participants",)),
    Item("22", "Full model", ("full_model",)),
    Item("23a", "Performance with intervals", ("performance",)),
    Item("23b", "Performance across centres", ("heterogeneity",)),
    Item("24", "Results of updating", (), ("updating",)),
    Item("26", "Limitations", ("limitations",)),
    Item("27a", "Poor or missing input", ("poor_input",)),
    Item("27b", "Interaction and expertise", ("expertise",)),
)

CLEAR = (
    Item("1", "Title that names the method", ("title",)),
    Item("2", "Summary", ("summary",)),
    Item("3", "Keywords", ("keywords",)),
    Item("4", "Clinical background", (), ("background",)),
    Item("5", "Why radiomics", (), ("background",)),
    Item("6", "Aim", (), ("objective",)),
    Item("7", "Guidelines followed", ("adherence",)),
    Item("8", "Ethics and data protection", ("privacy",), ("ethics",)),
    Item("9", "Sample size", ("sample_size",)),
    Item("10", "Kind of study", ("design",), ("design",)),
    Item("11", "Inclusion and exclusion", (), ("population",)),
    Item("12", "Technical steps as a flow", ("pipeline",)),
    Item("13", "Source of the data", ("data",), ("centres",)),
    Item("14", "Overlap with earlier publications", (), ("overlap",)),
    Item("15", "Division of the data", ("partition",)),
    Item("16", "Imaging protocol", (), ("imaging",)),
    Item("17", "Predictors that are not radiomic", ("other_predictors",)),
    Item("18", "Reference standard", ("outcome",), ("outcome",)),
    Item("19", "How was segmented", ("shell",), ("segmentation",)),
    Item("20", "Who segmented", (), ("segmentation",)),
    Item("21", "Preparation of the images", ("preparation",)),
    Item("22", "Resampling", ("resampling",)),
    Item("23", "Grey-level discretisation", ("discretisation",)),
    Item("24", "Image types", ("image_types",)),
    Item("25", "Extraction of the features", ("extraction",)),
    Item("26", "Feature classes", ("classes",)),
    Item("27", "Number of features", ("predictors",)),
    Item("28", "Settings left at their defaults", ("defaults",)),
    Item("29", "Missing data", ("left_out",), ("missing_data",)),
    Item("30", "Class imbalance", ("imbalance",)),
    Item("31", "Reliability of the segmentation", (), ("reliability",)),
    Item("32", "Scaling of the features", ("scaling",)),
    Item("33", "Reduction of dimensions", ("recipe",)),
    Item("34", "Algorithm", ("algorithm",)),
    Item("35", "Training and tuning", ("recipe", "search")),
    Item("36", "Confounders", (), ("confounders",)),
    Item("37", "Choice of the final model", ("choice",)),
    Item("38", "Kind of test", ("test",), ("testing",)),
    Item("39", "Measures of performance", ("measures",)),
    Item("40", "Uncertainty", ("uncertainty",)),
    Item("41", "Statistical comparison of models", ("comparison",)),
    Item("42", "Methods beside and combined with radiomics", (), ("clinical_comparison",)),
    Item("43", "Interpretation of the model", ("attributions",)),
    Item("44", "Characteristics of the patients", ("participants",), ("characteristics",)),
    Item("45", "Flow of patients", ("left_out",), ("flow",)),
    Item("46", "Statistics of the features", ("feature_statistics",), ("reliability",)),
    Item("47", "Performance", ("performance",), ("testing",)),
    Item("48", "Results beside and combined with radiomics", (), ("clinical_comparison",)),
    Item("49", "Main findings", ("performance",)),
    Item("50", "Earlier work", (), ("previous_work",)),
    Item("51", "Consequences for practice", (), ("implications",)),
    Item("52", "Strengths and limitations", ("limitations",)),
    Item("53", "Images and segmentations shared (recommended)", (), ("data_availability",)),
    Item("54", "Feature data shared", ("feature_data",), ("data_availability",)),
    Item("55", "Preparation settings shared", ("settings_shared",)),
    Item("56", "Modelling code shared", (), ("code_availability",)),
    Item("57", "Model shared", ("full_model",), ("model_availability",)),
    Item("58", "System ready to use (recommended)", ("system",)),
)

METRICS = (
    Item("1", "Guidelines for radiomics followed", ("adherence",)),
    Item("2", "Eligibility that gives representative patients", (), ("population",)),
    Item("3", "Sound, defined reference standard", ("outcome",), ("outcome",)),
    Item("4", "Several centres", (), ("centres",)),
    Item("5", "Imaging as in clinical practice", (), ("imaging",)),
    Item("6", "Imaging protocol", (), ("imaging",)),
    Item("7", "Time between imaging and reference standard", (), ("interval",)),
    Item("8", "Segmentation described", ("shell",), ("segmentation",)),
    Item("9", "Automatic segmentation evaluated (where there is one)", (), ("segmentation",)),
    Item("10", "Test segmentations by one reader or program", (), ("segmentation",)),
    Item("11", "Suitable preparation of the images", ("preparation", "resampling"), ()),
    Item("12", "Standardised extraction software", ("extraction",)),
    Item("13", "Extraction parameters", ("defaults",)),
    Item("14", "Unstable features removed", (), ("reliability",)),
    Item("15", "Redundant features removed", ("recipe",)),
    Item("16", "Dimensions fit the number of patients", ("sample_size", "predictors")),
    Item("17", "Robustness of end-to-end deep learning", ("no_deep_features",)),
    Item("18", "Sound division of the data", ("partition",)),
    Item("19", "Confounders", (), ("confounders",)),
    Item("20", "Suitable measures of performance", ("measures",)),
    Item("21", "Uncertainty", ("uncertainty",)),
    Item("22", "Calibration", ("calibration",)),
    Item("23", "One kind of image, or proof that several are needed", ("sequences",)),
    Item("24", "Comparison with what is not radiomics", (), ("clinical_comparison",)),
    Item("25", "Comparison with a simple model", ("comparison",)),
    Item("26", "Test on other patients of the same source", ("test",), ("testing",)),
    Item("27", "Test on patients of other centres", ("heterogeneity",), ("testing",)),
    Item("28", "Data shared", (), ("data_availability",)),
    Item("29", "Code shared", (), ("code_availability",)),
    Item("30", "Model shared", (), ("model_availability",)),
)
