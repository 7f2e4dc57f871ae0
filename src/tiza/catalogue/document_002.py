"""Document 002: the codelab, from softmax regression to the convolutions that it promises."""

from tiza.config import Recipe, changed, make
from tiza.registry import register


@register("recipe", "002-softmax", claim=(0.914, 0.928), seconds=7)
def softmax() -> Recipe:
    """784-10 from a truncated normal, gradient descent at 0.3, batch 100, about 5,000 updates.

    The document descends at 0.003 on a hundred times the mean cross-entropy, which is 0.3 on the mean itself. It has
    0.9232 on test; its code run again 0.9228 to 0.9247.
    """
    return make(
        Recipe,
        {
            "data": {"name": "mnist", "scale": "unit"},
            "model": {"name": "softmax", "init": "truncated-normal"},
            "plan": {"epochs": 9, "batch_size": 100, "optimizer": "sgd", "lr": 0.3},
        },
    )


@register("recipe", "002-layers", claim=(0.972, 0.984), seconds=60)
def layers() -> Recipe:
    """784-200-100-60-30-10, ReLU, dropout, a falling rate: promised by the document, not shown; the widths are ours."""
    return make(
        Recipe,
        {
            "data": {"name": "mnist", "scale": "unit"},
            "model": {"name": "mlp", "hidden": (200, 100, 60, 30), "dropout": 0.05, "init": "kaiming"},
            "plan": {
                "epochs": 10, "batch_size": 100, "optimizer": "adam", "lr": 3e-3, "schedule": "exponential",
                "gamma": 0.1, "every": 5,
            },
        },
    )  # fmt: skip


@register("recipe", "002-layers-sigmoid", claim=(0.957, 0.97), seconds=50)
def layers_sigmoid() -> Recipe:
    """The same with sigmoids, from the truncated normal: five of them hardly let the gradient through."""
    return changed(layers(), ["model.activation=sigmoid", "model.init=truncated-normal"])


@register("recipe", "002-cnn", claim=(0.985, 0.996), seconds=470)
def cnn() -> Recipe:
    """Three convolutions, a dense layer with dropout, a falling rate: the 99 % that the document promises."""
    return make(
        Recipe,
        {
            "data": {"name": "mnist", "scale": "unit"},
            "model": {
                "name": "cnn", "channels": (6, 12, 24), "kernels": (6, 5, 4), "strides": (1, 2, 2),
                "padding": (2, 2, 1), "hidden": (200,), "dropout": 0.1,
            },
            "plan": {
                "epochs": 6, "batch_size": 100, "optimizer": "adam", "lr": 4e-3, "schedule": "exponential",
                "gamma": 0.1, "every": 3,
            },
        },
    )  # fmt: skip


@register("recipe", "002-loss", claim=(0.88, 0.896), seconds=1)
def loss() -> Recipe:
    """Softmax regression on cross-entropy, one epoch: against the Euclidean distance of ``002-loss-squared``."""
    return changed(softmax(), ["plan.epochs=1", "plan.lr=0.1"])


@register("recipe", "002-loss-squared", claim=(0.863, 0.877), seconds=2)
def loss_squared() -> Recipe:
    """The same descent on the squared distance between the probabilities and the one-hot label."""
    return changed(loss(), ["plan.loss=squared"])


@register("recipe", "002-minibatch", claim=(0.882, 0.91), seconds=1)
def minibatch() -> Recipe:
    """Softmax regression on batches of 100, one epoch of 13,500 images."""
    return changed(softmax(), ["plan.epochs=1", "data.limit=15000"])


@register("recipe", "002-minibatch-one", claim=(0.891, 0.914), seconds=9)
def minibatch_one() -> Recipe:
    """One image a batch, at a rate that its noise allows."""
    return changed(minibatch(), ["plan.batch_size=1", "plan.lr=0.01"])
