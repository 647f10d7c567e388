import pytest

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig


def test_round_trip():
    config = StackConfig(cell="gru", hidden_size=7, zoneout=[0.5, 0.1], cell_options={"bias": False})
    assert StackConfig.from_dict(config.to_dict()) == config
    assert type(config.to_dict()["cell_options"]) is dict


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layers": 2}, "unknown key of stack 'layers': did you mean 'num_layers'"),
        ({"hidden_size": 0}, "stack.hidden_size must be a whole number of at least 1, not 0"),
        ({"num_layers": 1.5}, "stack.num_layers .* not 1.5"),
        ({"num_layers": True}, "stack.num_layers .* not True"),
        ({"dropout": 1.0}, "stack.dropout must be a probability of at least 0 and below 1, not 1.0"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout .* not -0.1"),
        ({"zoneout": [0.1, 2]}, "zoneout .* not 2"),
        ({"zoneout": "0.1"}, "zoneout .* not '0.1'"),
        ({"bidirectional": "yes"}, "stack.bidirectional must be true or false, not 'yes'"),
        ({"connections": "residuals"}, "unknown stack.connections 'residuals': did you mean 'residual'"),
        ({"engine": "fast"}, "unknown stack.engine 'fast'"),
        ({"cell_options": ["bias"]}, "cell_options must be a mapping"),
        ({"variational": True}, "but stack.dropout is 0"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(RnnzooError, match=message):
        StackConfig.from_dict(values)
