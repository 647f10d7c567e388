"""What stands around a recurrent stack: embeddings, dropout, pooling, attention and heads."""

from rnnzoo.layers.adaptive_head import AdaptiveHead
from rnnzoo.layers.answer_heads import ClassificationHead, GaussianHead, MultiLabelHead, RegressionHead
from rnnzoo.layers.dropout import LockedDropout
from rnnzoo.layers.embedding import TokenEmbedding
from rnnzoo.layers.head import Head
from rnnzoo.layers.linear_head import LinearHead
from rnnzoo.layers.pooling import POOLINGS, Pooling
from rnnzoo.layers.self_attention import SelfAttention

__all__ = [
    "POOLINGS",
    "AdaptiveHead",
    "ClassificationHead",
    "GaussianHead",
    "Head",
    "LinearHead",
    "LockedDropout",
    "MultiLabelHead",
    "Pooling",
    "RegressionHead",
    "SelfAttention",
    "TokenEmbedding",
]
