"""The sentences of FlowJoy, one file per surface. `make golden` writes them anew: read the diff, then commit it."""
