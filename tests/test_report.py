"""The files a run gives away."""

import torch
from PIL import Image

from core import experiment, report
from tests.test_experiment import recipe_for

NAMES = {
    "model.pth",
    "model_accuracy.txt",
    "output_graph.png",
    "output_sample.png",
    "curves.png",
    "classification_report.txt",
}


def test_a_run_exports_the_files_that_the_originals_handed_in(tiny, tmp_path):
    made = report.export(tiny, tmp_path / "out")
    assert {path.name for path in made} == NAMES
    assert all(path.stat().st_size > 100 for path in made)
    for path in made:
        if path.suffix == ".png":
            assert min(Image.open(path).size) > 400
    weights = torch.load(tmp_path / "out" / "model.pth", weights_only=True)
    assert sum(value.numel() for name, value in weights.items()) > tiny.info["parameters"]


def test_without_the_images_everything_else_is_still_written(artifacts, rgb, tmp_path):
    run = experiment.run(recipe_for(rgb), dataset=rgb)
    made = report.export(run, tmp_path / "out")
    assert {path.name for path in made} == NAMES - {"output_sample.png"}
