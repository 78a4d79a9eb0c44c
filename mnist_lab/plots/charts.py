"""Plotly figures to look at or take away: numpy in, go.Figure out."""

import numpy as np
import plotly.graph_objects as go

from mnist_lab.plots.style import SANS, SERIF, colours


def digit_map(points: np.ndarray, labels: np.ndarray, title: str, you: np.ndarray | None = None, near: np.ndarray | None = None,
              dark: bool = False) -> go.Figure:
    """Digits as points (N, 3) in the colours of their labels (N,), and one drawing at `you` (3,) tied to the points `near` (K,)."""
    c = colours(dark)
    figure = go.Figure([_cloud(points[labels == d], d, c[f"digit-{d}"]) for d in range(10)])
    if you is not None:
        figure.add_traces(_landing(you, points[near], c))
    bare = {"visible": False}
    figure.update_layout(
        template="none", uirevision="map", title={"text": title, "font": {"family": SERIF, "size": 22}, "x": .03}, paper_bgcolor=c["paper"],
        font={"family": SANS, "size": 14, "color": c["ink"]}, margin={"l": 0, "r": 0, "t": 64, "b": 0}, legend={"itemsizing": "constant"},
        scene={"xaxis": bare, "yaxis": bare, "zaxis": bare, "aspectmode": "data", "bgcolor": c["paper"], "camera": {"eye": {"x": 1, "y": 1, "z": .7}}},
    )
    return figure


def _cloud(points: np.ndarray, digit: int, colour: str) -> go.Scatter3d:
    x, y, z = points.T
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", name=str(digit), marker={"size": 3, "color": colour}, hovertemplate=f"{digit}<extra></extra>")


def _landing(you: np.ndarray, near: np.ndarray, c: dict[str, str]) -> list[go.Scatter3d]:
    """Lines to the neighbours, there and back, and the drawing itself on top."""
    x, y, z = np.stack([np.broadcast_to(you, near.shape), near], 1).reshape(-1, 3).T
    lines = go.Scatter3d(x=x, y=y, z=z, mode="lines", line={"color": c["pen"], "width": 3}, hoverinfo="skip", showlegend=False)
    x, y, z = you[:, None]
    mark = go.Scatter3d(x=x, y=y, z=z, mode="markers+text", text=["you"], textposition="top center", textfont={"family": SERIF, "size": 18, "color": c["pen"]},
                        name="you", marker={"size": 8, "color": c["pen"], "line": {"width": 2, "color": c["paper"]}}, hovertemplate="you<extra></extra>")
    return [lines, mark]


def page(figure: go.Figure) -> str:
    """A figure as one HTML file that needs nothing else."""
    look = f"<style>body {{ margin: 0; background: {figure.layout.paper_bgcolor}; }}</style>"
    return figure.to_html(include_plotlyjs=True, config={"displaylogo": False}).replace("</head>", f"{look}</head>", 1)
