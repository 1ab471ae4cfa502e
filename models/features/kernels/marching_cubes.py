"""Marching cubes with every vertex in the middle of an edge: area and volume of a mesh from counts of corner patterns.

A cube of eight voxel centres has 256 patterns of corners in and out of the region. Because vertices are always
midpoints, the triangles of a pattern are the same wherever it occurs, so area and volume of the mesh follow from how
often each pattern occurs and the sum of the places where it does; no triangle is visited.

Which triangles: the 128 rows for patterns without corner 7 as in PyRadiomics 3.0.1 (`cshape.c`, BSD-3-Clause), which
are those of C. G. Bloyd's and P. Bourke's public-domain table "Polygonising a scalar field" (1994) in another order of
vertices; a pattern with corner 7 has the triangles of its complement, turned inside out. This choice decides the
ambiguous faces, so the numbers depend on it.

Corners (slice, row, column): 0 = (0,0,0), 1 = (0,0,1), 2 = (0,1,1), 3 = (0,1,0), 4 to 7 the same in the next slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Middle of each of the 12 edges, (slice, row, column) in half voxels.
_EDGE_MIDDLES = np.array(
    [
        (0, 0, 1), (0, 1, 2), (0, 2, 1), (0, 1, 0),
        (2, 0, 1), (2, 1, 2), (2, 2, 1), (2, 1, 0),
        (1, 0, 0), (1, 0, 2), (1, 2, 2), (1, 2, 0),
    ]
)  # fmt: skip

# One word per pattern 0 … 127: three hexadecimal digits (edges) per triangle, "-" for no triangle.
_TRIANGLES = """
- 083 190 183198 12a 08312a 92a029 2832a8a98 b23 b2008b 190b23 b2119b98b 3a1ba3 a1008a8ba 9033b9ba9 98aba8 478
043473 190478 194147173 12a478 34730412a 92a902478 2a9297273479 478b23 b47b24204 190478b23 47b94bb29192 3a1ba3478
ba114b10447b 4789033b9ba9 47b4b99ba 954 954083 054015 854835315 12a954 08312a954 2a5542240 2a5325354834 954b23
b2008b954 054015b23 215258b28548 3a1ba3954 549a1008a8ba 54050ba5bb03 548a58ba8 789579 309539357 780017715 157173
78957912a 12a309395357 0288258572a5 2a5253357 579789b23 579972209b27 b23018178157 21b17b157 7895793a1ba3
5705097b0a10ba0 ba003ba50078570 ba557b 65a 08365a 19065a 18319865a 165126 165126083 965906026 598582526832 b2365a
b2008b65a 190b2365a b2119b98b65a 63b653513 08b0b50515b6 63b036065059 65969bb98 47865a 04347365a 19047865a
19414717365a 478165126 043473165126 478965906026 739479329596269 b2347865a b47b2420465a 190b2347865a
47b94bb2919265a 47863b653513 51b5b610b47b04b 47863b036065059 65969b4797b9 a4964a a4964a083 01aa60640 18316886461a
149124264 149124264083 024426 832824426 b23a4964a b2008ba4964a b2301aa60640 64161a148b2118b 964369139b63
18b081b61149641 63b036640 86468b 67a78a89a 67a0a709a073 67a1a7178018 67a1a7173 126168189678 269129679309739
078706602 273267 b2367a78a89a 207b2709767a9a7 67a1a7178018b23 b2117ba61167 896678169b63136 09167b 07870603bb60 67b
"""


def _triangle_table() -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    patterns: list[int] = []
    corners: list[list[NDArray[np.int64]]] = []
    signs: list[int] = []
    words = _TRIANGLES.split()
    for pattern in range(256):
        word = words[pattern if pattern < 128 else 255 - pattern].strip("-")
        for start in range(0, len(word), 3):
            patterns.append(pattern)
            corners.append([_EDGE_MIDDLES[int(digit, 16)] for digit in word[start : start + 3]])
            signs.append(1 if pattern < 128 else -1)
    return np.array(patterns), np.array(corners) / 2.0, np.array(signs, dtype=np.float64)


_PATTERN, _CORNERS, _SIGN = _triangle_table()


def mesh_area_and_volume(
    cubes: NDArray[np.int64], where: NDArray[np.int64], spacing_mm: NDArray[np.float64]
) -> tuple[float, float]:
    """Area (mm²) and volume (mm³) of the mesh.

    Parameters
    ----------
    cubes : int64 (256,), how often each pattern occurs
    where : int64 (256, 3), sum of the (slice, row, column) of the first corners of these cubes
    spacing_mm : float64 (3,), along (slices, rows, columns)

    The volume is the sum of the signed tetrahedra between the triangles and the origin. With corners o + a, o + b,
    o + c six times such a volume is a × b · c + o · (a × b + b × c + c × a): linear in the place o of the cube.
    """
    a, b, c = (_CORNERS[:, k] * spacing_mm for k in range(3))
    area_vectors = np.cross(a, b) + np.cross(b, c) + np.cross(c, a)
    area = float(np.sum(cubes[_PATTERN] * np.linalg.norm(area_vectors, axis=1))) / 2
    at_origin = np.einsum("ij,ij->i", np.cross(a, b), c)
    moved = np.einsum("ij,ij->i", area_vectors, where[_PATTERN] * spacing_mm)
    volume = float(np.sum(_SIGN * (cubes[_PATTERN] * at_origin + moved))) / 6
    return area, volume
