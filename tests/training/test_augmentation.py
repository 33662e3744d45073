"""Augmentation: each image its own draw, exact geometry, all chance from the seed."""

import pytest
import torch

from core.training.augmentation import augment
from core.training.settings import TrainConfig


def dots(count: int = 64, channels: int = 1, height: int = 29, width: int = 29) -> torch.Tensor:
    images = torch.zeros(count, channels, height, width)
    images[:, :, height // 2, width // 2] = 1.0
    return images


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_without_settings_images_pass_through_unchanged():
    images = torch.rand(4, 3, 8, 8)
    assert augment(images, TrainConfig(), seeded()) is images


@pytest.mark.parametrize(
    "settings",
    [
        {"rotation": 10.0, "translation": 0.1},
        {"scale": 0.2, "shear": 10.0},
        {"flip": True},
        {"erasing": 0.5},
        {"elastic": 0.02},
        {"stroke": 0.7},
    ],
)
@pytest.mark.parametrize("shape", [(8, 1, 28, 28), (8, 3, 20, 32)])
def test_the_same_seed_gives_the_same_images_and_the_shape_is_kept(settings, shape):
    images = torch.rand(shape)
    first = augment(images, TrainConfig(**settings), seeded())
    assert first.shape == shape
    assert torch.equal(first, augment(images, TrainConfig(**settings), seeded()))
    assert not torch.equal(first, images)


def test_a_shift_alone_moves_by_whole_pixels_within_its_range():
    moved = augment(dots(), TrainConfig(translation=0.1), seeded())
    values, places = moved.flatten(1).max(1)
    assert torch.allclose(values, torch.ones(64), atol=1e-4)  # nothing is blurred
    rows, columns = places // 29 - 14, places % 29 - 14
    assert int(rows.abs().max()) == int(columns.abs().max()) == 3
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) > 15


def test_rotation_turns_about_the_centre_by_at_most_its_angle():
    images = torch.zeros(64, 1, 41, 41)
    images[:, :, 20, 30:40] = 1.0  # a bar to the right of the centre
    turned = augment(images, TrainConfig(rotation=30.0), seeded())
    ys, xs = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    mass = turned[:, 0]
    angles = torch.rad2deg(torch.atan2((mass * ys).sum((1, 2)), (mass * xs).sum((1, 2))))
    assert 20 < float(angles.abs().max()) <= 30.5
    assert float(angles.min()) < -10 < 10 < float(angles.max())


def test_rotation_keeps_lengths_on_images_that_are_not_square():
    images = torch.zeros(64, 1, 41, 81)
    images[:, :, 20, 50:60] = 1.0
    turned = augment(images, TrainConfig(rotation=45.0), seeded())[:, 0]
    ys, xs = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(81.0) - 40, indexing="ij")
    mass = turned.sum((1, 2))
    distance = torch.hypot((turned * ys).sum((1, 2)), (turned * xs).sum((1, 2))) / mass
    assert torch.allclose(distance, torch.full_like(distance, 14.5), atol=0.3)


def test_flip_mirrors_about_half_of_the_images():
    images = torch.zeros(400, 1, 4, 6)
    images[:, :, :, 0] = 1.0
    flipped = augment(images, TrainConfig(flip=True), seeded())
    share = float(flipped[:, 0, 0, 5].mean())
    assert 0.4 < share < 0.6
    assert torch.equal(flipped.sum((1, 2, 3)), images.sum((1, 2, 3)))


def test_erasing_blanks_a_rectangle_in_its_share_of_images():
    images = torch.ones(600, 2, 28, 28)
    erased = augment(images, TrainConfig(erasing=0.5), seeded())
    gone = 1 - erased[:, 0].mean((1, 2))
    assert 0.4 < float((gone > 0).double().mean()) < 0.6
    assert float(gone.max()) < 0.3
    assert torch.equal(erased[:, 0], erased[:, 1])
    one = erased[int(gone.argmax()), 0] == 0
    rows, columns = one.any(1).sum(), one.any(0).sum()
    assert int(rows * columns) == int(one.sum())  # a full rectangle


def test_strokes_swell_and_shrink_at_both_edges_and_keep_their_contrast():
    images = torch.zeros(200, 1, 21, 21)
    images[:, :, :, 9:12] = 255.0
    changed = augment(images, TrainConfig(stroke=0.5), seeded())[:, 0, 10]
    width = changed.sum(1) / 255
    assert 1.5 < float(width.min()) < 2.6
    assert 3.4 < float(width.max()) <= 4.0
    assert torch.allclose(changed.amax(1), torch.tensor(255.0))
    assert torch.allclose(changed, changed.flip(1))


def test_elastic_wandering_moves_parts_apart_by_about_its_share():
    moved = augment(dots(256, height=41, width=41), TrainConfig(elastic=0.03), seeded())
    ys, xs = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    mass = moved[:, 0].sum((1, 2)).clamp(min=1e-6)
    off = torch.stack([(moved[:, 0] * ys).sum((1, 2)), (moved[:, 0] * xs).sum((1, 2))]) / mass
    assert 0.4 < float(off.std()) < 2.0
    assert abs(float(off.mean())) < 0.3


def ones(count: int = 200, lean: float = 0.2) -> torch.Tensor:
    """Lone straight strokes, 20 pixels tall, leaning to the right."""
    images = torch.zeros(count, 1, 28, 28)
    for row in range(4, 24):
        column = round(14 + lean * (14 - row))
        images[:, :, row, column - 1 : column + 2] = 200.0
    return images


def test_its_share_of_lone_strokes_gets_an_upstroke_to_the_left_of_the_top():
    images = ones()
    changed = augment(images, TrainConfig(upstrokes=0.5), seeded())
    added = (changed - images)[:, 0]
    flagged = added.flatten(1).any(1)
    assert 0.4 < float(flagged.double().mean()) < 0.6
    assert float(added.min()) >= 0
    assert float(changed.max()) <= 200.0
    upper = added[flagged][:, :14]
    middle = (upper.sum(1) @ torch.arange(28.0)) / upper.sum((1, 2))
    assert float(middle.max()) < 14  # left of where the stroke is
    footed = added[flagged][:, 22:].flatten(1).any(1)
    assert 0.15 < float(footed.double().mean()) < 0.5


def test_an_upstroke_hangs_while_a_sevens_bar_lies():
    images = ones(400, lean=0.3)
    added = (augment(images, TrainConfig(upstrokes=1.0), seeded()) - images)[:, 0, :14]
    drawn = (added > 100).any(2)  # rows of each image
    rows = torch.arange(14.0)
    lowest = torch.where(drawn, rows, -1.0).amax(1)
    highest = torch.where(drawn, rows, 99.0).amin(1)
    assert float((lowest - highest)[drawn.any(1)].min()) >= 2


def test_what_is_no_lone_stroke_gets_no_upstroke():
    ring = torch.zeros(8, 1, 28, 28)
    ring[:, :, 6:22, 8:20] = 255.0
    ring[:, :, 9:19, 11:17] = 0.0
    lying = ones(8).transpose(2, 3)
    for images in (ring, lying, torch.zeros(8, 1, 28, 28)):
        assert torch.equal(augment(images, TrainConfig(upstrokes=1.0), seeded()), images)


def moments(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Mass centres (y, x) from the middle and spreads (yy, xx, xy) of images (N, 1, H, W)."""
    height, width = images.shape[2:]
    ys, xs = torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2
    share = images[:, 0].double() / images[:, 0].double().sum((1, 2), keepdim=True)
    y, x = (share.sum(2) * ys).sum(1), (share.sum(1) * xs).sum(1)
    down, across = ys - y[:, None], xs - x[:, None]
    spread = [(share.sum(2) * down**2).sum(1), (share.sum(1) * across**2).sum(1)]
    mixed = torch.einsum("nhw,nh,nw->n", share, down, across)
    return y, x, *spread, mixed


def smudge(count: int = 300, height: int = 61, width: int = 61) -> torch.Tensor:
    """An upright cloud in the middle, twice as tall as wide: deviations of 6 and 3 pixels."""
    ys, xs = torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2
    cloud = torch.exp(-((ys[:, None] / 6) ** 2 + (xs[None] / 3) ** 2) / 2)
    return cloud.expand(count, 1, height, width)


@pytest.mark.parametrize("width", [61, 81])
def test_shear_moves_rows_against_one_another_by_their_height(width):
    """x moves by s y: then xy is s yy, xx grows by s squared yy, and yy stays."""
    before = moments(smudge(1, width=width))
    _, _, yy, xx, xy = moments(augment(smudge(width=width), TrainConfig(shear=30.0), seeded()))
    slope = xy / yy
    assert torch.allclose(yy, before[2].expand_as(yy), rtol=0.01)
    assert torch.allclose(xx, before[3] + slope**2 * yy, rtol=0.02)
    angles = torch.rad2deg(torch.atan(slope))
    assert -30.1 < float(angles.min()) < -28
    assert 28 < float(angles.max()) < 30.1


@pytest.mark.parametrize("width", [61, 81])
def test_rotation_turns_the_spreads_and_keeps_their_sizes(width):
    turned = augment(smudge(width=width), TrainConfig(rotation=40.0), seeded())
    y, x, yy, xx, xy = moments(turned)
    middle, apart = (yy + xx) / 2, torch.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    assert torch.allclose(middle + apart, torch.full_like(yy, 36.0), rtol=0.02)
    assert torch.allclose(middle - apart, torch.full_like(yy, 9.0), rtol=0.02)
    angles = torch.rad2deg(torch.atan2(2 * xy, yy - xx) / 2)
    assert -40.1 < float(angles.min()) < -35 < 35 < float(angles.max()) < 40.1
    assert float(torch.stack([x, y]).abs().max()) < 0.05


def test_scale_stretches_either_side_by_its_own_draw():
    _, _, yy, xx, xy = moments(augment(smudge(), TrainConfig(scale=0.3), seeded()))
    tall, wide = (yy / 36).sqrt(), (xx / 9).sqrt()
    for size in (tall, wide):
        assert 0.69 < float(size.min()) < 0.75 < 1.25 < float(size.max()) < 1.33
    assert float((tall - wide).abs().max()) > 0.3
    assert float(xy.abs().max()) < 0.05


def test_a_shift_moves_the_centre_by_its_share_of_each_side_and_keeps_the_spreads():
    config = TrainConfig(translation=0.1)
    y, x, yy, xx, _ = moments(augment(smudge(width=101), config, seeded()))
    assert torch.allclose(yy, torch.full_like(yy, 36.0), rtol=0.02)
    assert torch.allclose(xx, torch.full_like(xx, 9.0), rtol=0.02)
    for place, most in ((y, 6), (x, 10)):
        assert float(place.abs().max()) == pytest.approx(most, abs=0.1)
        assert float(place.min()) < -0.8 * most < 0.8 * most < float(place.max())
