"""What a stack is made of, as plain data: what stands in a recipe and in a checkpoint."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rnnzoo.errors import RnnzooError, unknown

CONNECTIONS = ("none", "residual", "highway", "dense")
ENGINES = ("auto", "reference", "native", "compiled", "scan")


@dataclass(frozen=True)
class StackConfig:
    """A recurrent stack, described.

    Attributes:
        cell: a name of `rnnzoo.cells.build_cell`, or the dotted path of a class of your own.
        hidden_size: H of every layer.
        num_layers: how many layers, one above the other.
        bidirectional: whether each layer also runs from the last real step to the first.
        connections: what a layer gets and gives beside its cell's output; see `rnnzoo.recurrent.RecurrentStack`.
        dropout: the probability that a component of what a layer above the first reads is dropped (Zaremba et al.
            2014: only on the connections that are not recurrent).
        variational: one mask of that dropout for all steps of a sequence (Gal & Ghahramani 2016), not one each.
        recurrent_dropout: the probability that a component of ``h`` is dropped before ``weight_hh`` multiplies it,
            with one mask for all steps of a sequence (Gal & Ghahramani 2016, eq. 7).
        zoneout: the probability that a component of the state keeps its value of the step before (Krueger et al.
            2017); one number for all fields, or a list with one for each, in the order of the cell's state (their
            LSTM for Penn Treebank words: ``[0.025, 0.25]``, h then c).
        normalize: layer normalisation (Ba et al. 2016, eq. 4) of each layer's output, over its features.
        cell_options: keyword arguments of the cell's constructor.
        engine: how the cells are run; see `rnnzoo.recurrent.engine`.

    Raises:
        RnnzooError: a value outside its range or of the wrong type.
    """

    cell: str = "lstm"
    hidden_size: int = 256
    num_layers: int = 1
    bidirectional: bool = False
    connections: str = "none"
    dropout: float = 0.0
    variational: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float | list[float] = 0.0
    normalize: bool = False
    cell_options: dict[str, Any] = field(default_factory=dict)
    engine: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what no stack can be made of."""
        for name in ("hidden_size", "num_layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise RnnzooError(f"stack.{name} must be a whole number of at least 1, not {value!r}")
        for name in ("bidirectional", "variational", "normalize"):
            if not isinstance(getattr(self, name), bool):
                raise RnnzooError(f"stack.{name} must be true or false, not {getattr(self, name)!r}")
        if not isinstance(self.cell, str):
            raise RnnzooError(f"stack.cell must be a name or a dotted path, not {self.cell!r}")
        if self.connections not in CONNECTIONS:
            raise RnnzooError(unknown("stack.connections", str(self.connections), CONNECTIONS))
        if self.engine not in ENGINES:
            raise RnnzooError(unknown("stack.engine", str(self.engine), ENGINES))
        if not isinstance(self.cell_options, dict):
            raise RnnzooError(
                f"stack.cell_options must be a mapping of the cell's arguments, not {self.cell_options!r}"
            )
        for name in ("dropout", "recurrent_dropout"):
            _check_probability(name, getattr(self, name))
        for share in self.zoneout if isinstance(self.zoneout, list) else [self.zoneout]:
            _check_probability("zoneout", share)
        if self.variational and not self.dropout:
            raise RnnzooError("stack.variational shares the masks of stack.dropout over time, but stack.dropout is 0")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "StackConfig":
        """The configuration in a mapping, as `to_dict` gives it; what is not in it takes its default.

        >>> StackConfig.from_dict({"cell": "gru", "hidden_size": 64}).num_layers
        1
        >>> StackConfig.from_dict({"hiden_size": 64})
        Traceback (most recent call last):
        rnnzoo.errors.RnnzooError: unknown key of stack 'hiden_size': did you mean 'hidden_size', ...
        """
        known = [item.name for item in fields(cls)]
        for key in values:
            if key not in known:
                raise RnnzooError(unknown("key of stack", str(key), known))
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain data, for a checkpoint."""
        return asdict(self)


def _check_probability(name: str, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
        raise RnnzooError(f"stack.{name} must be a probability of at least 0 and below 1, not {value!r}")
