"""What is reported of a model besides its loss."""

from rnnzoo.metrics.likelihood import BitsPerCharacter, Perplexity

__all__ = ["BitsPerCharacter", "Perplexity"]
