import torch

from rnnzoo.cells import LSTMState
from rnnzoo.recurrent import RecurrentStack
from rnnzoo.recurrent.state import detach, rebuild, repeat, select, tensors, to, where
from rnnzoo.recurrent.torch_layout import state_from_torch, state_to_torch


def stack_state():
    """Two layers, three rows; each number names layer, field and row."""
    fields = [
        [torch.tensor([[100.0 * layer + 10 * field + row] for row in range(3)]) for field in range(2)]
        for layer in range(2)
    ]
    return tuple(LSTMState(*layer) for layer in fields)


def test_rows_are_selected_in_every_field():
    chosen = select(stack_state(), torch.tensor([2, 0, 0, 1]))
    assert chosen[1].c.flatten().tolist() == [112, 110, 110, 111]
    assert type(chosen[0]) is LSTMState
    assert repeat(stack_state(), 2)[0].c.flatten().tolist() == [10, 10, 11, 11, 12, 12]


def test_where_takes_rows():
    mixed = where(
        torch.tensor([True, False, True]), stack_state(), rebuild(stack_state(), [torch.full((3, 1), -1.0)] * 4)
    )
    assert mixed[1].h.flatten().tolist() == [100, -1, 102]


def test_flat_and_back():
    state = stack_state()
    flat = list(tensors(state))
    assert [t[0].item() for t in flat] == [0, 10, 100, 110]
    again = rebuild(state, flat)
    assert again == state
    assert type(again[0]) is LSTMState


def test_detached_and_moved():
    leaf = torch.zeros(3, 1, requires_grad=True)
    state = rebuild(stack_state(), [leaf * 2] * 4)
    assert all(not field.requires_grad for field in tensors(detach(state)))
    assert all(field.device.type == "meta" for field in tensors(to(state, "meta")))


def test_layout_of_pytorch():
    stack = RecurrentStack(1, {"cell": "lstm", "hidden_size": 1, "num_layers": 2})
    h, c = state_to_torch(stack_state())
    assert h.flatten().tolist() == [0, 1, 2, 100, 101, 102]
    assert c.shape == (2, 3, 1)
    back = state_from_torch(stack, (h, c))
    assert torch.equal(back[1].c, stack_state()[1].c)
    gru = RecurrentStack(1, {"cell": "gru", "hidden_size": 1, "num_layers": 2})
    assert torch.equal(state_to_torch(state_from_torch(gru, h)), h)
