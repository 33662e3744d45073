"""What this machine offers and what ran on it: device, threads, versions, processor, commit.

Nothing here imports torch at the top: pages ask for the number of threads.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")
CGROUP = Path("/sys/fs/cgroup")
QUOTAS = (  # where version 2 and version 1 write microseconds of processor a period, and the period
    (("cpu.max", 0), ("cpu.max", 1)),
    (("cpu/cpu.cfs_quota_us", 0), ("cpu/cpu.cfs_period_us", 0)),
)
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "streamlit")


def usable_devices() -> list[str]:
    """The devices found on this machine, fastest first."""
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [*(name for name, here in found.items() if here), "cpu"]


def choose_device(wanted: str = "auto") -> torch.device:
    """The fastest device here, or the wanted one. ValueError when it is unknown or not here."""
    import torch

    here = usable_devices()
    if wanted == "auto":
        return torch.device(here[0])
    if wanted not in DEVICES:
        raise ValueError(f"device: {wanted!r} is unknown; choose one of {', '.join(DEVICES)}")
    if wanted not in here:
        raise ValueError(
            f"device: {wanted!r} was not found on this machine; usable here: {', '.join(here)}"
        )
    return torch.device(wanted)


def usable_threads() -> int:
    """Processors this process may use, whole ones of a container's quota."""
    here = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        here = len(os.sched_getaffinity(0))
    for share in QUOTAS:
        try:
            quota, period = (int((CGROUP / part).read_text().split()[at]) for part, at in share)
        except (OSError, ValueError, IndexError):  # "max" is no quota
            continue
        if quota > 0 and period > 0:
            here = min(here, max(1, quota // period))
    return here


def environment() -> dict[str, Any]:
    """Versions, processor and commit: what a result may depend on beside its settings."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "versions": versions,
        "platform": sys.platform,
        "processor": _processor(),
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    """The commit of this checkout, with -dirty where tracked files differ; None outside one."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
