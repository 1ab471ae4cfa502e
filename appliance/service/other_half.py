"""The other half of a refused study, where it is in the inbox: images in one study, their segmentation in another.

Few headers are read: the names of files tell which study holds the images that a segmentation refers to, and a study
with a segmentation and no images is small. Where the first half was refused before the second came, the second names
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from appliance.state.inbox import InboxReader, StoredInstance

# A study of more instances holds images; where only its Frame of Reference is asked for, three of them tell it.
SMALL = 50


def other_halves(inbox: InboxReader, study_uid: str) -> tuple[str, ...]:
    """Sentences that name other studies in the inbox which hold images or a segmentation of a study."""
    # Imported here: the service starts without the libraries that read DICOM.
    from dicom_io.images.file_scan import heads_of
    from dicom_io.reading.halves import halves, is_segmentation, named_by

    with inbox.fetched(study_uid, inbox.content(study_uid).instances) as files:
        heads = list(heads_of(files))
    segmentations = [head for head in heads if is_segmentation(head)]
    named = {uid for head in segmentations for uid in named_by(head)}
    for other in inbox.studies():
        if other != study_uid:
            worth_reading = _worth_reading(inbox, other, named, has_segmentation=bool(segmentations))
            with inbox.fetched(other, worth_reading) as files:
                heads += heads_of(files)
    sentences = set()
    for half in halves(heads):
        holder = half.segmentation.study_instance_uid
        if holder == study_uid:
            images = "The images it refers to" if half.is_named else "Images in its Frame of Reference"
            sentences.add(f"{images} were received in the study {half.images_study}.")
        elif half.images_study == study_uid:
            refers = "refers to images of this one" if half.is_named else "has the Frame of Reference of this one"
            sentences.add(f"A segmentation that {refers} was received in the study {holder}.")
    if not sentences:
        return ()
    return (*sorted(sentences), "Have both stored under one Study Instance UID, and send that study again.")


def _worth_reading(
    inbox: InboxReader, study: str, named: Iterable[str], *, has_segmentation: bool
) -> Sequence[StoredInstance]:
    """The instances of another study that may tell whether it is the other half."""
    content = inbox.content(study)
    instances = content.instances
    if len(instances) <= SMALL:
        return instances
    if not has_segmentation:
        return ()
    return content.of(named)[:1] or (instances[0], instances[len(instances) // 2], instances[-1])
