"""Host the worker: the loop of the embedded deployment and the Faust app."""
