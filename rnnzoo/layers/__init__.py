"""What stands around a recurrent stack: embeddings, dropout and heads."""

from rnnzoo.layers.adaptive_head import AdaptiveHead
from rnnzoo.layers.dropout import LockedDropout
from rnnzoo.layers.embedding import TokenEmbedding
from rnnzoo.layers.head import Head
from rnnzoo.layers.linear_head import LinearHead

__all__ = ["AdaptiveHead", "Head", "LinearHead", "LockedDropout", "TokenEmbedding"]
