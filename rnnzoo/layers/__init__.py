"""What stands around a recurrent stack: embeddings, dropout, pooling, attention, bridges and heads."""

from rnnzoo.layers.adaptive_head import AdaptiveHead
from rnnzoo.layers.answer_heads import ClassificationHead, GaussianHead, MultiLabelHead, RegressionHead
from rnnzoo.layers.attention import (
    ATTENTIONS,
    AdditiveAttention,
    AlignedAttention,
    Attention,
    DotAttention,
    GeneralAttention,
    LocationAttention,
    ScaledDotAttention,
    build_attention,
)
from rnnzoo.layers.bridge import BRIDGES, StateBridge
from rnnzoo.layers.characters import CharacterCNN, CharacterLSTM
from rnnzoo.layers.convolution import ConvolutionEncoder
from rnnzoo.layers.copy import CopyGate, CopySource
from rnnzoo.layers.coverage import coverage_loss, doubly_stochastic_penalty
from rnnzoo.layers.crf import CRFHead
from rnnzoo.layers.dropout import LockedDropout
from rnnzoo.layers.embedding import TokenEmbedding
from rnnzoo.layers.head import Head
from rnnzoo.layers.linear_head import LinearHead
from rnnzoo.layers.ngram_convolution import NgramConvolution
from rnnzoo.layers.pooling import POOLINGS, Pooling
from rnnzoo.layers.scheduled_sampling import ScheduledSampling
from rnnzoo.layers.self_attention import SelfAttention
from rnnzoo.layers.window import WindowEncoder

__all__ = [
    "ATTENTIONS",
    "BRIDGES",
    "POOLINGS",
    "AdaptiveHead",
    "AdditiveAttention",
    "AlignedAttention",
    "Attention",
    "CRFHead",
    "CharacterCNN",
    "CharacterLSTM",
    "ClassificationHead",
    "ConvolutionEncoder",
    "CopyGate",
    "CopySource",
    "DotAttention",
    "GaussianHead",
    "GeneralAttention",
    "Head",
    "LinearHead",
    "LocationAttention",
    "LockedDropout",
    "MultiLabelHead",
    "NgramConvolution",
    "Pooling",
    "RegressionHead",
    "ScaledDotAttention",
    "ScheduledSampling",
    "SelfAttention",
    "StateBridge",
    "TokenEmbedding",
    "WindowEncoder",
    "build_attention",
    "coverage_loss",
    "doubly_stochastic_penalty",
]
