"""What watches or steers training, for any LightningModule unless it says otherwise."""

from rnnzoo.callbacks.exact_resume import ExactResume
from rnnzoo.callbacks.gradient_clipping import GradientClipping
from rnnzoo.callbacks.gradient_norm import GradientNormMonitor
from rnnzoo.callbacks.interrupt import InterruptCheckpoint
from rnnzoo.callbacks.sample_logger import SampleLogger
from rnnzoo.callbacks.spectral_radius import spectral_radii
from rnnzoo.callbacks.temporal_gradient import temporal_gradient_norms
from rnnzoo.callbacks.temporal_gradient_monitor import TemporalGradientMonitor
from rnnzoo.callbacks.throughput import ThroughputMonitor

__all__ = [
    "ExactResume",
    "GradientClipping",
    "GradientNormMonitor",
    "InterruptCheckpoint",
    "SampleLogger",
    "TemporalGradientMonitor",
    "ThroughputMonitor",
    "spectral_radii",
    "temporal_gradient_norms",
]
