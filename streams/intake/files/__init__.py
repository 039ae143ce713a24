"""Read log files once or follow them."""
