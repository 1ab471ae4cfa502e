"""A drawn PDF → PDF/A-2b (ISO 19005-2) with its structure: colours with a profile, metadata as XMP, tagged content.

reportlab writes neither. Level B is claimed and nothing more: the content is tagged and pictures have texts in their
place, but PDF/UA needs a check by a person. `pikepdf.pdfa` could prepare the file as well; it is left to the tests,
since loading its schemas costs seconds in every process.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from xml.sax.saxutils import escape

import pikepdf
from PIL import ImageCms

from reports.pdf.tagged import Marked, Step

_VERSION, _DATE = slice(8, 12), slice(24, 36)  # of an ICC header (ICC.1:2004, 7.2)
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{software}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<xmp:CreatorTool>{software}</xmp:CreatorTool>
<xmp:CreateDate>{moment}</xmp:CreateDate><xmp:ModifyDate>{moment}</xmp:ModifyDate>
<xmp:MetadataDate>{moment}</xmp:MetadataDate>
<pdf:Producer>{producer}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
_KEPT = ("/Title", "/Author", "/Subject", "/Creator", "/Producer", "/CreationDate", "/ModDate")


def archived(
    drawn: bytes, pieces: Sequence[Marked], *, title: str, subject: str, software: str, created: datetime
) -> bytes:
    """The PDF/A-2b of a drawn document; the same arguments give the same bytes.

    Parameters
    ----------
    drawn : PDF with all fonts embedded, its content bracketed by `tagged`
    pieces : the brackets
    title, subject, software, created : as in the information dictionary of `drawn`
    """
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        for page in pdf.pages:
            if "/Trans" in page:  # reportlab writes an empty one
                del page["/Trans"]
        for key in [key for key in pdf.docinfo.keys() if key not in _KEPT]:  # noqa: SIM118 - iterating gives objects
            del pdf.docinfo[key]
        profile = pdf.make_stream(srgb_profile(), N=3, Alternate=pikepdf.Name.DeviceRGB)
        intent = pikepdf.Dictionary(
            Type=pikepdf.Name.OutputIntent,
            S=pikepdf.Name.GTS_PDFA1,
            OutputConditionIdentifier=pikepdf.String("sRGB"),
            DestOutputProfile=profile,
        )
        pdf.Root.OutputIntents = pikepdf.Array([pdf.make_indirect(intent)])
        metadata = _XMP.format(
            title=escape(title),
            subject=escape(subject),
            software=escape(software),
            producer=escape(str(pdf.docinfo["/Producer"])),
            moment=created.isoformat(timespec="seconds"),
        )
        pdf.Root.Metadata = pdf.make_stream(metadata.encode(), Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)
        _write_structure(pdf, pieces)
        written = io.BytesIO()
        pdf.save(written, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return written.getvalue()


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The profile of sRGB as LittleCMS makes it: version 4.2, the last that PDF 1.7 knows, and without its date."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_VERSION] = b"\x04\x20\x00\x00"
    profile[_DATE] = b"\x07\xd0\x00\x01\x00\x01" + b"\x00" * 6  # 1 January 2000
    return bytes(profile)


def _write_structure(pdf: pikepdf.Pdf, pieces: Sequence[Marked]) -> None:
    """Structure tree with one element for each step, and from each piece of content the way back to its element."""
    document = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructElem, S=pikepdf.Name.Document, K=[]))
    root = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot, K=[document]))
    document.P = root
    elements: dict[Step, pikepdf.Object] = {}
    parents: list[list[pikepdf.Object]] = [[] for _ in pdf.pages]
    for piece in pieces:
        above: pikepdf.Object = document
        for step in piece.way:
            if step not in elements:
                kind = pikepdf.Name(f"/{step.kind}")
                elements[step] = pdf.make_indirect(
                    pikepdf.Dictionary(Type=pikepdf.Name.StructElem, S=kind, P=above, K=[])
                )
                above.K.append(elements[step])
            above = elements[step]
        if piece.alternative:
            above.Alt = pikepdf.String(piece.alternative)
        page = pdf.pages[piece.page].obj
        above.K.append(pikepdf.Dictionary(Type=pikepdf.Name.MCR, Pg=page, MCID=piece.number))
        parents[piece.page].append(above)
    numbers = pikepdf.Array()
    for place, (page_of, above_of) in enumerate(zip(pdf.pages, parents, strict=True)):
        page_of.obj.StructParents = place
        page_of.obj.Tabs = pikepdf.Name.S
        numbers.append(place)
        numbers.append(pdf.make_indirect(pikepdf.Array(above_of)))
    root.ParentTree = pdf.make_indirect(pikepdf.Dictionary(Nums=numbers))
    root.ParentTreeNextKey = len(parents)
    pdf.Root.StructTreeRoot = root
    pdf.Root.MarkInfo = pikepdf.Dictionary(Marked=True)
