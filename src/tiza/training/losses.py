"""What training minimises: the losses that a plan can name. Measuring is always cross-entropy.

Shapes: B samples of a batch, C classes. Each is a mean over the batch in which a sample counts as much as ``weight``
(C) says of its class, as in ``F.cross_entropy``.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor, Tensor | None, float], Tensor]


def cross_entropy(
    logits_BC: Tensor, labels_B: Tensor, weight: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """−log softmax of the right class, in nats; the only one that knows label smoothing."""
    return F.cross_entropy(logits_BC, labels_B, weight=weight, label_smoothing=label_smoothing)


def squared(logits_BC: Tensor, labels_B: Tensor, weight: Tensor | None = None, _smoothing: float = 0.0) -> Tensor:
    """‖softmax − one-hot‖², between 0 and 2: the squared Euclidean distance between what is said and what is right.

    Its gradient fades where the softmax is sure of a wrong class, that of cross-entropy does not.
    """
    p_BC = torch.softmax(logits_BC, 1)
    right_BC = F.one_hot(labels_B, logits_BC.shape[1]).to(p_BC.dtype)
    return _mean((p_BC - right_BC).square().sum(1), labels_B, weight)


def perceptron(logits_BC: Tensor, labels_B: Tensor, weight: Tensor | None = None, _smoothing: float = 0.0) -> Tensor:
    """(ŷ − y)·z of two classes, where z is the difference of the logits and ŷ the step z ≥ 0, which has no gradient.

    0 where the answer is right. On batches of one sample, plain gradient descent on it is Rosenblatt's rule:
    w ← w + lr·(y − ŷ)·x and b ← b + lr·(y − ŷ).
    """
    z_B = logits_BC[:, 1] - logits_BC[:, 0]
    step_B = (z_B.detach() >= 0).to(z_B.dtype)
    return _mean((step_B - labels_B) * z_B, labels_B, weight)


def _mean(loss_B: Tensor, labels_B: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return loss_B.mean()
    share_B = weight[labels_B]
    return (share_B * loss_B).sum() / share_B.sum()


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "squared": squared, "perceptron": perceptron}
