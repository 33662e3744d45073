"""Votes and suspect labels, against loops written by hand and against cleanlab."""

import numpy as np
import pytest

from core.evaluation import curves, label_issues


def said(*rows: tuple[int, float], classes: int = 4) -> np.ndarray:
    """Probabilities (N, C) of one run from (class, confidence) of each image."""
    probs = np.zeros((len(rows), classes), np.float16)
    for probability, (label, confidence) in zip(probs, rows, strict=True):
        probability[:] = (1 - confidence) / (classes - 1)
        probability[label] = confidence
    return probs


def test_the_vote_is_the_mean_of_the_probabilities():
    one, other = said((0, 0.9), (1, 0.6)), said((1, 0.7), (1, 1.0))
    found = label_issues.vote([one, other, other])
    assert found.dtype == np.float32
    assert found == pytest.approx((one.astype(float) + 2 * other.astype(float)) / 3, abs=1e-3)
    assert found.argmax(1).tolist() == [1, 1]
    assert np.array_equal(label_issues.vote([one]), one.astype(np.float32))


def test_seeds_of_a_recipe_share_its_vote():
    """Two seeds against one run of another recipe: one vote each, not two to one."""
    one, again, other = said((0, 0.9)), said((0, 0.7)), said((1, 0.95))
    found = label_issues.vote_of_recipes(["mlp", "cnn", "mlp"], [one, other, again])
    expected = ((one.astype(float) + again) / 2 + other) / 2
    assert found == pytest.approx(expected, abs=1e-3)
    assert found.argmax(1).tolist() == [1]
    assert np.array_equal(label_issues.vote_of_recipes(["mlp"], [one]), label_issues.vote([one]))


def by_hand(labels, probs) -> tuple[list[int], list[int]]:
    """Images taken for another class, and those off the diagonal of the confident joint, one after
    the other, as the paper has it; where several classes are reached the likeliest of all counts.
    """
    classes = range(probs.shape[1])
    members = [
        [p[c] for p, label in zip(probs, labels, strict=True) if label == c] for c in classes
    ]
    means = [sum(of) / len(of) if of else 2.0 for of in members]
    contradicted, wrong = [], []
    for place, (row, label) in enumerate(zip(probs, labels, strict=True)):
        if row.argmax() == label:
            continue
        contradicted.append(place)
        reached = [c for c in classes if row[c] >= means[c]]
        latent = reached[0] if len(reached) == 1 else int(row.argmax())
        if reached and latent != label:
            wrong.append(place)
    order = {place: probs[place][labels[place]] for place in contradicted}
    return sorted(contradicted, key=order.get), sorted(wrong, key=order.get)


def random_case(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    true = rng.randint(0, classes, count)
    logits = rng.normal(size=(count, classes)) + 3 * np.eye(classes)[true]
    labels = np.where(rng.rand(count) < 0.2, rng.randint(0, classes, count), true)
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return labels, probs.astype(np.float32)


CASES = [(400, 2, 0), (600, 10, 1), (3000, 100, 2), (40, 10, 3)]


@pytest.mark.parametrize("case", CASES)
def test_suspects_are_those_of_counting_by_hand(case):
    labels, probs = random_case(*case)
    found, wrong = label_issues.suspect_labels(labels, probs)
    contradicted, expected = by_hand(labels, probs.astype(float))
    assert found.tolist() == contradicted
    assert found[wrong].tolist() == expected
    assert 2 < len(expected) < len(contradicted)


def theirs(labels: np.ndarray, probs: np.ndarray) -> list[int]:
    filters = pytest.importorskip("cleanlab.filter", reason="pip install -r requirements-dev.txt")
    return filters.find_label_issues(
        labels,
        probs,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    ).tolist()


@pytest.mark.parametrize("case", CASES)
def test_confident_learning_agrees_with_cleanlab(case):
    labels, probs = random_case(*case)
    found, wrong = label_issues.suspect_labels(labels, probs)
    assert found[wrong].tolist() == theirs(labels, probs)


def test_a_class_that_no_label_names_is_reached_by_nobody():
    labels, probs = random_case(300, 4, 5)
    labels[labels == 2] = 0
    found, wrong = label_issues.suspect_labels(labels, probs)
    assert found[wrong].tolist() == by_hand(labels, probs.astype(float))[1] == theirs(labels, probs)


def of_all_recipes(runs, dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and what the shipped runs of a data set say together."""
    chosen = [run for run in runs if run.info["dataset"] == dataset]
    stored = [run.predictions() for run in chosen]
    recipes = [curves.seed_key(run.info) for run in chosen]
    mean = label_issues.vote_of_recipes(recipes, [part["probs"] for part in stored])
    return stored[0]["labels"], mean


def test_confident_learning_agrees_with_cleanlab_on_the_shipped_runs(shipped_runs):
    for dataset in ("mnist", "fashion-mnist"):
        labels, mean = of_all_recipes(shipped_runs, dataset)
        flipped = flip(labels, seed=1)[1]
        for given in (labels, flipped):
            found, wrong = label_issues.suspect_labels(given, mean)
            own = mean[np.arange(len(given)), given]
            expected = sorted(theirs(given, mean), key=lambda place: (own[place], place))  # of ties
            assert found[wrong].tolist() == expected


def flip(labels: np.ndarray, *, seed: int, count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """(places whose label is flipped, the labels with these as other classes)."""
    rng = np.random.RandomState(seed)
    places = rng.choice(len(labels), count, replace=False)
    changed = labels.copy()
    changed[places] = (labels[places] + rng.randint(1, 10, count)) % 10
    return places, changed


def test_flipped_labels_are_found_as_the_page_says(shipped_runs):
    found = {}
    for dataset in ("mnist", "fashion-mnist"):
        labels, mean = of_all_recipes(shipped_runs, dataset)
        places, changed = flip(labels, seed=0)
        found[dataset] = int(
            np.isin(label_issues.suspect_labels(changed, mean)[0][:146], places).sum()
        )
    assert found["mnist"] >= 95
    assert f"have {found['mnist']} among the first 146" in label_issues.TRIAL
    assert f"in Fashion-MNIST, {found['fashion-mnist']}." in label_issues.TRIAL


def test_what_does_not_fit_together_is_named():
    with pytest.raises(ValueError, match="no run: choose at least one"):
        label_issues.vote([])
    with pytest.raises(ValueError, match=r"different test sets: \(1, 4\), \(2, 4\)"):
        label_issues.vote([said((0, 1)), said((0, 1), (0, 1))])
    with pytest.raises(ValueError, match="2 labels, but probabilities of 1 images"):
        label_issues.suspect_labels(np.zeros(2, int), said((0, 1)))
