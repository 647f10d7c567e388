"""What watches or steers training, for any LightningModule unless it says otherwise."""

from rnnzoo.callbacks.attention_figure import AttentionFigure
from rnnzoo.callbacks.caption_page import CaptionPage
from rnnzoo.callbacks.class_report import ClassReporter
from rnnzoo.callbacks.exact_resume import ExactResume
from rnnzoo.callbacks.forecast_plot import ForecastPlot
from rnnzoo.callbacks.gradient_clipping import GradientClipping
from rnnzoo.callbacks.gradient_norm import GradientNormMonitor
from rnnzoo.callbacks.gradual_unfreezing import GradualUnfreezing
from rnnzoo.callbacks.interrupt import InterruptCheckpoint
from rnnzoo.callbacks.last_checkpoint import LastCheckpoint
from rnnzoo.callbacks.sample_logger import SampleLogger
from rnnzoo.callbacks.spectral_radius import spectral_radii
from rnnzoo.callbacks.temporal_gradient import temporal_gradient_norms
from rnnzoo.callbacks.temporal_gradient_monitor import TemporalGradientMonitor
from rnnzoo.callbacks.throughput import ThroughputMonitor

__all__ = [
    "AttentionFigure",
    "CaptionPage",
    "ClassReporter",
    "ExactResume",
    "ForecastPlot",
    "GradientClipping",
    "GradientNormMonitor",
    "GradualUnfreezing",
    "InterruptCheckpoint",
    "LastCheckpoint",
    "SampleLogger",
    "TemporalGradientMonitor",
    "ThroughputMonitor",
    "spectral_radii",
    "temporal_gradient_norms",
]
