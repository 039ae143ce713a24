"""The decision on whom to notify, its memo and the grounds for a report."""
