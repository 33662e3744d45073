"""Figures of confusion matrices: their numbers against scikit-learn's, their clicks by cell."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as counted

from core.figures import confusion_matrix

RNG = np.random.RandomState(4)
LABELS, SAID = RNG.randint(0, 5, (2, 300))
COUNTS = counted(LABELS, SAID)


def named(count: int) -> list[str]:
    return [f"c{index}" for index in range(count)]


@pytest.mark.parametrize(("cells", "normalize"), [("Row share", "true"), ("Column share", "pred")])
def test_shares_are_sklearns_in_percent(cells, normalize):
    theirs = 100 * counted(LABELS, SAID, normalize=normalize)
    assert confusion_matrix.shares(COUNTS, cells) == pytest.approx(theirs)


@pytest.mark.parametrize("cells", ["Row share", "Column share"])
def test_a_class_without_images_has_share_zero(cells):
    counts = np.array([[0, 0, 0], [0, 4, 1], [0, 0, 5]])
    shares = confusion_matrix.shares(counts, cells)
    assert np.isfinite(shares).all()
    assert shares[0].tolist() == shares[:, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("cells", ["Counts", "Shares", ""])
def test_an_unknown_share_lists_the_known_ones(cells):
    with pytest.raises(ValueError, match="Row share, Column share"):
        confusion_matrix.shares(COUNTS, cells)


@pytest.mark.parametrize("classes", [2, 10, 20, 21, 41, 100])
def test_a_matrix_of_any_size_holds_counts_and_shares(classes):
    counts = np.full((classes, classes), 1) + 9 * np.eye(classes, dtype=int)
    figure = confusion_matrix.confusion(counts, named(classes))
    heat, clickable = figure.data
    assert clickable.customdata[0].tolist() == pytest.approx(
        [10, 1000 / (9 + classes), 1000 / (9 + classes)]
    )
    assert len(clickable.x) == classes**2
    assert (heat.texttemplate is None) == (classes > 20)
    assert len(figure.layout.xaxis.ticktext) <= 41


def test_every_cell_is_clicked_where_it_is_seen():
    """A point's x is the predicted class, its y the true one, as the pages read them."""
    clickable = confusion_matrix.confusion(COUNTS, named(5)).data[1]
    found = zip(clickable.x, clickable.y, clickable.customdata, strict=True)
    for predicted, true, notes in found:
        assert notes[0] == COUNTS[true, predicted]
        assert notes[1] == pytest.approx(100 * COUNTS[true, predicted] / (true == LABELS).sum())
        assert notes[2] == pytest.approx(100 * COUNTS[true, predicted] / (predicted == SAID).sum())


def test_the_numbers_in_the_cells_are_what_was_asked_for():
    heat = confusion_matrix.confusion(COUNTS, named(5)).data[0]
    assert heat.text[1][2] == str(COUNTS[1, 2])
    assert heat.z == pytest.approx(np.log10(1 + COUNTS))
    share = confusion_matrix.confusion(COUNTS, named(5), cells="Row share").data[0]
    assert share.text[1][2] == f"{100 * COUNTS[1, 2] / COUNTS[1].sum():.1f}"


@pytest.mark.parametrize("cells", confusion_matrix.CELLS)
def test_errors_only_takes_the_diagonal_out(cells):
    counts = np.array([[5, 1], [2, 7]])
    heat = confusion_matrix.confusion(counts, ["a", "b"], cells=cells, errors_only=True).data[0]
    assert heat.z[0, 0] == heat.z[1, 1] == 0
    assert heat.z[0, 1] > 0
    assert heat.text[0][0] == ""
    assert heat.text[0][1]


def test_a_cell_without_images_has_no_number():
    heat = confusion_matrix.confusion(np.array([[3, 0], [0, 0]]), ["a", "b"]).data[0]
    assert heat.text.tolist() == [["3", ""], ["", ""]]


def test_the_chosen_cell_is_outlined():
    shape = confusion_matrix.confusion(COUNTS, named(5), chosen=(1, 3)).layout.shapes[0]
    assert (shape.x0, shape.x1, shape.y0, shape.y1) == (2.5, 3.5, 0.5, 1.5)
    assert not confusion_matrix.confusion(COUNTS, named(5)).layout.shapes


def test_true_classes_run_downwards():
    layout = confusion_matrix.confusion(COUNTS, named(5)).layout
    assert layout.yaxis.range == (4.5, -0.5)
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("predicted", "true")


def test_the_difference_has_its_signs_in_text_and_colour():
    change = np.array([[4, -1], [0, 1000]])
    figure = confusion_matrix.difference(change, ["a", "b"])
    heat = figure.data[0]
    assert heat.text.tolist() == [["+4", "-1"], ["", "+1000"]]
    assert np.sign(heat.z).tolist() == np.sign(change).tolist()
    assert heat.zmin == -heat.zmax  # nothing changed lies in the middle
    assert heat.zmax == pytest.approx(np.log10(1001))
    assert figure.data[1].customdata.ravel().tolist() == [4, -1, 0, 1000]


def test_two_matrices_that_are_alike_differ_nowhere():
    heat = confusion_matrix.difference(np.zeros((3, 3), int), named(3)).data[0]
    assert not heat.z.any()
    assert heat.zmax > 0


def test_class_names_are_shown_as_text_not_as_markup():
    """Case 40."""
    layout = confusion_matrix.confusion(np.eye(2, dtype=int), ["<b>x</b>", "y" * 10_000]).layout
    assert layout.xaxis.ticktext[0] == "&lt;b>x&lt;/b>"
    assert len(layout.yaxis.ticktext[1]) == 60
