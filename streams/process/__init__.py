"""Run steps 2 to 4: the one pipeline and worker of both deployments."""
