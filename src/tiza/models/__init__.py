"""Models by name. Each is a function returning a plain nn.Module whose output is logits."""

from tiza.models import as_written, classic, conv, dense, resnet, transfer  # noqa: F401  (they enter the registry)
from tiza.models.building import build, check_outputs, parameters_of
from tiza.models.cutting import cut

__all__ = ["build", "check_outputs", "cut", "parameters_of"]
