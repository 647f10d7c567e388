"""Searches over what a network offers: `init_state`, `step` and `reorder`, nothing else."""

from rnnzoo.decoding.sampling import Decodable, filter_log_probs, sample, stream

__all__ = ["Decodable", "filter_log_probs", "sample", "stream"]
