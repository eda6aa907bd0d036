"""sparkdrift: makes the silent ageing of ML models visible, over Delta tables of any size."""

__version__ = "0.1.0"
