"""The graph as a file: JSON that networkx reads, and GraphML that Gephi and yEd read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from offhours.core.graph import Edge, Node

Entry = tuple[Node, list[Edge]]
"""A node with the edges that leave it."""

# What XML cannot carry, however it is written.
_NOT_XML = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}
_NOT_XML |= dict.fromkeys((0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "\ufffd")


def to_json(entries: Iterable[Entry], file: TextIO) -> int:
    """Write node-link JSON, each node in the document's form besides; how many nodes.

    `networkx.node_link_graph(data, edges="edges")` makes a graph of it.
    """
    count = 0
    links: list[dict[str, Any]] = []
    file.write('{"directed": true, "multigraph": true, "graph": {}, "nodes": [')
    for node, edges in entries:
        told = {"id": node.id, **node.to_dict(edges)}
        file.write(("," if count else "") + "\n" + json.dumps(told, ensure_ascii=False))
        links += [_link(edge) for edge in edges]
        count += 1
    rows = ",\n".join(json.dumps(link, ensure_ascii=False) for link in links)
    file.write(f'\n], "edges": [\n{rows}\n]}}\n')
    return count


def _link(edge: Edge) -> dict[str, Any]:
    link = {"source": edge.src, "target": edge.dst, "key": edge.type, "type": edge.type}
    return {**link, "metadata": dict(edge.metadata)} if edge.metadata else link


def to_graphml(entries: Iterable[Entry], file: TextIO) -> int:
    """Write GraphML; metadata becomes one attribute each. How many nodes."""
    kept = list(entries)
    keys = sorted({key for node, _ in kept for key in node.metadata} - {"node_type"})
    number = {key: f"n{n}" for n, key in enumerate(keys)}
    file.write(_HEAD)
    for key in keys:
        file.write(f'  <key id="{number[key]}" for="node" attr.name={_attribute(key)} '
                   'attr.type="string"/>\n')  # fmt: skip
    file.write('  <graph id="offhours" edgedefault="directed">\n')
    for node, _ in kept:
        file.write(f"    <node id={_attribute(node.id)}>\n")
        for name, value in {"type": node.type, **_values(node.metadata, number)}.items():
            file.write(f'      <data key="{name}">{_text(value)}</data>\n')
        file.write("    </node>\n")
    for edge in (edge for _, edges in kept for edge in edges):
        source, target = _attribute(edge.src), _attribute(edge.dst)
        file.write(f"    <edge source={source} target={target}>"
                   f'<data key="relation">{_text(edge.type)}</data></edge>\n')  # fmt: skip
    file.write("  </graph>\n</graphml>\n")
    return len(kept)


def _values(metadata: Mapping[str, Any], number: Mapping[str, str]) -> dict[str, str]:
    return {
        number[key]: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in metadata.items()
        if value is not None and key in number
    }


def _attribute(text: str) -> str:
    return quoteattr(text.translate(_NOT_XML))


def _text(text: str) -> str:
    return escape(text.translate(_NOT_XML))


_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="type" for="node" attr.name="node_type" attr.type="string"/>
  <key id="relation" for="edge" attr.name="type" attr.type="string"/>
"""

EXPORTS: Mapping[str, Callable[[Iterable[Entry], TextIO], int]] = {
    "json": to_json,
    "graphml": to_graphml,
}
