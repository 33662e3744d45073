"""Figures hold the numbers they were given, for any number of classes and runs."""

import numpy as np
import pytest

from core.figures import charts

EPOCHS = np.array([1.0, 2.0, 3.0])
LOSSES = {"train": 1 / EPOCHS, "validation": 2 / EPOCHS}


def line(title="a", color="#123456", columns=LOSSES, **more) -> charts.Line:
    return charts.Line(title, color, EPOCHS, columns, **more)


def test_curves_draw_one_line_a_part_and_leave_absent_parts_out():
    figure = charts.curves([line()], "loss")
    assert [trace.name for trace in figure.data] == ["training", "validation"]
    assert list(figure.data[1].x) == [1, 2, 3]
    assert list(figure.data[1].y) == [2, 1, pytest.approx(2 / 3)]
    absent = LOSSES | {"validation": np.full(3, np.nan), "test": np.array([])}
    figure = charts.curves([line(columns=absent)], "loss")
    assert [trace.name for trace in figure.data] == ["training"]


def test_a_hundred_thousand_epochs_are_thinned_without_losing_a_peak():
    """Case 21."""
    losses = np.ones(100_000)
    losses[[70_000, 70_003]] = 9.0, 0.1
    whole = charts.Line("a", "#123456", np.arange(1, 100_001), {"train": losses})
    (line,) = charts.curves([whole], "loss").data
    assert len(line.x) <= 4002
    assert (line.x[0], line.x[-1]) == (1, 100_000)
    assert list(line.x) == sorted(set(line.x))
    assert dict(zip(line.x, line.y, strict=True))[70_001] == 9.0
    assert min(line.y) == 0.1


def test_several_runs_keep_their_colours_and_names():
    figure = charts.curves([line("a", "#111111"), line("b", "#222222")], "loss")
    assert [trace.name for trace in figure.data][::2] == ["a, training", "b, training"]
    assert [trace.line.color for trace in figure.data] == ["#111111"] * 2 + ["#222222"] * 2


def test_runs_in_one_chart_differ_in_their_markers_however_long_they_are():
    """Two of them may share a colour; the dash tells training from validation."""
    long = {part: np.linspace(1, 2, 500) for part in LOSSES}
    lines = [charts.Line(name, "#111111", np.arange(500), long) for name in "ab"]
    traces = charts.curves(lines, "loss").data
    assert [trace.mode for trace in traces] == ["lines+markers"] * 4
    assert all(trace.marker.maxdisplayed == 15 for trace in traces)
    symbols = [trace.marker.symbol for trace in traces]
    assert symbols[0] == symbols[1] != symbols[2] == symbols[3]
    assert traces[0].line.dash == traces[2].line.dash != traces[1].line.dash
    assert not charts.curves([line()], "loss").data[0].marker.maxdisplayed  # one at each epoch


def test_a_runs_colour_comes_from_its_id_alone():
    """Pinned: another hash would give every run on every installation another colour."""
    names = ("mnist-mlp-20261120-090514-a072", "mine", "")
    assert [charts.run_color(name) for name in names] == ["#9D5E01", "#E25A9A", "#9B8E27"]
    many = [charts.run_color(f"run-{number}") for number in range(1000)]
    assert min(many.count(color) for color in charts.RUN_COLORS) > 60


def test_the_shipped_runs_have_colours_of_their_own(shipped_runs):
    colors = {charts.run_color(run.id) for run in shipped_runs}
    assert len(colors) == min(len(shipped_runs), len(charts.RUN_COLORS))


def test_the_test_curve_says_that_it_is_only_shown():
    figure = charts.curves([line(columns={"test": LOSSES["train"]})], "accuracy")
    assert "shown only" in figure.data[0].name


def test_a_band_lies_between_its_lowest_and_highest_values():
    low, high = LOSSES["train"] - 0.1, LOSSES["train"] + 0.1
    banded = line(columns={"train": LOSSES["train"]}, bands={"train": (low, high)})
    band, mean = charts.curves([banded], "loss").data
    assert (band.fill, band.mode) == ("toself", "none")  # else few points are drawn as dots
    assert list(band.x) == [1, 2, 3, 3, 2, 1]
    assert np.allclose(band.y, [*high, *low[::-1]])
    assert not band.showlegend
    assert np.allclose(mean.y, LOSSES["train"])


def test_the_gap_is_shaded_from_validation_to_training():
    figure = charts.curves([line()], "loss", gap=True)
    assert [trace.fill for trace in figure.data] == [None, "tonexty"]
    assert [trace.fill for trace in charts.curves([line()], "loss").data] == [None, None]


def test_no_gap_is_shaded_to_a_training_curve_that_is_not_drawn():
    absent = LOSSES | {"train": np.full(3, np.nan)}
    figure = charts.curves([line(columns=absent)], "loss", gap=True)
    assert [(trace.name, trace.fill) for trace in figure.data] == [("validation", None)]


def test_with_bands_the_gap_still_reaches_to_the_training_curve():
    """Plotly fills to the trace drawn before, which must not be a band's outline."""
    bands = {part: (column - 0.1, column + 0.1) for part, column in LOSSES.items()}
    traces = charts.curves([line(bands=bands)], "loss", gap=True).data
    shaded = next(place for place, trace in enumerate(traces) if trace.fill == "tonexty")
    assert [traces[place].name for place in (shaded - 1, shaded)] == ["training", "validation"]


def test_axes_say_what_they_show():
    figure = charts.curves([line()], "accuracy", axis="seconds")
    assert figure.layout.xaxis.title.text == "seconds"
    assert figure.layout.yaxis.tickformat == "~%"  # .1% would write 99.35 % as 99.4 %
    assert figure.layout.yaxis.type == "linear"
    assert charts.curves([line()], "loss", log=True).layout.yaxis.type == "log"
    assert not charts.curves([], "loss").data


def titles(figure) -> tuple[str, str]:
    return figure.layout.xaxis.title.text, figure.layout.yaxis.title.text


def test_every_chart_names_both_of_its_axes():
    assert titles(charts.curves([line()], "loss")) == ("epoch", "loss")
    bins = [{"confidence": 0.55, "accuracy": 0.5, "count": 1}]
    assert titles(charts.reliability(bins, color="#123456")) == ("mean confidence", "accuracy")
    covered = charts.coverage(np.ones(1), np.ones(1), (1.0, 1.0), color="#123456")
    assert titles(covered) == ("share answered", "of them right")
    assert titles(charts.strip(np.zeros(1, int), np.ones(1), 0, ["a"], 1)) == (
        "epoch",
        "confidence",
    )


def test_a_reliability_diagram_holds_its_bins_and_the_diagonal():
    bins = [
        {"confidence": 0.55, "accuracy": 0.5, "count": 1},
        {"confidence": 0.95, "accuracy": 0.9, "count": 3},
    ]
    diagonal, points = charts.reliability(bins, color="#123456").data
    assert list(diagonal.x) == list(diagonal.y) == [0, 1]
    assert list(points.x) == [0.55, 0.95]
    assert list(points.y) == [0.5, 0.9]
    assert list(points.customdata) == [1, 3]
    areas = (np.array(points.marker.size) - 6) ** 2
    assert areas[1] == pytest.approx(3 * areas[0])
    assert charts.reliability([], color="#123456").data[1].x == ()


def test_intervals_are_drawn_where_bins_have_them():
    old = {"confidence": 0.55, "accuracy": 0.5, "count": 1}
    bins = [old, old | {"accuracy_low": 0.25, "accuracy_high": 0.625}]
    _, points = charts.reliability(bins, color="#123456").data
    assert list(points.error_y.arrayminus) == [0, 0.25]
    assert list(points.error_y.array) == [0, 0.125]


def test_the_coverage_curve_marks_the_chosen_point():
    shares, accuracies = np.array([0.5, 1.0]), np.array([1.0, 0.8])
    curve, here = charts.coverage(shares, accuracies, (0.5, 1.0), color="#123456").data
    assert list(curve.x) == [0.5, 1.0]
    assert list(curve.y) == [1.0, 0.8]
    assert (here.x[0], here.y[0]) == (0.5, 1.0)


@pytest.mark.parametrize("epochs", [1, 4, 30])
def test_the_strip_tells_right_from_wrong_by_colour_and_sign(epochs):
    predicted = np.arange(epochs) % 2
    figure = charts.strip(predicted, np.full(epochs, 0.5), 0, ["<b>a", "b"], kept=1)
    cells = figure.data[0]
    assert list(cells.x) == list(range(1, epochs + 1))
    signs = ["✓" if index % 2 == 0 else "✗" for index in range(epochs)]
    assert [text[0] for text in cells.text] == signs
    colors = [charts.RIGHT if sign == "✓" else charts.WRONG for sign in signs]
    assert list(cells.marker.color) == colors
    assert cells.customdata[0] == "✓ &lt;b>a"
    assert figure.layout.shapes[0].x0 == 1


def test_only_the_likeliest_of_many_classes_are_drawn():
    probs = np.linspace(0, 1, 100) / 50
    bars = charts.probabilities(probs, [f"c{i}" for i in range(100)]).data[0]
    assert list(bars.y) == [f"c{i}" for i in range(90, 100)]


def test_class_names_are_shown_as_text_not_as_markup():
    """Case 40."""
    figure = charts.probabilities(np.array([0.4, 0.6]), ["<b>bold</b>", "x" * 10_000])
    assert figure.data[0].y[0] == "&lt;b>bold&lt;/b>"
    assert len(figure.data[0].y[1]) == 60
    traces = charts.curves([line("<b>bold</b>"), line("b")], "loss").data
    assert traces[0].name == "&lt;b>bold&lt;/b>, training"
    assert "<b>" not in traces[0].hovertemplate


def test_an_epoch_without_a_finite_loss_is_marked_as_a_gap():
    """Case 12."""
    x = np.arange(1.0, 4)
    line = charts.Line("run", "#3D6FB6", x, {"train": np.array([0.9, np.nan, 0.5])})
    figure = charts.curves([line], "loss")
    charts.mark_gaps(figure, [2])
    assert np.isnan(figure.data[0].y[1])
    assert not figure.data[0].connectgaps
    assert figure.layout.shapes[0].x0 == 2
    assert figure.layout.annotations[0].text == "not finite"
