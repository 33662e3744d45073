"""How sure a number is: intervals, paired tests, answers given only when sure. Arrays in, small
results out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

VERDICTS = 6  # rules by which a run's numbers are called remarkable (core/analysis/findings.py)
ALPHA = 0.05 / VERDICTS  # false alarms of each, so that all together raise one in 5 % at most


def percent(share: float, digits: int = 2) -> str:
    """A share of 0 to 1 as everything here says it, "99.66 %"."""
    return f"{100 * share:.{digits}f} %"


def between(ends: Sequence[float]) -> str:
    """An interval of shares as everything here says it, "99.53 to 99.76 %"."""
    low, high = ends
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927), as (low, high) in 0 to 1: the true shares
    that the count does not speak against.

    Raises ValueError unless 0 <= right <= count and count > 0.
    """
    from scipy.special import ndtri  # scipy.stats takes half a second to import

    return score_interval(right, count, float(ndtri(0.5 + confidence / 2)) ** 2)


def prediction_interval(
    right: int, count: int, others: int | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Where the share of right answers among `others` new images of the same kind (by default as
    many as the `count` that were seen) will fall, as (low, high): the shares that do not differ
    from this one by a score test, both samples pooled (after Krishnamoorthy and Peng 2011,
    doi:10.1016/j.jspi.2010.09.017). Raises what `wilson_interval` raises.
    """
    from scipy.special import ndtri

    new = others or max(count, 1)
    z2 = float(ndtri(0.5 + confidence / 2)) ** 2 * new / (count + new)
    low, high = score_interval(right, count, z2)  # of the pooled share
    share, stretch = right / count, (count + new) / new
    return (
        max(0.0, share + (low - share) * stretch),
        min(1.0, share + (high - share) * stretch),
    )


def score_interval(right: int, count: int, z2: float) -> tuple[float, float]:
    """The shares whose score against `right` of `count` is at most the root of `z2`."""
    if count <= 0 or not 0 <= right <= count:
        raise ValueError(f"{right} of {count} is not a share")
    wrong = count - right
    middle = (right + z2 / 2) / (count + z2)
    half = math.sqrt(z2 * (right * wrong / count + z2 / 4)) / (count + z2)
    return middle - half if right else 0.0, middle + half if wrong else 1.0


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's test (McNemar 1947) by its score: how often chance alone would
    share the images that just one of two classifiers reads right at least this unevenly.
    """
    apart = abs(only_a - only_b) / math.sqrt(max(1, only_a + only_b))
    return math.erfc(apart / math.sqrt(2))


def paired_difference(
    only_a: int, only_b: int, count: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of accuracy B minus accuracy A over the same `count` images, as (low, high): the
    differences that the score test does not reject (Tango 1998,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B). It leaves out 0 just
    where `mcnemar` is below 1 - confidence. Raises ValueError when the counts do not fit.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    if min(only_a, only_b) < 0 or only_a + only_b > count:
        raise ValueError(f"{only_a} and {only_b} of {count} images are not a paired table")

    def score(difference: float) -> float:
        """How many standard errors the counts lie above a true `difference`."""
        b = (2 * count - only_b + only_a) * difference - only_a - only_b
        root = math.sqrt(b * b + 8 * count * only_a * difference * (1 - difference))
        lost = (root - b) / (4 * count)  # the likeliest share of A alone
        variance = count * (2 * lost + difference * (1 - difference))
        return (only_b - only_a - count * difference) / math.sqrt(max(variance, 1e-300))

    z, found, edge = float(ndtri(0.5 + confidence / 2)), (only_b - only_a) / count, 1 - 1e-12
    low, high = -1.0, 1.0
    if found > -edge and score(-edge) > z:
        low = brentq(lambda at: score(at) - z, -edge, found)
    if found < edge and score(edge) < -z:
        high = brentq(lambda at: score(at) + z, found, edge)
    return float(low), float(high)


def predicted_log_odds(logits: np.ndarray) -> np.ndarray:
    """Log-odds float32 (N,) of the predicted class: its logit less the log-sum-exp of the others
    in `logits` (N, classes). They tell answers apart whose probabilities all round to 1.
    """
    from scipy.special import logsumexp

    ordered = np.sort(logits.astype(np.float64), axis=1)
    return (ordered[:, -1] - logsumexp(ordered[:, :-1], axis=1)).astype(np.float32)


def as_log_odds(probability: np.typing.ArrayLike) -> np.ndarray:
    """Those of one or several, float64; scipy.special has it too, but is slow to import."""
    exact = np.asarray(probability, np.float64)
    with np.errstate(divide="ignore"):
        return np.log(exact) - np.log1p(-exact)


def stored_log_odds(stored: Mapping[str, np.ndarray], part: str = "") -> np.ndarray:
    """The log-odds (N,) in a run's predictions, of the test images or with `part` "validation_" of
    those; of older runs those of the probability in float16, of which many tie and are infinite.
    """
    found = stored.get(f"{part}log_odds")
    return as_log_odds(stored[f"{part}probs"].max(1)) if found is None else found


def ties(stored: Mapping[str, np.ndarray]) -> str:
    """What is to be said of an older run's confidences, which were rounded; "" of a newer one's."""
    counts = np.unique(stored_log_odds(stored), return_counts=True)[1]
    text = (
        f"An older version rounded this run's confidences: {counts[counts > 1].sum():,} of "
        f"{counts.sum():,} tie, and stand in the order of the test set."
    )
    return text if "log_odds" not in stored and counts.max() > 1 else ""


def selective(right: np.ndarray, log_odds: np.ndarray, confidence: float) -> tuple[int, int]:
    """(images answered, of them right) when only answers at least this confident are given; which
    are `right` is bool (N,), `log_odds` are (N,).
    """
    answered = log_odds >= as_log_odds(confidence)
    return int(answered.sum()), int(right[answered].sum())


def coverage_curve(
    right: np.ndarray, log_odds: np.ndarray, points: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """(coverage, accuracy), each (P,): the surest share of images, and how many of them are right
    (El-Yaniv and Wiener 2010). Arguments as for `selective`.
    """
    order, count = np.argsort(-log_odds, kind="stable"), len(right)
    ranks = np.unique(np.linspace(1, count, min(points, count)).round().astype(int))
    return ranks / count, np.cumsum(right[order])[ranks - 1] / ranks


def spread(values: list[float]) -> tuple[float, float]:
    """(mean, sample standard deviation) of results over seeds. Raises ValueError below two."""
    if len(values) < 2:
        raise ValueError("a spread needs at least two seeds")
    return float(np.mean(values)), float(np.std(values, ddof=1))
