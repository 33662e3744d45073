"""Does a network know how sure to be: reliability by confidence, a test, and the temperature that
mends it. Arrays in, small results out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 1000  # simulated networks of a test: p-values down to a thousandth
SMALLEST = 2.0**-24  # what float16 can hold; probabilities below it count as so much
REACH = 3.0  # temperatures from exp(-3) to exp(3) are looked at


def reliability_bins(
    right: np.ndarray, confidence: np.ndarray, bins: int = 15
) -> list[dict[str, float]]:
    """Equal-width bins of confidence (N,), each with its count, mean confidence and accuracy;
    empty ones left out.

    `low` and `high` bound a bin; a confidence on a bound belongs to the bin below it. From
    `accuracy_low` to `accuracy_high` reach Clopper and Pearson's exact intervals (1934), at 95 %
    for all bins together (Bonferroni): of a calibrated network they hold every bin's confidence.
    """
    from scipy.special import betaincinv

    member = bin_of(confidence, bins)
    rows = []
    for index in np.unique(member):
        inside = member == index
        count, good = int(inside.sum()), int(right[inside].sum())
        tail = 0.025 / len(np.unique(member))
        rows.append(
            {
                "low": float(index / bins),
                "high": float((index + 1) / bins),
                "count": count,
                "confidence": float(confidence[inside].mean(dtype=np.float64)),
                "accuracy": good / count,
                "accuracy_low": float(betaincinv(good, count - good + 1, tail)) if good else 0.0,
                "accuracy_high": float(betaincinv(good + 1, count - good, 1 - tail))
                if good < count
                else 1.0,
            }
        )
    return rows


def bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each confidence, 0 to bins - 1."""
    edges = np.linspace(0, 1, bins + 1)
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)


def expected_calibration_error(bins: Sequence[dict[str, float]]) -> float:
    """Mean gap between confidence and accuracy, weighted by count (Guo et al. 2017,
    arXiv:1706.04599).
    """
    total = sum(row["count"] for row in bins)
    return sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / total


def errors_by_chance(confidence: np.ndarray, bins: int = 15, seed: int = 0) -> np.ndarray:
    """Expected calibration errors (DRAWS,) of networks that are right exactly as often as they are
    sure, each drawn over the same confidences (N,) (Broecker and Smith 2007, "consistency
    resampling").
    """
    rng, member = np.random.default_rng(seed), bin_of(confidence, bins)
    wrong, onehot = 1 - confidence.astype(np.float64), np.eye(bins)[member]
    sure = wrong < 0.01  # so rarely wrong that their mistakes add up to a Poisson number
    drawn = rng.poisson(wrong[sure] @ onehot[sure], (DRAWS, bins)).astype(np.float64)
    drawn += (rng.random((DRAWS, (~sure).sum())) < wrong[~sure]) @ onehot[~sure]
    return np.abs(drawn - wrong @ onehot).sum(1) / len(wrong)


def p_value(error: float, by_chance: np.ndarray) -> float:
    """How often chance alone brings an error as large."""
    return float((1 + (by_chance >= error).sum()) / (1 + len(by_chance)))


@dataclass(frozen=True)
class Temperature:
    """What divides the logits, with its 95 % likelihood interval; `before` and `after` are the
    expected calibration errors of `count` images, each half scaled as the other half says.
    """

    value: float
    interval: tuple[float, float]
    before: float
    after: float
    count: int

    @property
    def helps(self) -> bool:
        """Whether it differs from 1 beyond chance, and the error falls where it was not fitted."""
        low, high = self.interval
        return (low > 1 or high < 1) and self.after < self.before


def temperature(labels: np.ndarray, probs: np.ndarray) -> Temperature:
    """The one number that, dividing all logits, makes the true labels (N,) likeliest under `probs`
    (N, classes): above 1 for a network that is too sure (Guo et al. 2017, arXiv:1706.04599).

    To be fitted on the validation split. Raises ValueError where there is nothing to fit: without
    images, or without a mistake among them.
    """
    from scipy.optimize import brentq

    if not len(labels):
        raise ValueError("no images were held out, so there is nothing to fit a temperature on")
    right = probs.argmax(1) == labels
    if right.all():
        raise ValueError(
            f"all {len(labels):,} held-out images are classified correctly, so that no temperature "
            "is too low"
        )
    best = _fit(labels, probs)
    least = _loss(best, labels, probs)

    def beyond(place: float) -> float:
        """Twice the fall of the log-likelihood, less the 95 % point of chi-square."""
        return 2 * len(labels) * (_loss(place, labels, probs) - least) - 3.841458820694124

    low = brentq(beyond, -REACH, best) if beyond(-REACH) > 0 else -REACH
    high = brentq(beyond, best, REACH) if beyond(REACH) > 0 else REACH
    halves = np.arange(len(labels)) % 2 == 0
    scaled = np.empty(len(labels))
    for half in (halves, ~halves):
        other = _fit(labels[~half], probs[~half]) if (~half).any() else best
        scaled[half] = tempered(probs[half], float(np.exp(other))).max(1)
    before, after = (
        expected_calibration_error(reliability_bins(right, sure))
        for sure in (probs.max(1).astype(float), scaled)
    )
    ends = float(np.exp(low)), float(np.exp(high))
    return Temperature(float(np.exp(best)), ends, before, after, len(labels))


def _fit(labels: np.ndarray, probs: np.ndarray) -> float:
    """The logarithm of the likeliest temperature."""
    from scipy.optimize import minimize_scalar

    options = {"bounds": (-REACH, REACH), "method": "bounded", "options": {"xatol": 1e-4}}
    return float(minimize_scalar(_loss, args=(labels, probs), **options).x)


def _loss(place: float, labels: np.ndarray, probs: np.ndarray) -> float:
    """Cross-entropy at the temperature exp(place)."""
    scaled = _log(probs) / np.exp(place)
    top = scaled.max(1)
    normal = top + np.log(np.exp(scaled - top[:, None]).sum(1))
    return float((normal - scaled[np.arange(len(labels)), labels]).mean())


def tempered(probs: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities float64 (N, classes) after dividing the logits by `temperature`."""
    scaled = _log(probs) / temperature
    scaled -= scaled.max(1, keepdims=True)
    powers = np.exp(scaled)
    return powers / powers.sum(1, keepdims=True)


def _log(probs: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probs.astype(np.float64), SMALLEST))
