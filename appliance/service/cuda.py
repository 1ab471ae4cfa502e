"""CUDA devices, as the driver's own program reports them."""

from __future__ import annotations

import shutil
import subprocess


def cuda_device() -> str:
    """Name, memory and driver of the CUDA devices; empty without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return "; ".join(result.stdout.strip().splitlines()) if result.returncode == 0 else ""
