"""When two trainings are the same one, and when the shorter is the beginning of the longer."""

from tiza import storage
from tiza.config import Recipe

_ONLY_WITH = {  # fields of the plan that say something only where another field has one of these values
    "momentum": ("optimizer", ("momentum",)),
    "betas": ("optimizer", ("adam", "adamw")),
    "warmup": ("schedule", ("one-cycle",)),
    "start": ("schedule", ("one-cycle",)),
    "gamma": ("schedule", ("step", "exponential")),
    "every": ("schedule", ("step", "exponential")),
}
_NO_MATTER = ("threads", "device", "probe")  # none changes what is computed
_WHATEVER_COMES = ("constant", "step", "exponential")  # schedules whose rate does not depend on how long training is


def work_of(recipe: Recipe, samples: int) -> str:
    """A text that is the same for two recipes whose training on ``samples`` samples is the same, update by update."""
    plain = recipe.model_dump(mode="json")
    plan = plain["plan"]
    for field, (other, values) in _ONLY_WITH.items():
        if plan[other] not in values:
            del plan[field]
    for field in _NO_MATTER:
        del plan[field]
    if plan["batch_size"] == "full" or plan["batch_size"] >= samples:
        plan["batch_size"] = samples
    if not plan["weight_decay"]:
        plan["optimizer"] = plan["optimizer"].rstrip("w")
        del plan["decay_on"]
    return storage.to_json(plain)


def readable(recipe: Recipe) -> bool:
    """Whether a shorter training is the beginning of a longer one, so that its end can be read off on the way."""
    plan = recipe.plan
    return plan.schedule in _WHATEVER_COMES and plan.patience is None and plan.keep == "last"
