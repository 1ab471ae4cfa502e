"""German labels."""

from __future__ import annotations

from typing import Final

from models.quality_notes import Severity
from models.volume import Region
from reports import wording
from reports.languages.german.change import CHANGE
from reports.languages.words import Labels

LABELS: Final = Labels(
    title="Brust-MRT-Radiomics: Rezidivrisiko und KRT7-AS-Expression",
    notice=(
        "Nur für Forschungszwecke. Kein Medizinprodukt; nicht bestimmt für Diagnose, Prognose oder "
        "Therapieentscheidungen bei einzelnen Patientinnen oder Patienten. Nicht von der FDA freigegeben, ohne "
        "CE-Kennzeichnung."
    ),
    research_use_only="Nur für Forschungszwecke",
    training_population="Trainingspatientinnen (kreuzvalidiert)",
    not_stated="nicht angegeben",
    tumour="Tumor",
    key_images="Schlüsselbilder",
    why="Gründe, nach Gewicht geordnet",
    all_reasons="Gültigkeit: alle Gründe",
    nothing_against="Gegen diese Ergebnisse wurde nichts gefunden.",
    not_checked=(
        "Von der Software nicht geprüft, weil es in keinem Header steht: Stadium (die Modelle sind für I bis III "
        "bestimmt), Histologie (invasives Karzinom) und ob die Bilder vor der Operation aufgenommen wurden."
    ),
    what_to_do="Weiteres Vorgehen",
    received="Empfangene Daten",
    reviewed_by="Geprüft von (Name, Datum)",
    quality_notes="Qualitätshinweise",
    no_quality_notes="Zu dieser Untersuchung wurde kein Qualitätshinweis festgehalten.",
    regions="Regionen und ausgewählte Merkmale",
    contributions="Beiträge zum Modellwert",
    leading_features="Merkmale mit den größten Attributionen",
    series="Verwendete Bilder",
    not_applicable="Nicht ausgeführte Modelle",
    provenance="Versionen, Einstellungen und Prüfsummen",
    how_to_read="Lesehilfe",
    series_columns=("Rolle", "Serie", "Geometrie", "Grund der Auswahl"),
    feature_column="Merkmal",
    value_column="Wert",
    ibsi_column="IBSI-Code",
    whole_slice="ganze Schicht",
    enlarged="vergrößert",
    enlarged_part="Vergrößerter Ausschnitt",
    survival_heading="Rezidivfreies Überleben",
    score_below="niedrig",
    score_above="hoch",
    training_groups="Rezidivfrei im Training",
    at_risk="unter Risiko",
    months="Monate",
    contributions_note=(
        "Nettoanteil jeder Merkmalsgruppe am Abstand zwischen dem Modellwert dieser Patientin und dem der "
        "Referenzpatientin des Modells (Integrated Gradients). Die dünne Linie hinter einem Balken reicht so weit, wie "
        "die Merkmale der Gruppe nach oben und nach unten ziehen: Ist sie viel länger als der Balken, widersprechen "
        "sie sich. Ein Anteil ist keine Ursache."
    ),
    leading_features_note=(
        "Zur Dokumentation, nicht als Begründung: Die führenden Einzelmerkmale unterscheiden sich zwischen Modellen, "
        "die an denselben Daten trainiert wurden. Maßgeblich sind die Gruppen oben."
    ),
    lowers="senkt den Wert",
    raises="erhöht den Wert",
    cut_off="Trennwert",
    volume="Volumen",
    range_means=(
        "Plausibler Bereich: 8 von 10 Scores anderer Konturen und Trainings liegen darin; andere Scanner, Bewegung und "
        "andere Kliniken sind nicht abgedeckt."
    ),
    reading_guide=(
        (
            "Rezidivscore",
            (
                "Logarithmus des Risikos relativ zur Referenzpatientin des Modells. Ein höherer Wert bedeutet höheres "
                "Risiko; er hat keine Einheit. Über dem Trennwert gehört die Patientin zur Hochrisikogruppe."
            ),
        ),
        (
            "Rezidivfreies Überleben",
            (
                "Von 100 Patientinnen mit diesem Score: wie viele nach Erwartung des Modells zu diesem Zeitpunkt ohne "
                "Rezidiv am Leben sind. Über die Behandlung sagt es nichts aus."
            ),
        ),
        (
            "KRT7-AS",
            (
                "Allein aus den Bildern geschätzte Wahrscheinlichkeit, dass der Tumor die lange nichtkodierende RNA "
                "KRT7-AS stark exprimiert. Sie ersetzt keine Messung am Gewebe."
            ),
        ),
        (
            "Tumor, Randzone",
            (
                "Der Tumor ist die mit der Untersuchung gesendete Segmentierung; sie wurde weder geprüft noch "
                "verändert. Die peritumorale Randzone ist das Gewebe um ihn herum innerhalb des Körpers."
            ),
        ),
        (
            "Warnungen, Hinweise",
            (
                "Eine Warnung betrifft, wie weit den Zahlen zu trauen ist. Ein Hinweis hält fest, wie sie zustande "
                "kamen."
            ),
        ),
    ),
    severity={Severity.WARNING: "Warnung", Severity.NOTE: "Hinweis"},
    regions_drawn={Region.INTRATUMORAL: "Tumor", Region.PERITUMORAL: "Peritumorale Randzone"},
    change=CHANGE,
    provenance_labels={
        wording.SOFTWARE: "Software",
        wording.CREATED: "Bericht erstellt",
        wording.STUDY_UID: "Study Instance UID",
        wording.BIAS: "Bias-Feld-Korrektur",
        wording.INTENSITIES: "Intensitäten",
        wording.IMAGE_TYPES: "Bildarten",
        wording.ENGINE: "Merkmalsberechnung",
        wording.FEATURE_COUNT: "Berechnete Merkmale",
        wording.VALIDITY_SETTINGS: "Einstellungen der Gültigkeit",
        wording.SETTINGS_DIGEST: "Merkmalseinstellungen, SHA-256",
        wording.PROVIDER: "Ausgeführt auf",
    },
)
