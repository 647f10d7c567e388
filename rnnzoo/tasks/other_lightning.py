"""The error for a Trainer of the package `pytorch_lightning`, which is installed beside `lightning` and is not it."""

import sys

from rnnzoo.errors import RnnzooError


class RefusesOtherLightning:
    """Says what to do when `pytorch_lightning` asks whether this is one of its modules.

    Its Trainer would answer with "`model` must be a `LightningModule`, got `LanguageModel`", which is no help to one
    who has given a LightningModule. The question is an `isinstance`, which reads `__class__` where the type alone says
    no, so that is where it can be heard; all others who ask get the class.
    """

    @property  # type: ignore[misc]  # object declares it as an attribute
    def __class__(self) -> type:
        asking = str(sys._getframe(1).f_globals.get("__name__"))
        if asking.split(".")[0] == "pytorch_lightning":
            raise RnnzooError(
                f"{type(self).__name__} is a module of the package `lightning`, and this Trainer is of "
                "`pytorch_lightning`: write `from lightning import Trainer`"
            )
        return type(self)
