"""FlowJoy against real MLflow servers of several versions: `make test-registries`."""
