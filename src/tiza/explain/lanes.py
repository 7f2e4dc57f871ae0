"""A structure made ready to be drawn from top to bottom: what stands on one line, and in which lane."""

from collections import defaultdict
from dataclasses import replace

from tiza.explain.structure import Node, Structure
from tiza.i18n import number, t


def kind(node: Node) -> str:
    """A layer's type with what is set of it, an operation in words."""
    if not node.type:
        return ""
    if not node.is_layer:
        return t(f"structure.{node.type}" if node.type in ("add", "cat") else "structure.operation")
    detail = number(float(node.detail), "g") if "Dropout" in node.type and node.detail else node.detail
    return f"{node.type} {detail}".rstrip()


def folded(of: Structure) -> Structure:
    """With each normalisation, activation and dropout as one node with what it follows: ``conv1 · norm1 · relu1``."""
    sources, targets = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for source, target in of.edges:
        sources[target].append(source)
        targets[source].append(target)
    nodes: list[Node] = []
    at: list[int] = []  # of each node of the structure, the place among those
    for i, node in enumerate(of.nodes):
        before = sources[i][0] if len(sources[i]) == 1 else 0
        if before and targets[before] == [i] and node.follows and node.group == of.nodes[before].group:
            first = nodes[at[before]]
            shared = first.own.rpartition("_")[0] + "_"  # dense_linear1 · relu1
            name, parameters = f"{first.name} · {node.own.removeprefix(shared)}", first.parameters + node.parameters
            nodes[at[before]] = replace(first, name=name, after=node.after, parameters=parameters)
            at.append(at[before])
        else:
            nodes.append(node)
            at.append(len(nodes) - 1)
    edges = ((at[source], at[target]) for source, target in of.edges)
    return Structure(tuple(nodes), tuple((source, target) for source, target in edges if source != target))


def lanes(of: Structure) -> tuple[list[int], list[int]]:
    """Where to draw a structure from top to bottom: the lane (0 the first) of each node and of each edge.

    An edge is in a lane of its own from below its source to above its target; the first of a node's edges goes straight
    on. Two edges are in one lane only where one ends before the other begins.
    """
    nodes, edges, taken = [0] * len(of.nodes), [0] * len(of.edges), set[int]()
    for i in range(len(of.nodes)):
        into = [k for k, (_, target) in enumerate(of.edges) if target == i]
        taken -= {edges[k] for k in into}
        nodes[i] = min((edges[k] for k in into), default=_free(taken))
        out = sorted((target, k) for k, (source, target) in enumerate(of.edges) if source == i)
        for n, (_, k) in enumerate(out):
            edges[k] = nodes[i] if n == 0 else _free(taken)
            taken.add(edges[k])
    return nodes, edges


def _free(taken: set[int]) -> int:
    return next(lane for lane in range(len(taken) + 1) if lane not in taken)
