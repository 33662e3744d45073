"""Code of the notebook and script that is the same for every run. Serves code_export.py, which
fills in what stands in capitals.
"""

DIGITS = """
from PIL import Image
from sklearn.datasets import load_digits

# 8x8 pixels in 17 grays, enlarged to 20x20 and laid into the middle of 28x28
loaded = load_digits()
small = np.minimum(loaded.images.astype(np.uint16) * 16, 255).astype(np.uint8)
images = np.zeros((len(small), 1, 28, 28), np.uint8)
for image, digit in zip(images, small):
    image[0, 4:24, 4:24] = Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC)
labels = loaded.target.astype(np.int64)
order = stratified_order(labels)
fifth = math.ceil(len(order) / 5)
chosen, rest = np.sort(order[:fifth]), np.sort(order[fifth:])
train_images, train_labels = images[rest], labels[rest]
test_images, test_labels = images[chosen], labels[chosen]
"""

PUBLISHED = """
from torchvision.datasets import KIND

parts = [KIND(DATA, train=part, download=True) for part in (True, False)]
train_images, test_images = (part.data.numpy()[:, None] for part in parts)
train_labels, test_labels = (part.targets.numpy() for part in parts)
"""

OWN_DATA = """
# the set NAME is not a published one: put it here as data.npz
stored = np.load(HERE / "data.npz", allow_pickle=False)  # images uint8 (N, C, H, W), labels (N,)
train_images, test_images = stored["train_images"], stored["test_images"]
train_labels, test_labels = stored["train_labels"], stored["test_labels"]
"""

HOLDOUT = """
assert hash_part(test_images, test_labels, tuple(CLASSES)) == TEST_SHA256, "other test images"

order = stratified_order(train_labels)
held = round(len(order) * config.validation)
fit, validation = np.sort(order[held:]), np.sort(order[:held])
fit_images, fit_labels = torch.tensor(train_images[fit]), torch.tensor(train_labels[fit])
held_images = torch.tensor(train_images[validation])
held_labels = torch.tensor(train_labels[validation])
print(f"{len(fit):,} to learn from, {held:,} for validation, {len(test_labels):,} for the test")
"""

GLOROT = """
for layer in network:  # Glorot and Bengio (2010), as Keras starts
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
"""

TRAINING = '''def run_epoch(epoch, images, labels, optimizer, schedule):
    """One pass in a new order; returns the mean loss and accuracy while learning."""
    torch.manual_seed(_mix(SEED, epoch))  # dropout
    generator = torch.Generator().manual_seed(_mix(SEED, epoch) + 1)  # order and augmentation
    network.train()
    size, loss_sum, right = config.batch_size, 0.0, 0
    order = torch.randperm(len(labels), generator=generator)
    for chunk in order.split(max(1, PREPARED // size) * size):
        pixels = PIXELS
        ready = normalise(pixels, MEAN, STD, white=255.0)
        ready = ready.contiguous(memory_format=torch.channels_last)
        for batch, truth in zip(ready.split(size), labels[chunk].split(size)):
            with torch.autocast("cpu", torch.bfloat16, enabled=PRECISION == "bfloat16"):
                logits = network(batch)
            loss = F.cross_entropy(logits.float(), truth, label_smoothing=config.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            loss_sum += loss.item() * len(truth)
            right += int((logits.argmax(1) == truth).sum())
    return loss_sum / len(labels), right / len(labels)


def train():
    """Train `network` as the recipe says and return one record an epoch."""
    optimizer = make_optimizer(network, config)
    steps = math.ceil(len(fit_labels) / config.batch_size)
    schedule = _make_schedule(optimizer, config, steps)
    history, best = [], None
    for epoch in range(1, config.epochs + 1):
        loss, accuracy = run_epoch(epoch, fit_images, fit_labels, optimizer, schedule)
        record = {"epoch": epoch, "train_loss": loss, "train_accuracy": accuracy}
        if len(held_labels):
            logits = predict_logits(network, held_images, MEAN, STD)
            record["validation_loss"] = float(F.cross_entropy(logits, held_labels))
            right = logits.argmax(1) == held_labels
            record["validation_accuracy"] = float(right.double().mean())
        history.append(record)
        print(record)
        if config.select == "best" and record["validation_loss"] <= min(
            past["validation_loss"] for past in history
        ):
            best = {name: value.clone() for name, value in network.state_dict().items()}
    if best:
        network.load_state_dict(best)
    return history'''

WEIGHTS = """if TRAIN:
    history = train()
else:
    network.load_state_dict(torch.load(HERE / "model.pth", weights_only=True))
    lines = (HERE / "history.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in lines if line.strip()]"""

RESULT = """from sklearn.metrics import classification_report, confusion_matrix

probs = predict_logits(network, torch.tensor(test_images), MEAN, STD).softmax(1).numpy()
predicted = probs.argmax(1)
right, count = int((predicted == test_labels).sum()), len(test_labels)

# Wilson's score interval (1927) of a share, 95 %
z, share = 1.959963984540054, right / count
middle = (share + z * z / (2 * count)) / (1 + z * z / count)
half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)

names = dict(labels=range(len(CLASSES)), target_names=CLASSES, zero_division=0)
print(classification_report(test_labels, predicted, digits=4, **names))
print(f"accuracy {right / count!r}: {right:,} of {count:,} right")
print(f"95 % interval {100 * (middle - half):.2f} to {100 * (middle + half):.2f} %")
same = (right, count) == (STORED_RIGHT, STORED_COUNT)
print("reproduced" if same else f"the stored run has {STORED_RIGHT:,} of {STORED_COUNT:,} right")
assert same or TRAIN, "the stored weights do not give the stored accuracy\""""

CURVES = """figure, places = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for place, quantity in zip(places, ("loss", "accuracy")):
    for part, style in (("train", ":"), ("validation", "-")):
        points = [(r["epoch"], r[f"{part}_{quantity}"]) for r in history
                  if r.get(f"{part}_{quantity}") is not None]
        if points:
            place.plot(*zip(*points), style, marker=".", color="#3D6FB6", label=part)
    place.set(xlabel="epoch", ylabel=quantity)
    place.legend(frameon=False)
show(figure, "curves")"""

CONFUSION = """counts = confusion_matrix(test_labels, predicted, labels=range(len(CLASSES)))
side = max(6, 0.45 * len(CLASSES) + 2)
figure, place = plt.subplots(figsize=(side, side), layout="constrained")
place.imshow(np.log10(1 + counts), cmap="Blues")
if len(CLASSES) <= 25:
    for (row, column), number in np.ndenumerate(counts):
        dark = math.log10(1 + number) > 0.6 * math.log10(1 + counts.max())
        place.text(column, row, number or "", ha="center", va="center",
                   color="white" if dark else "black", fontsize=9)
place.set_xticks(range(len(CLASSES)), CLASSES, rotation=45, ha="right")
place.set_yticks(range(len(CLASSES)), CLASSES)
place.set(xlabel="predicted", ylabel="true")
show(figure, "confusion")"""

SAMPLES = """figure, places = plt.subplots(5, 5, figsize=(9, 10.5), layout="constrained")
for place in places.ravel():
    place.axis("off")
for image, label, said, place in zip(test_images, test_labels, predicted, places.ravel()):
    picture = np.moveaxis(image, 0, 2)
    place.imshow(picture if picture.shape[2] == 3 else picture[..., 0], cmap="gray")
    good = said == label
    caption = f"✓ {CLASSES[said]}" if good else f"✗ said {CLASSES[said]}, is {CLASSES[label]}"
    place.set_title(caption, color="#2E8B57" if good else "#E34A27", fontsize=9)
show(figure, "samples")"""

CALIBRATION = """confidence, hit = probs.max(1), predicted == test_labels
edges = np.linspace(0, 1, 16)
member = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, 14)
bins = [(confidence[member == b].mean(), hit[member == b].mean(), (member == b).sum())
        for b in range(15) if (member == b).any()]
error = sum(number * abs(accuracy - sure) for sure, accuracy, number in bins) / len(hit)
figure, place = plt.subplots(figsize=(5, 5), layout="constrained")
place.plot([0, 1], [0, 1], color="gray", linewidth=1)
place.plot([b[0] for b in bins], [b[1] for b in bins], marker="o", color="#3D6FB6")
place.set(xlabel="confidence", ylabel="accuracy", title=f"calibration error {error:.4f}")
show(figure, "calibration")"""
