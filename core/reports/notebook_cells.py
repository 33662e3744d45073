"""Code of the notebook and script that is the same for every run. Serves code_export.py, which
fills in what stands in capitals.
"""

DIGITS = """
from sklearn.datasets import load_digits

loaded = load_digits()
parts = laid_out(loaded.images, loaded.target.astype(np.int64))
train_images, train_labels, test_images, test_labels = parts
train_images, test_images = train_images[:, None], test_images[:, None]
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

TRAINING = '''def run_epoch(epoch, images, labels, optimizer, schedule, average):
    """One pass in a new order; returns the mean loss and accuracy while learning."""
    torch.manual_seed(_mix(SEED, epoch))  # dropout, MixUp and CutMix
    generator = torch.Generator().manual_seed(_mix(SEED, epoch) + 1)  # order and augmentation
    network.train()
    size, loss_sum, right = config.batch_size, 0.0, 0
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=PRECISION == "bfloat16")
    mix = make_mix(config, len(CLASSES))
    weight = class_weights(labels, len(CLASSES)) if config.balance == "weights" else None
    order = epoch_order(labels, config, generator)
    batches, many = order.split(batch_sizes(len(labels), size)), max(1, PREPARED // size)
    for first in range(0, len(batches), many):
        sizes = [len(batch) for batch in batches[first : first + many]]
        chunk = torch.cat(batches[first : first + many])
        pixels = PIXELS
        ready = normalise(pixels, MEAN, STD, white=255.0)
        ready = ready.contiguous(memory_format=torch.channels_last)
        for batch, truth in zip(ready.split(sizes), labels[chunk].split(sizes)):
            labelled = truth
            if mix:
                batch, labelled = mix(batch, truth)
                truth = labelled.argmax(1)
            loss, logits, _ = train_step(
                network, batch, labelled, config, optimizer, autocast, weight=weight
            )
            if schedule:
                schedule.step()
            if average:
                average.update_parameters(network)
            loss_sum += loss.item() * len(truth)
            right += int((logits.argmax(1) == truth).sum())
    return loss_sum / len(labels), right / len(labels)


def train():
    """Train `network` as the recipe says and return one record an epoch."""
    optimizer = make_optimizer(network, config)
    steps = len(batch_sizes(len(fit_labels), config.batch_size))
    schedule, plateau = make_schedule(optimizer, config, steps)
    average = make_average(network, config)
    shown = average.module if average else network
    history, losses, best = [], [], None
    for epoch in range(1, config.epochs + 1):
        if config.patience and waited(losses) >= config.patience:
            break
        loss, accuracy = run_epoch(epoch, fit_images, fit_labels, optimizer, schedule, average)
        record = {"epoch": epoch, "train_loss": loss, "train_accuracy": accuracy}
        if len(held_labels):
            logits = predict_logits(shown, held_images, MEAN, STD)
            record["validation_loss"] = float(F.cross_entropy(logits, held_labels))
            right = logits.argmax(1) == held_labels
            record["validation_accuracy"] = float(right.double().mean())
            losses.append(record["validation_loss"])
            if plateau:
                plateau.step(losses[-1])
        history.append(record)
        print(record)
        if config.select == "best" and losses[-1] <= min(losses):
            best = {name: value.clone() for name, value in shown.state_dict().items()}
    if best or average:
        network.load_state_dict(best or shown.state_dict())
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

low, high = wilson_interval(right, count)
names = dict(labels=range(len(CLASSES)), target_names=CLASSES, zero_division=0)
print(classification_report(test_labels, predicted, digits=4, **names))
print(f"accuracy {right / count!r}: {right:,} of {count:,} right")
print(f"95 % interval {100 * low:.2f} to {100 * high:.2f} %")
answers = probs.astype(np.float16).argmax(1).astype("<u2")  # as they were stored
same = hashlib.sha256(answers.tobytes()).hexdigest() == PREDICTED_SHA256
print("reproduced" if same else "not the predictions that were stored")
assert same or TRAIN, "the stored weights do not give the stored predictions\""""

CURVES = """show(curves(plt.figure(layout="constrained"), history), "curves")"""

CONFUSION = """counts = confusion_matrix(test_labels, predicted, labels=range(len(CLASSES)))
show(confusion(plt.figure(layout="constrained"), counts, CLASSES), "confusion")"""

SAMPLES = """figure = plt.figure(layout="constrained")
show(samples(figure, test_images, test_labels, predicted, CLASSES), "samples")"""

CALIBRATION = """bins = reliability_bins(predicted == test_labels, probs.max(1))
title = f"expected calibration error {expected_calibration_error(bins):.4f}"
show(reliability(plt.figure(layout="constrained"), bins, title), "calibration")"""
