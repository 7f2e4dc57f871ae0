"""Document 000: MNIST with PyTorch."""

from tiza.config import Recipe, changed, make
from tiza.registry import register


@register("recipe", "000-mlp", claim=(0.969, 0.981), seconds=190)
def mlp() -> Recipe:
    """784-512-512-10, Adam, batch 32, five epochs; validation is carved from train, test stays sealed.

    The document: 97.2 % on test after one epoch, 98.0 % after five.
    """
    return make(
        Recipe,
        {
            "data": {"name": "mnist", "scale": "unit"},
            "model": {"name": "mlp", "hidden": (512, 512), "dropout": 0},
            "plan": {"epochs": 5, "batch_size": 32, "optimizer": "adam", "lr": 1e-3},
        },
    )


@register("recipe", "000-mlp-as-written", claim=(0.971, 0.986), seconds=210)
def mlp_as_written() -> Recipe:
    """The test split is the validation: nothing unseen is left for a last figure."""
    return changed(mlp(), ["data.valid=test"])


@register("recipe", "000-width", claim=(0.961, 0.978), seconds=30)
def width() -> Recipe:
    """The network of ``000-mlp`` for two epochs, to be compared with narrower and wider ones."""
    return changed(mlp(), ["plan.epochs=2", "plan.batch_size=100"])


@register("recipe", "000-width-16", claim=(0.904, 0.928), seconds=3)
def width_16() -> Recipe:
    """Sixteen units in each hidden layer."""
    return changed(width(), ["model.hidden=16,16"])


@register("recipe", "000-width-64", claim=(0.936, 0.956), seconds=4)
def width_64() -> Recipe:
    """Sixty-four."""
    return changed(width(), ["model.hidden=64,64"])


@register("recipe", "000-width-1024", claim=(0.964, 0.98), seconds=70)
def width_1024() -> Recipe:
    """A thousand and twenty-four."""
    return changed(width(), ["model.hidden=1024,1024"])
