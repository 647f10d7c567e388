"""What a decoder is made of, as plain data: what stands in a recipe and in a checkpoint."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers.attention import ATTENTIONS
from rnnzoo.layers.bridge import BRIDGES
from rnnzoo.options import check_options
from rnnzoo.recurrent import StackConfig

PLACES = ("none", "input", "output", "both")
ORDERS = ("after", "before")


@dataclass(frozen=True)
class DecoderConfig:
    """A decoder, described; see `rnnzoo.networks.DecoderNetwork`.

    Attributes:
        stack: the recurrent part, of one direction.
        embedding_size: E, the width of an embedded token; None: the stack's hidden size.
        tied: whether the output matrix is the embedding's (Press & Wolf 2017).
        bridge: from the condition to s_0: ``copy``, ``projected``, ``learned`` or ``zero``; see
            `rnnzoo.layers.StateBridge`.
        concatenate: where the condition's vector stands at each step, beside s_0: ``none``, ``input`` (of the stack),
            ``output`` (the features of the head), ``both``.
        attention: None, or its name; see `rnnzoo.layers.build_attention`.
        attention_size: A, where that attention has one; None: the width of the query.
        attention_options: further arguments of that attention: `filters` and `width` of ``location``.
        attention_order: ``after``: the stack's output is the query, and the context joins it (Luong et al. 2015);
            ``before``: the state before the step is, and the context joins the step's input (Bahdanau et al. 2015).
        input_feeding: whether the step before also hands its attentional output on as an input (Luong et al. 2015,
            section 3.3).
        context_gate: whether the context is multiplied by ``sigmoid(w q + b)`` (Xu et al. 2015, section 4.2.1: beta).
        deep_output: whether the embedded token joins context and output before the head (Xu et al. 2015, eq. 7;
            Bahdanau et al. 2015, appendix A.2.2).
        copy: whether words of the source may be copied (See et al. 2017); needs attention.
        dropout: of the head's features.
        input_dropout: of the embedded tokens.
        embedding_dropout: of word types, see `rnnzoo.layers.TokenEmbedding`.

    Raises:
        RnnzooError: a value outside its range, or one that means nothing without another.
    """

    stack: StackConfig = field(default_factory=StackConfig)
    embedding_size: int | None = None
    tied: bool = False
    bridge: str = "projected"
    concatenate: str = "none"
    attention: str | None = None
    attention_size: int | None = None
    attention_options: dict[str, Any] = field(default_factory=dict)
    attention_order: str = "after"
    input_feeding: bool = False
    context_gate: bool = False
    deep_output: bool = False
    copy: bool = False
    dropout: float = 0.0
    input_dropout: float = 0.0
    embedding_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no decoder can be made of."""
        if self.stack.bidirectional:
            raise RnnzooError("a decoder must not see what it writes: decoder.stack.bidirectional must be false")
        for name, known in (("bridge", BRIDGES), ("concatenate", PLACES), ("attention_order", ORDERS)):
            if getattr(self, name) not in known:
                raise RnnzooError(unknown(f"decoder.{name}", str(getattr(self, name)), known))
        if self.attention is not None and self.attention not in ATTENTIONS:
            raise RnnzooError(unknown("decoder.attention", str(self.attention), ATTENTIONS))
        if self.attention is None:
            for name in ("attention_size", "attention_options", "input_feeding", "context_gate", "deep_output", "copy"):
                if getattr(self, name):
                    raise RnnzooError(f"decoder.{name} belongs to attention, and decoder.attention is none")
        else:
            sizes = ("query_size", "memory_size", "attention_size")
            check_options(self.attention_options, ATTENTIONS[self.attention], "decoder.attention_options", sizes)
        for name in ("embedding_size", "attention_size"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise RnnzooError(f"decoder.{name} must be at least 1, not {size}")
        for name in ("dropout", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise RnnzooError(
                    f"decoder.{name} must be a probability of at least 0 and below 1, not {getattr(self, name)}"
                )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DecoderConfig":
        """The configuration in a mapping, as `to_dict` gives it; what is not in it takes its default.

        >>> DecoderConfig.from_dict({"attention": "dot", "stack": {"cell": "gru"}}).stack.cell
        'gru'
        >>> DecoderConfig.from_dict({"atention": "dot"})
        Traceback (most recent call last):
        rnnzoo.errors.RnnzooError: unknown key of decoder 'atention': did you mean 'attention', ...
        """
        known = [item.name for item in fields(cls)]
        for key in values:
            if key not in known:
                raise RnnzooError(unknown("key of decoder", str(key), known))
        stack = values.get("stack", {})
        return cls(**values | {"stack": StackConfig.from_dict(stack) if isinstance(stack, dict) else stack})

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain data, for a checkpoint."""
        return asdict(self)
