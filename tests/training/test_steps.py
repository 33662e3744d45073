"""A batch through a network: scaled, chunked, and as probabilities."""

import numpy as np
import pytest
import torch

from core.training import models, steps


def test_input_is_scaled_to_the_given_mean_and_deviation():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    values = steps.to_input(images, (0.0, 0.5, 0.5), (1.0, 0.5, 0.25))
    assert values.flatten().tolist() == pytest.approx([0.0, -0.6, 2.0])


def test_prediction_does_not_depend_on_the_chunks_and_keeps_the_mode(monkeypatch):
    torch.manual_seed(0)
    model = models.build("cnn", (1, 28, 28), 10, batch_norm=True, dropout=0.5).train()
    images = torch.randint(0, 256, (70, 1, 28, 28), dtype=torch.uint8)
    whole = steps.predict_logits(model, images, (0.1,), (0.3,))
    monkeypatch.setattr(steps, "CHUNK", 16)
    parts = steps.predict_logits(model, images, (0.1,), (0.3,))
    assert torch.allclose(whole, parts, atol=1e-5)
    assert model.training


def test_probabilities_sum_to_one_and_rank_as_the_logits():
    torch.manual_seed(0)
    model = models.build("mlp", (3, 8, 8), 7)
    images = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
    probs = steps.predict(model, images, (0.5,) * 3, (0.5,) * 3)
    logits = steps.predict_logits(model, images, (0.5,) * 3, (0.5,) * 3)
    assert probs.dtype == np.float32
    assert probs.sum(1) == pytest.approx(np.ones(20), abs=1e-6)
    assert np.array_equal(probs.argmax(1), logits.argmax(1).numpy())
