"""Steps 2 to 4 joined: the one pipeline and worker of both deployments."""
