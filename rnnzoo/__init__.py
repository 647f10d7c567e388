"""Recurrent networks as living software: ``s_i = R(s_{i-1}, x_i)``, ``y_i = O(s_i)``.

Import from the parts: `rnnzoo.cells`, `rnnzoo.recurrent`, `rnnzoo.networks`, `rnnzoo.tasks`, `rnnzoo.data`,
`rnnzoo.callbacks`. Nothing is imported here, so that the command line answers at once.
"""

from importlib.metadata import version

__version__ = version("rnnzoo")
