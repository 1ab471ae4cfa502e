"""Run once in the build of the image: compile the kernels, and the byte code of every module that the service loads.

A small synthetic study is answered as the service does it, so that what loads at its first use has been loaded. Byte
code of all that is installed would be 200 MB, most of it of modules that nothing here imports; what only training
loads beyond (PyTorch's compiler, SymPy) costs it some seconds at its start. Byte code is not compared with its source
at run time, since both are read-only.
"""

from __future__ import annotations

import importlib
import pkgutil
import py_compile
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from appliance.service.bench import answer
from appliance.service.worker import Asked
from appliance.settings import Settings
from appliance.workbench import open_workbench
from dicom_io.synthetic.study_writer import SMALL_T1C, SMALL_T2W, make_study
from models.features.extract import open_engine
from models.features.own import warm_up
from models.number_words import counted

PACKAGES = ("models", "reports", "dicom_io", "appliance")


def import_everything() -> None:
    """Every module of ours, and with them the libraries they use."""
    importlib.import_module("rdeepnet")
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, prefix=f"{name}."):
            if not module.name.startswith("appliance.deploy"):
                importlib.import_module(module.name)


def work_once() -> None:
    """Compiles the kernels, opens the optional engine, answers a study."""
    warm_up()
    open_engine("pyradiomics", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(Path(folder), seed=1, t1c=SMALL_T1C, t2w=SMALL_T2W)
        answer(study.files, Asked(datetime.now(UTC)), bench=open_workbench(Settings()))


def compile_loaded() -> int:
    """Makes byte code beside the source of every module in memory; returns how many."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    sources = sorted(file for file in files if file and file.endswith(".py") and file.startswith(sys.prefix))
    for source in sources:
        py_compile.compile(source, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return len(sources)


def main() -> None:
    """Prepares the installation that this runs in."""
    import_everything()
    work_once()
    kernels = len(list((Path(sys.prefix) / "cache" / "numba").rglob("*.nbc")))
    modules = compile_loaded()
    sys.stdout.write(f"{counted(modules, 'module')} and {counted(kernels, 'kernel is', 'kernels are')} compiled\n")
    if not kernels:
        raise SystemExit("no kernel was compiled: does Numba cache?")


if __name__ == "__main__":
    main()
