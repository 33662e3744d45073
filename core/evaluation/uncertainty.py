"""How sure a number is: intervals, paired tests, calibration. Arrays in, small results out."""

from __future__ import annotations

import numpy as np


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927), as (low, high) in 0 to 1.

    Raises ValueError unless 0 <= right <= count and count > 0.
    """
    from scipy.special import ndtri  # scipy.stats takes half a second to import

    if count <= 0 or not 0 <= right <= count:
        raise ValueError(f"{right} of {count} is not a share")
    z2, wrong = float(ndtri(0.5 + confidence / 2)) ** 2, count - right
    middle = (right + z2 / 2) / (count + z2)
    half = np.sqrt(z2 * (right * wrong / count + z2 / 4)) / (count + z2)
    return (0.0 if not right else float(middle - half)), (
        1.0 if not wrong else float(middle + half)
    )


def calibration(labels: np.ndarray, probs: np.ndarray, bins: int = 15) -> list[dict[str, float]]:
    """Equal-width bins of confidence, each with its count, mean confidence and accuracy; empty ones
    left out.

    `low` and `high` bound a bin; a confidence on a bound belongs to the bin below it.
    """
    confidence = probs.max(1).astype(np.float64)
    right = probs.argmax(1) == labels
    edges = np.linspace(0, 1, bins + 1)
    member = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    return [
        {
            "low": float(edges[index]),
            "high": float(edges[index + 1]),
            "count": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for index in range(bins)
        if (inside := member == index).any()
    ]


def expected_calibration_error(bins: list[dict[str, float]]) -> float:
    """Mean gap between confidence and accuracy, weighted by count (Guo et al. 2017,
    arXiv:1706.04599).
    """
    total = sum(row["count"] for row in bins)
    return sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / total


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value of McNemar's test (McNemar 1947): how often chance alone would share
    the images that just one of two classifiers reads right at least this unevenly.
    """
    from scipy.special import bdtr

    count = only_a + only_b
    return 1.0 if count == 0 else float(min(1.0, 2 * bdtr(min(only_a, only_b), count, 0.5)))


def paired_difference(
    only_a: int, only_b: int, count: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of accuracy B minus accuracy A over the same `count` images, as (low, high).

    Wald's interval after half an image is added to each of the four cells (Agresti and Min 2005,
    doi:10.1002/sim.1781). Raises ValueError when the counts do not fit.
    """
    from scipy.special import ndtri

    if min(only_a, only_b) < 0 or only_a + only_b > count:
        raise ValueError(f"{only_a} and {only_b} of {count} images are not a paired table")
    a, b, total = only_a + 0.5, only_b + 0.5, count + 2
    half = ndtri(0.5 + confidence / 2) * np.sqrt(a + b - (b - a) ** 2 / total) / total
    middle = (b - a) / total
    return float(max(-1.0, middle - half)), float(min(1.0, middle + half))


def temperature(labels: np.ndarray, probs: np.ndarray) -> float:
    """The one number that, dividing all logits, makes the true labels (N,) likeliest under `probs`
    (N, classes): above 1 for a network that is too sure (Guo et al. 2017, arXiv:1706.04599).

    To be fitted on the validation split. Raises ValueError where there is nothing to fit: without
    images, or without a mistake among them.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        raise ValueError("no images were held out, so there is nothing to fit a temperature on")
    if (probs.argmax(1) == labels).all():
        raise ValueError(
            f"all {len(labels):,} held-out images are classified correctly, so that no temperature "
            "is too low"
        )
    log_probs = _log(probs)

    def loss(log_temperature: float) -> float:
        scaled = log_probs / np.exp(log_temperature)
        top = scaled.max(1)
        normal = top + np.log(np.exp(scaled - top[:, None]).sum(1))
        return float((normal - scaled[np.arange(len(labels)), labels]).mean())

    found = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def tempered(probs: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities float64 (N, classes) after dividing the logits by `temperature`."""
    scaled = _log(probs) / temperature
    scaled -= scaled.max(1, keepdims=True)
    powers = np.exp(scaled)
    return powers / powers.sum(1, keepdims=True)


def _log(probs: np.ndarray) -> np.ndarray:
    """Logarithms float64, of nothing below what float16 can hold."""
    return np.log(np.maximum(probs.astype(np.float64), 2.0**-24))


def selective(labels: np.ndarray, probs: np.ndarray, threshold: float) -> tuple[int, int]:
    """(images answered, of them right) when only answers at least this confident are given."""
    answered = probs.max(1).astype(float) >= threshold  # float16 would round the threshold too
    return int(answered.sum()), int((probs.argmax(1) == labels)[answered].sum())


def coverage_curve(
    labels: np.ndarray, probs: np.ndarray, points: int = 200
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(coverage, accuracy, threshold), each (P,): the surest share of images, how many of them are
    right, and the confidence of the least sure one (El-Yaniv and Wiener 2010).
    """
    confidence = probs.max(1)
    order = np.argsort(-confidence, kind="stable")
    right = (probs.argmax(1) == labels)[order]
    ranks = np.unique(np.linspace(1, len(labels), min(points, len(labels))).round().astype(int))
    accuracy = np.cumsum(right)[ranks - 1] / ranks
    return ranks / len(labels), accuracy, confidence[order][ranks - 1].astype(float)


def spread(values: list[float]) -> tuple[float, float]:
    """(mean, sample standard deviation) of results over seeds. Raises ValueError below two."""
    if len(values) < 2:
        raise ValueError("a spread needs at least two seeds")
    return float(np.mean(values)), float(np.std(values, ddof=1))
