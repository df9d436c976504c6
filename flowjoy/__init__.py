"""FlowJoy joins code deployments and model versions into one supply chain, and keeps the 48-hour promise."""

__version__ = "0.1.0"
