"""HTML of images with captions."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
h1 { font-size: 1.25em; }
article { display: flex; gap: 1.5em; border-top: 1px solid #ccc; padding: 1.2em 0; }
article > img { width: 192px; height: auto; align-self: flex-start; image-rendering: pixelated; }
.caption { font-size: 1.15em; font-weight: 600; margin: 0 0 .4em; }
ul { margin: 0; padding-left: 1.2em; color: #555; }
.looked { display: flex; flex-wrap: wrap; gap: .5em; margin-top: .8em; }
figure { margin: 0; text-align: center; font-size: .85em; }
figure img { width: 80px; height: auto; display: block; }
"""


class Captioned(NamedTuple):
    """An image and what is to be shown with it.

    Attributes:
        picture: (height, width, channels) bytes, with 1 or 3 channels.
        caption: what was written, as text.
        written: the T tokens of the caption, the end among them.
        weights: (T, rows, columns), where the model looked for each token; None: nothing is known of it.
        references: the captions that people gave it.
    """

    picture: Tensor
    caption: str
    written: list[str]
    weights: Tensor | None
    references: list[str]


def caption_page(shown: Sequence[Captioned], title: str) -> str:
    """A page of HTML that needs nothing else: each image with its caption and references.

    Where weights are given, each token has a small copy of the image, which is as bright at a place as the place's
    weight is to the largest of the token's.

    Raises:
        RnnzooError: Pillow is not installed.
    """
    articles = "\n".join(map(_article, shown))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{articles}\n</body>\n</html>\n"
    )


def lit(picture: Tensor, weights: Tensor) -> Tensor:
    """A picture (height, width, channels) of bytes, dark but for the places (rows, columns) of great weight.

    A pixel is multiplied by ``0.15 + 0.85 w / max w``, w the weight of its place, between places interpolated; by 0.15
    where no place has any.
    """
    largest = weights.max().clamp(min=torch.finfo(weights.dtype).tiny)
    bright = torch.nn.functional.interpolate(
        (weights / largest)[None, None].float(), picture.shape[:2], mode="bilinear", align_corners=False
    )
    return (picture * (0.15 + 0.85 * bright[0, 0, :, :, None])).round().to(torch.uint8)


def strip(picture: Tensor, weights: Tensor) -> Tensor:
    """The picture `lit` for each of T tokens (T, rows, columns), side by side: (height, T * width, channels)."""
    return torch.cat([lit(picture, token) for token in weights], 1)


def require_pillow() -> Any:
    """The module that writes images."""
    try:
        from PIL import Image
    except ImportError:
        raise RnnzooError('pages of captions are made with Pillow: pip install "rnnzoo[recipes]"') from None
    return Image


def _article(one: Captioned) -> str:
    references = "".join(f"<li>{escape(text)}</li>" for text in one.references)
    looked = ""
    if one.weights is not None:
        pairs = zip(one.written, one.weights, strict=True)
        figures = "".join(_figure(lit(one.picture, weights), token) for token, weights in pairs)
        looked = f'<div class="looked">{figures}</div>'
    caption = escape(one.caption) or "<em>nothing</em>"
    return (
        f'<article><img alt="{escape(one.caption)}" src="{_png(one.picture)}">\n<div><p class="caption">{caption}</p>'
        f"\n<ul>{references}</ul>{looked}</div></article>"
    )


def _figure(picture: Tensor, token: str) -> str:
    return f'<figure><img alt="" src="{_png(picture)}"><figcaption>{escape(token)}</figcaption></figure>'


def _png(picture: Tensor) -> str:
    """A picture as the address of itself."""
    file = io.BytesIO()
    require_pillow().fromarray(picture.squeeze(-1).numpy()).save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
