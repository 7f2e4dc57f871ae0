"""Models by name. Each is a function returning a plain nn.Module whose output is logits."""

from tiza.models import as_written, classic, conv, dense, resnet  # noqa: F401  (their functions enter the registry)
from tiza.models.building import build, check_outputs, parameters_of

__all__ = ["build", "check_outputs", "parameters_of"]
