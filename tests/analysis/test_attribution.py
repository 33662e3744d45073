"""What a network looked at, against the same sums written out by hand."""

import threading

import numpy as np
import pytest
import torch

from core.analysis import attribution
from core.reading import reader
from core.runs import store
from core.training import models
from tests.helpers import one_path


def a_reader(model: str, shape=(1, 28, 28), classes: int = 10, seed: int = 0, **sizes):
    """An untrained network dressed as a finished run."""
    torch.manual_seed(seed)
    built = models.channels_last(models.build(model, shape, classes, **sizes)).eval()
    info = {
        "shape": list(shape),
        "classes": [f"class {index}" for index in range(classes)],
        "mean": [0.3] * shape[0],
        "std": [0.2 + 0.1 * channel for channel in range(shape[0])],
    }
    return reader.Reader(store.Run("made", None, info), built.requires_grad_(False))


def maps_of(known, image: np.ndarray, target: int, **settings) -> dict[str, np.ndarray]:
    info = known.run.info
    return attribution.attributions(
        known.model, image, target, info["mean"], info["std"], **settings
    )


def picture(shape=(1, 28, 28), seed: int = 1) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, shape, np.uint8)


def normalised(image: np.ndarray, info: dict) -> torch.Tensor:
    mean, std = (torch.tensor(info[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    return (torch.from_numpy(image[None].astype(np.float32)) / 255 - mean) / std


KINDS = {
    "mlp": {},
    "cnn": {"batch_norm": True},
    "house": {},
}
SHAPES = [((1, 28, 28), 10), ((3, 32, 32), 7), ((1, 28, 28), 2), ((1, 28, 28), 100)]


@pytest.mark.parametrize(("shape", "classes"), one_path(SHAPES))
@pytest.mark.parametrize("kind", KINDS)
def test_every_network_has_maps_of_the_images_size(kind, shape, classes):
    known = a_reader(kind, shape, classes, **KINDS[kind])
    maps = maps_of(known, picture(shape), classes - 1)
    expected = {"saliency", "occlusion"} | ({"grad_cam"} if kind != "mlp" else set())
    assert set(maps) == expected == set(attribution.methods(known.model))
    for name, values in maps.items():
        assert values.shape == shape[1:]
        assert values.dtype == np.float32
        if name != "grad_cam":  # which may find nothing for the class
            assert np.abs(values).max() == pytest.approx(1)
        assert name == "occlusion" or values.min() >= 0


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_saliency_is_the_gradient_of_the_logit_by_the_pixel(shape):
    known, image = a_reader("cnn", shape), picture(shape)
    entered = normalised(image, known.run.info).requires_grad_()
    known.model(entered)[0, 3].backward()
    std = torch.tensor(known.run.info["std"]).view(-1, 1, 1)
    by_hand = (entered.grad[0] / std).abs().amax(0).numpy()
    found = maps_of(known, image, 3, wanted=["saliency"])["saliency"]
    assert found == pytest.approx(by_hand / by_hand.max(), abs=1e-5)


@pytest.mark.parametrize(("kind", "shape"), [("mlp", (1, 28, 28)), ("cnn", (3, 32, 32))])
def test_occlusion_is_the_mean_fall_of_the_log_probability_over_the_patches(kind, shape):
    known, image = a_reader(kind, shape), picture(shape)
    side, patch, step = shape[1], shape[1] // 4, shape[1] // 14
    rim = np.concatenate([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], axis=1)
    colour = np.sort(rim, 1)[:, (rim.shape[1] - 1) // 2]

    def log_probability(pixels):
        return float(known.model(normalised(pixels, known.run.info)).log_softmax(1)[0, 4])

    total, count = np.zeros((side, side)), np.zeros((side, side))
    for top in range(0, side - patch + step, step):
        for left in range(0, side - patch + step, step):
            covered = image.copy()
            place = np.s_[top : top + patch, left : left + patch]
            covered[:, place[0], place[1]] = colour[:, None, None]
            total[place] += log_probability(image) - log_probability(covered)
            count[place] += 1
    by_hand = total / count
    found = maps_of(known, image, 4, wanted=["occlusion"])["occlusion"]
    assert found == pytest.approx(by_hand / np.abs(by_hand).max(), abs=1e-3)


def test_occlusion_is_empty_where_no_patch_matters():
    known = a_reader("mlp")
    blank = np.zeros((1, 28, 28), np.uint8)
    assert not maps_of(known, blank, 0, wanted=["occlusion"])["occlusion"].any()


def test_grad_cam_weighs_the_last_feature_map_by_its_mean_gradients():
    known, image = a_reader("cnn", batch_norm=True), picture()
    layers = list(known.model)
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.Conv2d)) + 2
    features = torch.nn.Sequential(*layers[: last + 1])(normalised(image, known.run.info))
    features.requires_grad_()
    torch.nn.Sequential(*layers[last + 1 :])(features)[0, 5].backward()
    weights = features.grad.mean((2, 3), keepdim=True)
    small = (weights * features).sum(1, keepdim=True).relu().detach()
    large = torch.nn.functional.interpolate(small, (28, 28), mode="bilinear")[0, 0].numpy()
    found = maps_of(known, image, 5, wanted=["grad_cam"])["grad_cam"]
    assert found == pytest.approx(large / large.max(), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_private_copy_computes_the_same(kind):
    known = a_reader(kind, (3, 32, 32))
    entered = normalised(picture((3, 32, 32)), known.run.info)
    with torch.no_grad():
        expected, found = known.model(entered), attribution.private(known.model)(entered)
    assert torch.allclose(found, expected, atol=1e-6)


def hooks(model: torch.nn.Module) -> int:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(layer, name)) for layer in model.modules() for name in names)


def test_two_people_with_two_models_at_the_same_moment_each_get_their_own():
    """Case 37: the same maps as alone, and nothing left on the shared networks."""
    shared = [a_reader("cnn", seed=3), a_reader("house", seed=4)]
    image = picture()
    alone = [maps_of(known, image, 2) for known in shared]
    before = [{k: v.clone() for k, v in r.model.state_dict().items()} for r in shared]
    start, found, failed = threading.Barrier(4), {}, []

    def look(visitor: int) -> None:
        try:
            start.wait()
            for _ in range(3):
                found[visitor] = maps_of(shared[visitor % 2], image, 2)
        except Exception as error:
            failed.append(error)

    visitors = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert not failed
    for visitor, maps in found.items():
        for name, values in maps.items():
            assert np.array_equal(values, alone[visitor % 2][name]), (visitor, name)
    for known, weights in zip(shared, before, strict=True):
        assert hooks(known.model) == 0
        assert not any(weight.requires_grad for weight in known.model.parameters())
        assert all(torch.equal(v, weights[k]) for k, v in known.model.state_dict().items())
        assert not known.model.training


def test_a_run_is_explained_from_its_stored_weights(tiny):
    known = reader.open_run(tiny.id)
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 12:16] = 255
    maps = maps_of(known, image, 1)
    assert set(maps) == set(attribution.METHODS)


def test_what_the_network_does_not_have_is_named():
    known = a_reader("mlp")
    with pytest.raises(ValueError, match=r"target: 10 is no class; it must lie in 0..9"):
        maps_of(known, picture(), 10)
    with pytest.raises(
        ValueError, match=r"does not fit a network that reads uint8 \(1, height, width\)"
    ):
        maps_of(known, picture((3, 28, 28)), 0)
    with pytest.raises(ValueError, match="'grad_cam' is not one of saliency, occlusion"):
        maps_of(known, picture(), 0, wanted=["grad_cam"])
