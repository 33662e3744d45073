"""The model card: from the numbers, and safe to render."""

import json

from core.analysis import facts
from core.reports import model_card
from core.runs import store


def test_the_card_tells_data_results_limits_and_use(tiny):
    text = model_card.text(tiny, ["model.pth"], {"model.onnx": "pip install onnxscript"})
    for heading in ("## Data", "## Results", "## Limits", "## Intended use", "## Not here"):
        assert heading in text
    assert f"{100 * tiny.metrics['test_accuracy']:.2f} %" in text
    assert facts.split(tiny).sentence in text.replace("\\", "")
    weak = min(tiny.metrics["per_class"], key=lambda row: row["recall"])
    assert f"{weak['class']} has recall {weak['recall']:.3f} (" in text
    assert facts.other_images(tiny).sentence in text
    assert tiny.info["dataset_sha256"] in text
    assert "`model.pth`" in text


def test_hostile_names_and_notes_are_plain_text_in_it(tiny):
    """Case 40."""
    name = "# <script>x</script> [a](http://b) \u202eRTL\n\n## Own heading" + "z" * 10_000
    (tiny.folder / store.NOTES).write_text(json.dumps({"name": name, "note": name}))
    text = model_card.text(store.load(tiny.id), [], {})
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "](http" not in text.replace("\\]", "")
    assert "\u202e" not in text
    assert "\n## Own heading" not in text
    assert len(text) < 10_000
