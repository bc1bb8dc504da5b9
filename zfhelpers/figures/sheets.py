"""The figures that are made of tiles: projections and patches (Fig. 2), epochs (Fig. 4), filters (Fig. 6), plain images.

Images are uint8 (C, H, W), projections signed float (C, H, W), both arrays or tensors. Three channels are drawn as colours, any
other number is drawn grey, see `tiles.three`.

    >>> weights = np.random.default_rng(0).normal(size=(12, 3, 7, 7))
    >>> filters_figure(weights, columns=4)
    <Picture: The 12 filters of layer 1, 7 x 7 pixels each, in 4 columns, every filter scaled by itself around mid-grey.>
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from zfhelpers.figures.picture import DPI, Picture, style
from zfhelpers.figures.tiles import array, fit, mosaic, pixels, projection_to_rgb, three

GRIDS = {"layer1": 3, "layer2": 4, "layer3": 4, "layer4": 2, "layer5": 2}  # columns of feature maps in Fig. 2
MOST = 16  # channels of a filter that can be shown: images have few, and a deeper layer's maps are no colours
TILE = 49  # pixels of a tile: larger ones are reduced to it, as in the paper


class Sheet:
    """A white page on which images and text are placed by pixels from the top left, so that no tile is ever resampled.

    Args:
        width, height: of the page, in pixels.
    """

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self.images: list[tuple[np.ndarray, float, float]] = []
        self.texts: list[tuple[float, float, str, dict]] = []

    def image(self, x: int, y: int, image) -> None:
        """Places an image (C, H, W), uint8, with its upper left corner at x, y."""
        drawn = pixels(image)
        self.images.append((drawn, x, self.height - y - drawn.shape[0]))

    def text(self, x: float, y: float, text: str, size: float = 8, **options) -> None:
        """Places text of so many points with its middle at x, y, or as matplotlib's `options` say."""
        options = {"fontsize": size, "ha": "center", "va": "center"} | options
        self.texts.append((x / self.width, 1 - y / self.height, text, options))

    def picture(self, alt: str) -> Picture:
        """The page as it is now, in the house style."""
        with style():
            figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI, layout="none")
            for drawn, x, y in self.images:
                figure.figimage(drawn, x, y)
            for x, y, text, options in self.texts:
                figure.text(x, y, text, **options)
            return Picture(figure, alt)


def top9_figure(
    projections,
    patches,
    layer: str,
    maps: Sequence[int],
    columns: int | None = None,
    percentile: float = 99.5,
    alt: str | None = None,
    side: int = TILE,
) -> Picture:
    """Fig. 2, one layer: for each feature map its nine projections, and in the same place on the right the image patches.

    Args:
        projections: (maps, 9, C, h, h) float, cut to the receptive field; the nine of a map share one scale.
        patches: (maps, 9, C, h, h) uint8; their C may be another.
        layer: its name, for the title and the paper's number of columns.
        maps: which maps they are; written above each block.
        columns: of feature maps; the paper's if not given.
        percentile: of |projection| that becomes black or white.
        side: pixels of a tile on the page, at most: small ones are enlarged by a whole factor, larger ones reduced.

    Raises:
        ValueError: projections, patches and maps that are not equally many.
    """
    projections, patches = array(projections), three(patches)
    if (*projections.shape[:-3], 3, *projections.shape[-2:]) != patches.shape or len(maps) != len(patches):
        raise ValueError(f"Give as many projections {projections.shape} as patches {patches.shape}, for {len(maps)} maps.")
    columns = columns or GRIDS.get(layer, 4)
    rows = -(-len(maps) // columns)
    blocks = [
        [mosaic(fit(block, side), 3) for block in blocks]
        for blocks in ([projection_to_rgb(p, percentile=percentile) for p in projections], patches)
    ]
    block, strip, gap, left, top = blocks[0][0].shape[1], 15, 5, 26, 36
    panel = columns * (block + gap) - gap
    starts = (left, left + panel + 22)
    sheet = Sheet(starts[1] + panel + 4, top + rows * (block + strip + gap) + 4)
    for start, title, panel_blocks in zip(starts, ("projections", "image patches"), blocks, strict=True):
        sheet.text(start, 10, f"{layer}: {title}", 10, ha="left")
        for column in range(columns):
            sheet.text(start + column * (block + gap) + block / 2, 27, f"C{column + 1}", color="#666666")
        for number, (index, nine) in enumerate(zip(maps, panel_blocks, strict=True)):
            row, column = divmod(number, columns)
            x, y = start + column * (block + gap), top + row * (block + strip + gap)
            sheet.text(x, y + 7, f"map {index}", 7, ha="left", color="#666666")
            sheet.image(x, y + strip, nine)
    for row in range(rows):
        sheet.text(left / 2, top + row * (block + strip + gap) + strip + block / 2, f"R{row + 1}", color="#666666")
    alt = alt or (
        f"Top nine of {layer}: for {len(maps)} feature maps in {rows} rows and {columns} columns, nine projections to pixel "
        "space on mid-grey, and on the right the nine image patches that excite the same map most."
    )
    return sheet.picture(alt)


def filters_figure(weights, columns: int = 11, column_major: bool = True, each: bool = True, alt: str | None = None) -> Picture:
    """Fig. 6 (b, c): the filters of the first layer as small images.

    Args:
        weights: (N, C, k, k), for instance `net.layer1.conv.weight`.
        columns: of the grid; the paper's 11.
        column_major: fill it column by column, as the paper does.
        each: scale every filter by its own largest weight; otherwise all by one, which shows when a few dominate (Fig. 6 a).

    Raises:
        ValueError: filters of another shape.
    """
    weights = array(weights)
    if weights.ndim != 4 or not weights.size or weights.shape[1] > MOST:
        raise ValueError(f"Filters of layer 1 have the shape (N, C, k, k) with C up to {MOST}, not {weights.shape}.")
    if each:
        tiles = np.stack([projection_to_rgb(filter_, percentile=100) for filter_ in weights])
    else:
        tiles = projection_to_rgb(weights, percentile=100)
    scaled = "every filter scaled by itself" if each else "all filters on one scale"
    size = f"{weights.shape[2]} x {weights.shape[3]}"
    alt = alt or f"The {len(weights)} filters of layer 1, {size} pixels each, in {columns} columns, {scaled} around mid-grey."
    return Picture(mosaic(fit(tiles, 42), columns, separator=3, column_major=column_major), alt)


def images_figure(
    images,
    titles: Sequence[str] | None = None,
    columns: int = 6,
    side: int | None = None,
    alt: str | None = None,
) -> Picture:
    """A contact sheet: images of one size in reading order, a title above each if given.

    Args:
        images: (N, C, H, W) uint8.
        titles: one per image; long ones are broken, and cut after two lines.
        columns: at most so many in a row.
        side: pixels of one image on the sheet; its own size if not given.

    Raises:
        ValueError: no image, or not a title for each.
    """
    tiles = fit(images, side) if side else array(images)
    if not len(tiles):
        raise ValueError("There is no image to show; give (N, C, H, W) with one or more.")
    if titles is not None and len(titles) != len(tiles):
        raise ValueError(f"There are {len(tiles)} images but {len(titles)} titles.")
    columns = min(columns, len(tiles))
    high, wide = tiles.shape[2:]
    shown = [textwrap.wrap(title, max(6, wide // 6), max_lines=2, placeholder=" …") for title in titles or [""] * len(tiles)]
    strip = 13 * max(map(len, shown)) + 4
    rows = -(-len(tiles) // columns)
    sheet = Sheet(columns * (wide + 6) + 2, rows * (high + strip + 6) + 2)
    for number, (tile, lines) in enumerate(zip(tiles, shown, strict=True)):
        row, column = divmod(number, columns)
        x, y = 4 + column * (wide + 6), 4 + row * (high + strip + 6)
        sheet.image(x, y + strip, tile)
        sheet.text(x + wide / 2, y + strip - 3, "\n".join(lines), va="bottom", linespacing=1.1)
    alt = alt or f"{len(tiles)} images" + (f": {', '.join(titles)}." if titles else ".")
    return sheet.picture(alt)


def evolution_figure(
    projections,
    epochs: Sequence[int],
    layer: str,
    percentile: float = 99.5,
    alt: str | None = None,
    *,
    maps: Sequence[int] | None = None,
    winners=None,
    patches=None,
    side: int = 72,
) -> Picture:
    """Fig. 4, one layer: rows are feature maps, columns are epochs, every cell the projection of the strongest activation.

    Args:
        projections: (maps, epochs, C, h, h) float. Every cell has its own scale: contrast is enhanced, as in the paper.
        epochs: written above the columns.
        layer: its name.
        maps: their numbers, written before the rows.
        winners: (maps, epochs), the image each projection comes from. Where it is the same as one column earlier, a bar below
            joins the two cells; a gap in the bar is another image.
        patches: (maps, C, h, h) uint8, the part of the image that the last projection comes from; it ends the row.
        side: of a cell, about, in pixels.

    Raises:
        ValueError: epochs, maps, winners or patches that do not fit the projections.
    """
    projections = array(projections)
    if projections.shape[1] != len(epochs):
        raise ValueError(f"The projections {projections.shape} have {projections.shape[1]} epochs, the heading {len(epochs)}.")
    for what, given, wanted in (("maps", maps, 1), ("winners", winners, 2)):
        if given is not None and np.shape(given) != projections.shape[:wanted]:
            raise ValueError(f"The {what} {np.shape(given)} do not fit the projections {projections.shape}.")
    images = None if patches is None else array(patches)
    if images is not None and images.shape != projections[:, -1].shape:
        raise ValueError(f"The patches {images.shape} do not fit the projections {projections.shape}.")
    rows = [fit(np.stack([projection_to_rgb(cell, percentile=percentile) for cell in cells]), side) for cells in projections]
    side, left, top = rows[0].shape[-1], 3 if maps is None else 46, 38
    across, down = side + 1, side + (1 if winners is None else 8)
    beside = left + len(epochs) * across + 6  # where the patches begin
    sheet = Sheet(beside - 3 if images is None else beside + across + 2, top + len(rows) * down + 2)
    sheet.text(3, 10, f"{layer}: epochs", 10, ha="left")
    if images is not None:
        sheet.text(beside + side / 2, 28, "image")
    for column, epoch in enumerate(epochs):
        sheet.text(left + column * across + side / 2, 28, str(epoch))
    for row, cells in enumerate(rows):
        sheet.image(left, top + row * down, mosaic(cells, len(epochs)))
        if images is not None:
            sheet.image(beside, top + row * down, fit(images[row : row + 1], side)[0])
        if maps is not None:
            sheet.text(3, top + row * down + side / 2, f"map {maps[row]}", 7, ha="left", color="#666666")
        for column in range(1, len(epochs)) if winners is not None else ():
            if winners[row][column] == winners[row][column - 1]:
                bar = np.full((3, 3, across), 0x55, np.uint8)  # from the middle of one cell to the middle of the next
                sheet.image(left + (column - 1) * across + side // 2, top + row * down + side + 2, bar)
    alt = alt or (
        f"Evolution of {layer}: projections of the strongest activation of {len(rows)} feature maps, one per row, after "
        f"{', '.join(map(str, epochs))} epochs."
    )
    return sheet.picture(alt)


def selection_figure(
    uncapped, filters: Sequence, projections: Sequence, titles: Sequence[str], alt: str | None = None
) -> Picture:
    """Fig. 6: (a) filters without a limit on one scale, (b, c) two first layers, (d, e) what their second layers respond to.

    Grids are filled column by column and about as wide as the paper's 9 rows of 11; a filter of (b, c) is scaled by itself. Of
    one network alone there are three panels: (a), (b) its first layer, and (c) its second.

    Args:
        uncapped: (N, C, k, k), panel (a).
        filters: (N, C, k, k) of each of two networks, or of one.
        projections: (maps, 9, C, h, h) float of each; the nine of a map share one scale. A map of zeros, which no image excites,
            is plain grey.
        titles: five or three, without the letters.

    Raises:
        ValueError: other numbers of panels or titles.
    """
    filters, projections = [array(bank) for bank in filters], [array(block) for block in projections]
    if len(filters) not in (1, 2) or len(projections) != len(filters) or len(titles) != 1 + 2 * len(filters):
        raise ValueError(
            f"Fig. 6 has five panels (a) to (e), or three of one network, not one and {len(filters)} of filters and "
            f"{len(projections)} of projections with {len(titles)} titles."
        )
    one_scale = projection_to_rgb(array(uncapped), percentile=100)
    by_itself = [np.stack([projection_to_rgb(filter_, percentile=100) for filter_ in bank]) for bank in filters]
    above = []
    for bank in (one_scale, *by_itself):
        columns = math.ceil(math.sqrt(len(bank) * 11 / 9))
        above.append(mosaic(fit(bank, 280 // columns), columns, column_major=True))
    below, side = [], 54 // len(projections)  # one network alone has the width of two
    for nines in projections:
        blocks = np.stack([mosaic(fit(projection_to_rgb(nine, percentile=99.5), side), 3) for nine in nines])
        below.append(mosaic(blocks, math.ceil(math.sqrt(len(blocks))), separator=5))
    margin, strip = 6, 24
    widths = [sum(panel.shape[2] + 3 * margin for panel in row) for row in (above, below)]
    heights = [max(panel.shape[1] for panel in row) + strip for row in (above, below)]
    sheet = Sheet(max(widths) + margin, sum(heights) + 2 * margin)
    letters = iter(zip("abcde", titles, strict=False))
    for row, width, top in zip((above, below), widths, (0, heights[0] + margin), strict=True):
        spare = (max(widths) - width) // len(row)
        left = margin
        for panel in row:
            letter, title = next(letters)
            sheet.text(left, top + strip / 2, f"({letter}) {title}", 9, ha="left")
            sheet.image(left, top + strip, panel)
            left += panel.shape[2] + 3 * margin + spare
    alt = alt or "; ".join(f"({letter}) {title}" for letter, title in zip("abcde", titles, strict=False)) + "."
    return sheet.picture(alt)
