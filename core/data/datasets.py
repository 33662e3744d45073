"""Data sets as whole uint8 tensors, with a fixed split, and the test images alone for pages.

`load` serves training and evaluation; `load_test` serves the viewing pages and needs neither torch
nor a network.
"""

from __future__ import annotations

import hashlib
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.data.digits import digits, stratified_order
from core.data.fetch import DatasetError, fetch, file_names, read_idx, read_part
from core.data.folders import command, data_root
from core.data.sources import Source, find

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Images uint8 (N, C, H, W) and their labels int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> Split:
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class Dataset:
    """A training and a test part, and what the training part says about both.

    `mean` and `std` are per channel, in units of the pixel range 0 to 1, over the whole training
    part. `sha256` covers shapes, pixels, labels and class names of both parts; `test_sha256` only
    the test part.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str
    test_sha256: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def holdout(self, share: float = 1 / 12) -> tuple[Split, Split]:
        """The training part cut into (fit, validation), by class, and the same for every seed.

        `share` is the share held out, 0 <= share < 1; with 0 the validation split is empty.
        """
        if not 0 <= share < 1:
            raise ValueError(f"validation: {share} is not a share between 0 and 1 (1 excluded)")
        import torch

        kept, held = self.holdout_places(share)
        return self.train.take(torch.from_numpy(kept)), self.train.take(torch.from_numpy(held))

    def holdout_places(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Where in the training part the images of `holdout` stand: (fit, validation), int64."""
        order = stratified_order(self.train.labels.numpy())
        count = round(len(order) * share)
        return np.sort(order[count:]), np.sort(order[:count])


def load(name: str) -> Dataset:
    """The whole data set; fetched first when it is not on this machine.

    Raises ValueError for an unknown name, DatasetError when it can neither be read nor fetched.
    """
    source = find(name)
    fetch_files(name)
    return from_arrays(name, *load_train(name)[:2], *load_test(name)[:2], source.classes)


def load_test(name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Test images uint8 (N, C, H, W), labels int64 (N,) and the test part's sha256, without torch.

    Raises DatasetError when the files are not here: nothing is fetched.
    """
    source = find(name)
    if source.folder is None:
        _, _, images, labels = digits()
    else:
        images, labels = read_part(_raw(source.folder), "t10k")
    images, labels = _as_images(images), np.array(labels, np.int64)
    digest = _as_published(source, "t10k", hash_part(images, labels, source.classes))
    images.setflags(write=False)
    labels.setflags(write=False)
    return images, labels, digest


def train_count(name: str) -> int:
    """Training images of a data set: those that are here, else as many as were published."""
    source = find(name)
    if source.folder is None:
        return len(digits()[1])
    try:
        return len(read_idx(_raw(source.folder) / "train-labels-idx1-ubyte", dimensions=1))
    except DatasetError:
        return 60_000


def load_train(name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Training images uint8 (N, C, H, W), labels int64 (N,) and the sha256 of the whole data set,
    without torch; the images of a fetched set stay on the disk until they are looked at.

    Raises DatasetError when the files are not here: nothing is fetched.
    """
    source = find(name)
    if source.folder is None:
        images, labels, _, _ = digits()
    else:
        images, labels = read_part(_raw(source.folder), "train", mapped=True)
    images, labels = images.reshape(len(images), -1, *images.shape[-2:]), labels.astype(np.int64)
    images.setflags(write=False)
    labels.setflags(write=False)
    train_sha = hash_part(images, labels, source.classes)
    digest = _as_published(source, "train", _hash_whole(train_sha, load_test(name)[2]))
    return images, labels, digest


def from_arrays(
    name: str,
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    classes: tuple[str, ...],
) -> Dataset:
    """A Dataset from uint8 arrays (N, H, W) or (N, C, H, W) and integer labels.

    Raises ValueError when shapes, types or labels do not fit together.
    """
    import torch

    parts = []
    for part, images, labels in (
        ("train", train_images, train_labels),
        ("test", test_images, test_labels),
    ):
        images, labels = _as_images(images), np.array(labels, np.int64)
        if len(images) != len(labels):
            raise ValueError(f"{name}: {len(images)} {part} images but {len(labels)} labels")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
            raise ValueError(f"{name}: {part} labels must lie in 0..{len(classes) - 1}")
        parts.append((images, labels))
    (train_x, train_y), (test_x, test_y) = parts
    if train_x.shape[1:] != test_x.shape[1:]:
        raise ValueError(
            f"{name}: train images {train_x.shape[1:]}, test images {test_x.shape[1:]}"
        )
    mean, std = _moments(train_x)
    test_sha = hash_part(test_x, test_y, classes)
    whole_sha = _hash_whole(hash_part(train_x, train_y, classes), test_sha)
    train, test = (Split(torch.from_numpy(x), torch.from_numpy(y)) for x, y in parts)
    return Dataset(name, train, test, tuple(classes), mean, std, whole_sha, test_sha)


def hash_part(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> str:
    """sha256 over shape, class names, labels and pixels of one part."""
    digest = hashlib.sha256(repr((images.shape, tuple(classes))).encode())
    digest.update(np.ascontiguousarray(labels, "<i8").data)
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()


def _as_published(source: Source, part: str, digest: str) -> str:
    """`digest`, in which only `part` can be at fault. Raises DatasetError when it is another."""
    if source.sha256 and digest not in source.sha256:
        names = " or ".join(name for name in file_names() if name.startswith(part))
        raise DatasetError(
            f"{_raw(source.folder or '')}: {names} is not as published: "
            "delete both, as .gz too, and fetch them again"
        )
    return digest


def _hash_whole(train_sha: str, test_sha: str) -> str:
    return hashlib.sha256((train_sha + test_sha).encode()).hexdigest()


def fetch_files(name: str, *, test_only: bool = False) -> None:
    """Bring a data set's files to this machine; does nothing when they are here. Raises
    DatasetError.
    """
    source = find(name)
    if source.folder:
        fetch(
            _raw(source.folder),
            source.folder,
            title=source.title,
            more_mirrors=source.more_mirrors,
            test_only=test_only,
        )


def fetch_in_worker(name: str) -> None:
    """`fetch_files` of the test part in a process of its own, so that the caller never loads torch.

    Raises DatasetError with the worker's message.
    """
    done = subprocess.run(
        **command("fetch", name, "--test"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise DatasetError(done.stderr.strip().removeprefix("error: "))


def _raw(folder: str) -> Path:
    return data_root() / folder / "raw"


def _as_images(images: np.ndarray) -> np.ndarray:
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            f"images must be uint8 (N, H, W) or (N, C, H, W), not {images.dtype} {images.shape}"
        )
    return np.array(images if images.ndim == 4 else images[:, None], order="C")


def _moments(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 images, exact, from their histograms."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in np.moveaxis(images, 1, 0):
        few = np.array_split(channel, len(channel) // 1000 + 1)  # bincount takes 8 bytes a pixel
        counts = np.sum([np.bincount(some.ravel(), minlength=256) for some in few], axis=0)
        share = counts / channel.size
        mean = float(share @ values)
        means.append(mean)
        deviations.append(math.sqrt(float(share @ (values - mean) ** 2)) or 1.0)
    return tuple(means), tuple(deviations)
