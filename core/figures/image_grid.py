"""A grid of images as one Plotly figure over one picture: each image can be clicked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures import thumbnails
from core.figures.charts import RIGHT, WRONG, make_clickable, plain, rgb

LINE = 0.3  # height of the text under an image, as a share of the image's side
NEUTRAL = "#808080"  # neither right nor wrong


def figure(
    images: np.ndarray,
    texts: Sequence[str],
    right: Iterable[bool | None],
    *,
    columns: int,
    side: int = 112,
    hover: Sequence[str] | None = None,
) -> go.Figure:
    """Images uint8 (M, C, H, W), each framed green or vermilion by `right`, None gray; `texts`
    under them; `side` is the width of one in pixels of the screen.

    A click gives the image's place in the grid. Raises ValueError without images.
    """
    colors = [NEUTRAL if r is None else RIGHT if r else WRONG for r in right]
    many = len(images) > 36
    scale = max(1, round((2 if many else 3) * 28 / max(images.shape[2:])))
    picture = thumbnails.sheet(
        images & 0xFC if many else images,  # 64 greys: a sixth less to send
        np.array([rgb(color) for color in colors], np.uint8),
        columns=columns,
        scale=scale,
        line=LINE,
    )
    rows, places = -(-len(images) // columns), np.arange(len(images))
    down = 1 + LINE
    x, y = places % columns, places // columns * down
    drawn = go.Figure()
    make_clickable(
        drawn,
        x=x,
        y=y,
        size=0.85 * side,
        text=[plain(text) for text in hover or texts],
        hovertemplate="%{text}<extra></extra>",
    )
    drawn.add_scatter(
        x=x,
        y=y + 0.5 + LINE / 2,
        mode="text",
        text=[plain(text) for text in texts],
        textfont={"size": 12 if side > 90 else 10, "color": colors},
        hoverinfo="skip",
    )
    drawn.add_layout_image(
        source=thumbnails.data_uri(thumbnails.encode(picture)),
        x=-0.5,
        y=-0.5,
        sizex=columns,
        sizey=rows * down,
        xref="x",
        yref="y",
        sizing="stretch",
        layer="below",
    )
    bare = {"visible": False, "fixedrange": True}
    drawn.update_xaxes(range=[-0.5, columns - 0.5], **bare)
    drawn.update_yaxes(
        range=[rows * down - 0.5, -0.5],
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
        **bare,
    )
    height = round(rows * down * side)
    drawn.update_layout(height=height, margin=dict.fromkeys("lrtb", 0), showlegend=False)
    return drawn
