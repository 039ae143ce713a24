"""Models of steps 1 to 4: events, findings, signals, alerts, rules, sources and plug-ins."""
