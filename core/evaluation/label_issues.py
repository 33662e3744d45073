"""What several runs say together of the same test images: their vote, and which labels it doubts.
Arrays in, arrays out; no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SAME = 1e-6  # probabilities closer than this are equal
TRIAL = (
    "Of 100 labels flipped at random in MNIST, the bundled runs have 100 among the first 146; of "
    "100 in Fashion-MNIST, 95."
)


def vote(probs: Sequence[np.ndarray]) -> np.ndarray:
    """The mean probabilities float32 (N, C) of runs with probs (N, C) each.

    Raises ValueError when there is none or when they do not fit together.
    """
    shapes = {part.shape for part in probs}
    if not shapes:
        raise ValueError("no run: choose at least one")
    if len(shapes) > 1:
        listed = ", ".join(str(part.shape) for part in probs)
        raise ValueError(f"probabilities of different test sets: {listed}")
    return np.mean([part.astype(np.float32) for part in probs], axis=0)


def vote_of_recipes(recipes: Sequence[str], probs: Sequence[np.ndarray]) -> np.ndarray:
    """The vote of recipes, each with that of its runs: many seeds of one do not outvote another.

    `recipes` names each run's, as `curves.seed_key` does. Raises what `vote` raises.
    """
    pairs = list(zip(recipes, probs, strict=True))
    return vote([vote([part for r, part in pairs if r == name]) for name in dict.fromkeys(recipes)])


def suspect_labels(labels: np.ndarray, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(indices (S,) of images that `probs` (N, C) take for another class than their label (N,), the
    lowest probability of the label first; bool (S,), which of them confident learning selects).

    Northcutt et al. 2021, arXiv:1911.00068: an image counts as a class when its probability reaches
    the mean of those labelled so; selected is what counts as another class than its label, off the
    diagonal of the confident joint. Raises ValueError when the two do not fit.
    """
    if len(labels) != len(probs):
        raise ValueError(f"{len(labels)} labels, but probabilities of {len(probs)} images")
    own = probs[np.arange(len(labels)), labels]  # self-confidence
    counts = np.bincount(labels, minlength=probs.shape[1])
    thresholds = np.bincount(labels, own, probs.shape[1]) / np.maximum(counts, 1)
    confident = (probs >= np.maximum(thresholds, 2 * SAME) - SAME) & (counts > 0)
    latent = np.where(confident.sum(1) > 1, probs.argmax(1), confident.argmax(1))
    found = np.flatnonzero(probs.max(1) > own + SAME)
    found = found[np.argsort(own[found], kind="stable")]
    return found, (confident.any(1) & (latent != labels))[found]
