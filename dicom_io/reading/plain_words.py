"""Words that may stay in a description or sentence of a pseudonymised study: they say nothing about a person.

Everything else a header's text says is hidden, so a word missing here costs a reader a word and no patient anything. A
name that is also one of these words ("Long") cannot be told from the word.
"""

from __future__ import annotations

import re

_OF_IMAGING = """
    mr mri mrt irm rm mg breast breasts mamma mammo mammae brust sein mama thorax chest axilla bilateral
    unilateral left right li re lt rt both t1 t2 t1w t2w pd te tr ti fa fov nex nsa ax axial tra trans
    transverse transversal sag sagittal cor coronal obl fl2d fl3d 2d 3d 4d fs nfs fat sat fatsat nofs spair spir
    stir tirm tse fse ssfse haste gre ge se ir ep epi flash vibe thrive lava vibrant views bliss dixon ideal
    mdixon water inphase opp opposed phase ph cube space flair tof dyn dynamic dynamik dce ce gd gad gadolinium
    contrast kontrast km agent post pre nach vor before after delayed early late first second third wash washin
    washout in out sub subtraction subtr minus mip mpr projection localizer localiser loc scout survey calib
    calibration asset shim map maps dwi dw diff diffusion adc trace ssep perf perfusion kinetic ultrafast fast
    high res hires highres iso isotropic thin resolution screening protocol study series scan image images ori
    original derived primary secondary other norm dis2d dis3d mfsplit motion corrected mosaic coil array seg
    segm segmentation segment segments rtstruct roi roisf mask region tumor tumour tumors tumours lesion lesions
    mass masses cancer carcinoma neoplasm malignant benign gtv idc invasive ductal peritumoral peri shell margin
    background node nodes lymph cyst clip marker necrosis biopsy implant implants silicone vessel manual
    semiautomatic automatic binary fractional contours dcm dicom nii nrrd zip 7z rar gzip tar csv ser img slice
    slices stack bh 压脂 定位 减影 弥散 扩散 肿瘤 病灶 癌 瘤周
"""
_OF_SENTENCES = """
    a about above absent accept accepted acquisitions across add added adds after again agree algorithm all
    allow allowed alone along already also an analysed anatomic and angle annotation another any apart archive
    archives are area arrive artefacts as ask assessed assign assigned assignment at attribute attributes
    automatically back backslash be because been before begin begins belong belongs below bends beside better
    between big bit bits body border both box bright brightest bruker burned but by byte called calls came can
    cannot canon carried carries carry centre change characters check choose chose claims class clear closed
    closedplanar closer cm³ code columns combine combined command complete components compressed condition
    confirmed contains content contour contradicts control convert coordinates copies copy corner corners
    correct cosine could count counts cover credible cut damaged data date dates decoded defaults degrees depend
    described description device dice dicomdir did differ different differently direction display distance
    distances do does draft drafts draw drawn drift each earlier echo edge edited either element empty enclose
    encloses end endian enhanced entries equal esaote evenly every exactly examinations exclude expected export
    expression extends extension extent fall false features female few fewer field file files filled final find
    finds finer finite first fits flags fluid folder for form found four fractions frame frames from fujifilm
    functional gave ge given go grey grid groups grow had half has have head header headers healthineers hh
    hhmmss hitachi hold holds hole how id if imaging in index inflates information inside inspect instance
    instead interpolate interpretation into inverted is it item items its jpeg keep kept key keyed keyword kind
    kinds known label labelmap labels lacks large larger largest last lay leading least leave leaves left length
    less letters lie lies like limit line linear list lists longest look looked lossless lps ls lut luts made
    make makes male manufacturer many mapping mappings match matches matrix maximum may mb means meant measure
    medical medium mention method missing mixes mm modality model models monochrome1 monochrome2 more mosaics
    most ms multi must mutual name named names nearest neighbour neither never newer nifti no none nor normal
    not nothing number numbers object objects of off offset on once one only opened or order orientation
    orientations other others out outline outlined outlines outside over overlap own packed pacs paint painted
    parallel part patient patients perpendicular person phases philips photometric picture pipe pixel pixels
    place placed planar plane planes plausible points position positions positive precedence present private
    product program property proportional pseudonyms put radiomics range ranges ras rdeepnet reach read reader
    readers reading real refer reference refers refused region regions register registered registering
    registration regular rejected relative remove repeated replaced report representation representations
    rescale rest result retry rigid rigidly ringing rle role rotation row rows rule rules run runs same saved
    say says scale scaled scanner second see seed seeds seem seems seen segment segmentations segmented
    selection semi send sent separate sequence sequences services set setting settings several sex shape sheared
    should shown shows side sides sideways siemens sign signal since single size slabs slicer slope small
    smaller smallest so socket software some sop spaced spaces spacing spacings ss stacks state stated states
    status stay stopped stored straight stream strength stroke strokes structure such supported syntax system
    systems table take taken takes tell tells texture than that the their them then there these they thickness
    thinner this three threshold through tiled time times to together told too toshiba trained training transfer
    translation triples true truncated trusted turned twice two type types uid uids unchanged uncompressed under
    undetermined unenhanced union unit united unknown unless unpack until unusable unusual up use used uses
    usual usually utc valid value values vectors version view viewers volume voxel voxels wanted was way well
    were what when where whether which while who whole whose why will with within without woman women world
    would writer writes writing wrong xor year years yes you yyyymmdd zeros
"""
WORDS = frozenset(f"{_OF_IMAGING} {_OF_SENTENCES}".casefold().split())

RUN = re.compile(r"[^\W_]+")  # letters and digits of any script
_PART = re.compile(r"[^\W\d_]+|\d+")
_MOST_DIGITS = 3  # of a number in a description; record numbers are longer


def is_plain(run: str) -> bool:
    """Returns whether a run of letters and digits may stay: a word of the list, or made of such and short numbers."""
    folded = run.casefold()
    return folded in WORDS or all(
        len(part) <= _MOST_DIGITS if part.isdigit() else part in WORDS or (len(part) == 1 and part.isascii())
        for part in _PART.findall(folded)
    )


def parts(run: str) -> set[str]:
    """A run and the words and numbers it is made of, without those that are too short to be hidden everywhere."""
    folded = run.casefold()
    return {folded, *(part for part in _PART.findall(folded) if is_telling(part))}


def is_telling(part: str) -> bool:
    """Returns whether a word or number of a header is hidden wherever it stands: long enough, and not in the list."""
    if part.isdigit():
        return len(part) > _MOST_DIGITS
    return part not in WORDS and (len(part) > 1 or not part.isascii())
