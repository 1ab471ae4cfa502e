"""Our N4 against SimpleITK's, against a known field, and its parts against their definitions.

The table over large and real volumes, speed and the change of the features, is `tests/benchmarks/N4.md`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from models.compiled import compiled
from models.errors import DeviceMemoryExhausted, EngineUnavailable, SetupError, StudyRejected
from models.images import read_image
from models.preprocessing import n4
from models.preprocessing.measurement import body_mask
from models.preprocessing.n4 import N4, evaluate, fit_log_field, refine, sharpened, spline_weights
from models.preprocessing.n4_settings import N4Settings, shrink_factors, shrunk
from models.preprocessing.n4_simpleitk import SimpleItkN4, _filter
from models.volume import Volume
from tests.models.preprocessing.bias_phantom import BiasPhantom, bias_phantom

CPU = torch.device("cpu")
QUICK = N4Settings(shrink=2, iterations=(8, 8))


@pytest.fixture(scope="module")
def phantom() -> BiasPhantom:
    return bias_phantom((26, 60, 72), (2.4, 1.6, 1.6))


def gain_removed(one: np.ndarray, other: np.ndarray, body: np.ndarray) -> float:
    """Standard deviation of the difference of two log fields inside the body: the constant gain plays no part."""
    return float(np.std((one.astype(float) - other)[body]))


def whole(lattice: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    return torch.cat([part for _, part in evaluate(lattice, shape)])


@pytest.mark.parametrize(
    "settings",
    [
        QUICK,
        N4Settings(shrink=3, iterations=(6, 6, 6), bins=120, wiener_noise=0.05, fwhm=0.2, control_points=5),
        N4Settings(shrink=1, iterations=(4,), convergence_threshold=1e-6),
    ],
    ids=["two levels", "every parameter changed", "no shrinking"],
)
def test_the_field_is_simpleitks(phantom: BiasPhantom, settings: N4Settings) -> None:
    ours = N4(settings, "cpu").log_field(phantom.volume, phantom.body)
    theirs = SimpleItkN4(settings, threads=1).log_field(phantom.volume, phantom.body)
    assert ours.shape == theirs.shape == phantom.volume.shape
    # The accuracy asked of the default settings on large volumes; with few iterations it is float32 round-off.
    assert gain_removed(ours, theirs, phantom.body) < 1e-4
    assert np.std(theirs[phantom.body]) > 50 * gain_removed(ours, theirs, phantom.body)


@compiled
def itks_statistic(change):  # type: ignore[no-untyped-def]
    """ITK's coefficient of variation of exp(change): running mean and sum of squares, rounded to float32 each time."""
    mean, squares, count = np.float32(0), np.float32(0), 0.0
    for k in range(change.size):
        gain = np.float64(np.float32(np.exp(change[k])))
        count += 1.0
        if count > 1.0:
            apart = np.float32(gain - np.float64(mean))
            squares = np.float32(np.float64(squares) + np.float64(np.float32(apart * apart)) * (count - 1.0) / count)
        mean = np.float32(np.float64(mean) * (1.0 - 1.0 / count) + gain / count)
    return np.sqrt(np.float64(squares) / (count - 1.0)) / np.float64(mean)


def test_our_convergence_statistic_is_exact_where_itks_running_mean_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one difference between both that is not rounding: after one iteration of the same fit, on 100,000 voxels."""
    large = bias_phantom((20, 100, 110), (2.4, 1.6, 1.6))
    settings = N4Settings(shrink=1, iterations=(1,), convergence_threshold=1e-9)
    small = shrunk(large.volume, large.body, shrink=1)
    assert np.count_nonzero(small.mask) > 100_000
    fit = _filter(settings)
    fit.Execute(sitk.GetImageFromArray(small.image), sitk.GetImageFromArray(small.mask.astype(np.uint8)))
    found: list[tuple[float, float, float]] = []
    ours = n4._variation_of_gain

    def recorded(change: torch.Tensor) -> float:
        before = change.numpy().copy()
        gain = np.exp(before.astype(np.float64))
        found.append((float(itks_statistic(before)), ours(change), float(gain.std(ddof=1) / gain.mean())))
        return found[-1][1]

    monkeypatch.setattr(n4, "_variation_of_gain", recorded)
    n4.fit_log_field(torch.from_numpy(small.image), torch.from_numpy(small.mask), settings)
    ((as_itk, mine, true),) = found
    assert mine == pytest.approx(true, rel=1e-5)
    assert fit.GetCurrentConvergenceMeasurement() == pytest.approx(as_itk, rel=5e-4)
    assert as_itk > 1.002 * true


@pytest.mark.slow
def test_the_default_settings_give_simpleitks_field_on_a_real_head(shared_data: Path) -> None:
    volume = read_image(shared_data / "pyradiomics" / "brain1_image.nrrd")
    body = body_mask(volume)
    ours = N4(device="cpu").log_field(volume, body)
    theirs = SimpleItkN4(threads=1).log_field(volume, body)
    assert gain_removed(ours, theirs, body) < 1e-3
    assert np.corrcoef(ours[body], theirs[body])[0, 1] > 0.99999


def test_a_known_field_is_recovered_as_well_as_by_simpleitk(phantom: BiasPhantom) -> None:
    settings = N4Settings(shrink=2, iterations=(30, 30, 30))
    ours = gain_removed(N4(settings, "cpu").log_field(phantom.volume, phantom.body), phantom.log_field, phantom.body)
    theirs = gain_removed(
        SimpleItkN4(settings, threads=1).log_field(phantom.volume, phantom.body), phantom.log_field, phantom.body
    )
    before = float(np.std(phantom.log_field[phantom.body]))
    assert ours <= theirs * 1.01
    assert ours < before / 3


def test_the_corrected_image_is_the_image_over_the_field(phantom: BiasPhantom) -> None:
    for correction in (N4(QUICK, "cpu"), SimpleItkN4(QUICK, threads=1)):
        corrected = correction.correct(phantom.volume, phantom.body)
        log_field = correction.log_field(phantom.volume, phantom.body)
        np.testing.assert_allclose(corrected.volume.voxels, phantom.volume.voxels / np.exp(log_field), rtol=1e-5)
        np.testing.assert_array_equal(corrected.volume.affine, phantom.volume.affine)
        assert corrected.fit is not None
        assert corrected.fit.deviation == pytest.approx(float(np.std(log_field[phantom.body])), rel=0.1)


def test_repeating_gives_the_same_bits(phantom: BiasPhantom) -> None:
    first, second = (N4(QUICK, "cpu").log_field(phantom.volume, phantom.body) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_brighter_image_has_the_same_field(phantom: BiasPhantom) -> None:
    """The field is multiplicative: a gain shifts all log intensities, and the histogram with them."""
    brighter = Volume(phantom.volume.affine, phantom.volume.voxels * 16)
    one, other = (N4(QUICK, "cpu").log_field(volume, phantom.body) for volume in (phantom.volume, brighter))
    assert gain_removed(one, other, phantom.body) < 1e-4


def test_voxels_outside_the_mask_play_no_part(phantom: BiasPhantom) -> None:
    changed = Volume(phantom.volume.affine, np.where(phantom.body, phantom.volume.voxels, 5000))
    one, other = (N4(QUICK, "cpu").log_field(volume, phantom.body) for volume in (phantom.volume, changed))
    np.testing.assert_array_equal(one, other)


def test_uniform_tissue_has_no_field() -> None:
    volume = Volume(np.eye(4), np.full((8, 12, 12), 40, dtype=np.float32))
    np.testing.assert_array_equal(N4(QUICK, "cpu").log_field(volume, np.ones(volume.shape, dtype=bool)), 0)


def test_zeros_inside_the_mask_are_left_as_they_are(phantom: BiasPhantom) -> None:
    """Same rule as in ITK: no logarithm is taken of a voxel that is not positive."""
    voxels = phantom.volume.voxels.copy()
    voxels[10:14, 20:24, 20:24] = 0
    volume = Volume(phantom.volume.affine, voxels)
    ours = N4(QUICK, "cpu").log_field(volume, phantom.body)
    theirs = SimpleItkN4(QUICK, threads=1).log_field(volume, phantom.body)
    assert gain_removed(ours, theirs, phantom.body) < 1e-4


@pytest.mark.parametrize(("size", "spans"), [(2, 1), (9, 1), (17, 4), (30, 8)])
def test_spline_weights_are_those_of_the_cubic_b_spline(size: int, spans: int) -> None:
    """Against ITK's kernel, and a partition of unity."""
    weights = spline_weights(size, spans, device=CPU).numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    place = np.arange(size) * spans / (size - 1)
    place[-1] -= 1e-3 * spans / (size - 1)
    distance = np.abs(place[:, None] - (np.arange(spans + 3) - 1))
    inner, outer = (4 - 6 * distance**2 + 3 * distance**3) / 6, np.clip(2 - distance, 0, None) ** 3 / 6
    np.testing.assert_allclose(weights, np.where(distance < 1, inner, outer), atol=1e-6)


def test_refining_a_lattice_changes_no_value_of_the_field() -> None:
    lattice = torch.from_numpy(np.random.default_rng(0).standard_normal((4, 5, 11)).astype(np.float32))
    finer = refine(lattice)
    assert finer.shape == (5, 7, 19)
    # The last voxel is moved inside by a share of a voxel, whatever the lattice.
    torch.testing.assert_close(whole(finer, (13, 14, 15)), whole(lattice, (13, 14, 15)), atol=2e-6, rtol=1e-5)


def test_one_fit_is_the_scattered_data_approximation_of_lee_wolberg_and_shin() -> None:
    """Equations 3 and 5 of the paper, point by point, against the matrix products."""
    rng = np.random.default_rng(2)
    shape = (5, 6, 7)
    mask = rng.random(shape) > 0.4
    image = rng.uniform(50, 400, shape).astype(np.float32)
    settings = N4Settings(iterations=(1,), control_points=5)
    logs = torch.from_numpy(np.log(image[mask]))
    residual = (logs - sharpened(logs, settings)).numpy()

    weights = [spline_weights(size, 2, device=CPU).numpy().astype(float) for size in shape]
    numerator, denominator = np.zeros((5, 5, 5)), np.zeros((5, 5, 5))
    for (s, r, c), z in zip(np.argwhere(mask), residual, strict=True):
        w = np.einsum("i,j,k->ijk", weights[0][s], weights[1][r], weights[2][c])
        numerator += w**3 * z / np.sum(w**2)
        denominator += w**2
    expected = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    found = fit_log_field(torch.from_numpy(image), torch.from_numpy(mask), settings).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sharpening_narrows_two_blurred_peaks_and_keeps_the_mean() -> None:
    rng = np.random.default_rng(4)
    peaks = np.concatenate([rng.normal(4, 0.06, 20000), rng.normal(5, 0.06, 20000)]).astype(np.float32)
    sharp = sharpened(torch.from_numpy(peaks), N4Settings()).numpy()
    assert np.std(sharp[:20000]) < 0.5 * np.std(peaks[:20000])
    assert np.mean(sharp[:20000]) == pytest.approx(4, abs=0.01)
    assert np.mean(sharp[20000:]) == pytest.approx(5, abs=0.01)


def test_both_implementations_shrink_alike_and_thin_volumes_less(phantom: BiasPhantom) -> None:
    assert shrink_factors((120, 448, 448), 4) == (4, 4, 4)
    assert shrink_factors((9, 448, 15), 4) == (2, 4, 3)
    found = shrunk(phantom.volume, phantom.body, shrink=4)
    assert found.image.shape == found.mask.shape == (6, 15, 18)
    assert found.left_out < 1e-3


def test_what_can_not_be_fitted_is_refused(phantom: BiasPhantom) -> None:
    with pytest.raises(StudyRejected, match=r"1 × 60 × 72 voxels .* needs at least 2"):
        N4(QUICK, "cpu").correct(Volume(np.eye(4), phantom.volume.voxels[:1]), phantom.body[:1])
    speck = np.zeros(phantom.volume.shape, dtype=bool)
    speck[0, 0, 0] = True
    with pytest.raises(StudyRejected, match="None of the 1 voxel of the body mask is left"):
        N4(N4Settings(), "cpu").correct(phantom.volume, speck)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"shrink": 0}, "shrink factor of N4 is 0"),
        ({"iterations": ()}, "iterations of N4 are"),
        ({"bins": 1}, "1 histogram bins"),
        ({"control_points": 3}, "3 control points"),
        ({"fwhm": 0.0}, "positive numbers"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence):
        N4Settings(**wrong)  # type: ignore[arg-type]


def test_devices_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineUnavailable, match="'mps'; one of auto, cpu, cuda"):
        N4(device="mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineUnavailable, match="torch finds none"):
        N4(device="cuda")


def test_too_little_memory_on_the_device_is_an_error_of_its_own(
    phantom: BiasPhantom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> torch.Tensor:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("models.preprocessing.n4._fitted", exhausted)
    with pytest.raises(DeviceMemoryExhausted, match="N4 of an image of 26 × 60 × 72 voxels"):
        N4(QUICK, "cpu").correct(phantom.volume, phantom.body)
    assert N4(QUICK, "auto").on_cpu() == N4(QUICK, "cpu")


def test_the_threads_of_the_process_are_as_before(phantom: BiasPhantom) -> None:
    before = torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    quick = N4Settings(shrink=4, iterations=(1,))
    N4(quick, "cpu").correct(phantom.volume, phantom.body)
    SimpleItkN4(quick, threads=1).correct(phantom.volume, phantom.body)
    assert before == (torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads())


@pytest.mark.gpu
def test_the_cuda_device_gives_the_field_of_the_cpu(phantom: BiasPhantom) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_gpu = N4(QUICK, "cuda").log_field(phantom.volume, phantom.body)
    on_cpu = N4(QUICK, "cpu").log_field(phantom.volume, phantom.body)
    assert gain_removed(on_gpu, on_cpu, phantom.body) < 1e-5
